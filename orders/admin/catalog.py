"""Campaigns, products and merchant accounts: what staff keep up themselves."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from customers.admin.location import the_only_location
from delivery.screens import QuickAdmin
from orders.models import Campaign, CampaignProduct, Gateway, Product


class OfOneLocation(QuickAdmin):
    """Rows that stay where they were made: orders of that location refer to them."""

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
    list_display = ("name", "id", "type", "location")
    search_fields = ("name",)
    ordering = ("name",)
    inlines = (CampaignProductInline,)


@admin.register(Product)
class ProductAdmin(OfOneLocation):
    list_display = ("name", "id", "sku", "category", "is_recurring", "billing_interval_days", "location")
    list_filter = ("is_recurring", "location")
    search_fields = ("name", "sku", "external_id")
    ordering = ("name", "id")


@admin.register(Gateway)
class GatewayAdmin(OfOneLocation):
    list_display = ("title", "public_id", "location")
    search_fields = ("title", "public_id")
    ordering = ("title",)
    readonly_fields = ("public_id",)
