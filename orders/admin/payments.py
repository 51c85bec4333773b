"""Stored payment methods and settlement batches, only to be read."""

from django.contrib import admin

from delivery.screens import ReadOnlyAdmin, page_of
from orders.models import SettlementBatch, StoredPaymentMethod


@admin.register(StoredPaymentMethod)
class StoredPaymentMethodAdmin(ReadOnlyAdmin):
    list_display = (
        "public_id",
        "customer_page",
        "pay_source",
        "card_type",
        "card_last4",
        "card_expiry",
        "created_at",
    )
    list_select_related = ("customer",)
    search_fields = ("public_id",)
    search_help_text = "The id of the payment method."
    ordering = ("-id",)
    fields = (
        "public_id",
        "customer_page",
        "pay_source",
        "card_type",
        ("card_bin", "card_last4", "card_expiry"),
        ("card_is_debit", "card_is_prepaid"),
        "ach_account_type",
        "created_at",
    )
    readonly_fields = ("customer_page",)

    @admin.display(description="customer")
    def customer_page(self, method: StoredPaymentMethod) -> str:
        return page_of(method.customer)


@admin.register(SettlementBatch)
class SettlementBatchAdmin(ReadOnlyAdmin):
    list_display = ("number", "gateway", "is_open", "created_at", "closed_at")
    list_filter = ("is_open",)
    list_select_related = ("gateway",)
    search_fields = ("public_id", "gateway__title")
    ordering = ("-id",)
