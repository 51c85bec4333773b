"""Locations: the tenants."""

from django.contrib import admin
from django.http import HttpRequest

from customers.models import Location
from delivery.screens import QuickAdmin


@admin.register(Location)
class LocationAdmin(QuickAdmin):
    list_display = ("name", "time_zone", "public_id")
    search_fields = ("name",)
    fields = ("name", "time_zone", "public_id")
    readonly_fields = ("public_id",)

    def has_delete_permission(self, request: HttpRequest, obj: Location | None = None) -> bool:
        return False  # everything belongs to one
