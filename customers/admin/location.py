"""Locations: the tenants."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from customers.models import Location
from delivery.screens import QuickAdmin


def the_only_location() -> dict[str, Any]:
    """What a form for a new row begins with: with one location nobody has to name it (decision 8)."""
    found = list(Location.objects.values_list("pk", flat=True)[:2])
    return {"location": found[0]} if len(found) == 1 else {}


@admin.register(Location)
class LocationAdmin(QuickAdmin):
    change_list_template = "admin/crm_change_list.html"
    list_display = ("name", "time_zone", "public_id", "customers")
    search_fields = ("name",)
    search_help_text = "A part of the name."
    fields = ("name", "time_zone", "public_id")
    readonly_fields = ("public_id",)
    change_form_template = "admin/customers/location/change_form.html"

    @admin.display(description="customers")
    def customers(self, location: Location) -> str:
        url = f"{reverse('admin:customers_customer_changelist')}?location__id__exact={location.pk}"
        return format_html('<a href="{}">customers<span class="unseen"> of {}</span></a>', url, location.name)

    def has_delete_permission(self, request: HttpRequest, obj: Location | None = None) -> bool:
        return False  # everything belongs to one
