"""Campaigns, products and merchant accounts: what staff keep up themselves."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from customers.admin.location import the_only_location
from delivery.screens import QuickAdmin
from orders.models import Campaign, CampaignProduct, Gateway, Product


class OfOneLocation(QuickAdmin):
    """Rows that stay where they were made: orders of that location refer to them."""

    change_list_template = "admin/orders/catalog_change_list.html"
    list_filter: ClassVar[Any] = ("location",)
    list_select_related = ("location",)
    autocomplete_fields: ClassVar[Any] = ("location",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**the_only_location(), **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "location") if obj else tuple(self.readonly_fields)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # orders, routes and payments name them


class CampaignProductInline(admin.TabularInline):  # type: ignore[type-arg]
    model = CampaignProduct
    autocomplete_fields = ("product",)
    extra = 0
    verbose_name_plural = "products and prices"


@admin.register(Campaign)
class CampaignAdmin(OfOneLocation):
    list_display = ("name", "id", "type", "location", "orders")
    list_filter = ("type", "location")
    search_fields = ("name",)
    search_help_text = "A part of the name."
    ordering = ("name",)
    inlines = (CampaignProductInline,)

    @admin.display(description="orders")
    def orders(self, campaign: Campaign) -> str:
        url = f"{reverse('admin:orders_order_changelist')}?campaign={campaign.pk}"
        return format_html('<a href="{}">orders<span class="unseen"> of {}</span></a>', url, campaign.name)


@admin.register(Product)
class ProductAdmin(OfOneLocation):
    list_display = ("name", "id", "sku", "category", "bills", "location")
    list_filter = ("is_recurring", "location")
    search_fields = ("name", "sku", "external_id")
    search_help_text = "A part of the name, of the SKU or of the external id."
    ordering = ("name", "id")

    @admin.display(description="bills")
    def bills(self, product: Product) -> str:
        return f"every {product.billing_interval_days} days" if product.is_recurring else "once"


@admin.register(Gateway)
class GatewayAdmin(OfOneLocation):
    list_display = ("title", "public_id", "location")
    search_fields = ("title", "public_id")
    ordering = ("title",)
    readonly_fields = ("public_id",)
