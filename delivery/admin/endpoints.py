"""Endpoints: where deliveries go, and how well that works."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from delivery.models import Endpoint
from delivery.screens import ReadOnlyAdmin


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    list_display = ("name", "channel", "health", "last_success_at", "last_failure_at", "is_held")
    list_filter = ("channel", "is_held")
    search_fields = ("name",)
    ordering = ("name",)
    fields = (
        "name",
        "channel",
        "health",
        "failures_in_a_row",
        "last_success_at",
        "last_failure_at",
        "last_error",
        "is_held",
        "deliveries",
    )
    readonly_fields = ("health", "deliveries")

    @admin.display(description="health")
    def health(self, endpoint: Endpoint) -> str:
        return health_of(endpoint)

    @admin.display(description="deliveries")
    def deliveries(self, endpoint: Endpoint) -> str:
        return deliveries_of(endpoint)


def health_of(endpoint: Endpoint) -> str:
    """In words: whether what goes there arrives."""
    if endpoint.is_held:
        return "Held: nothing is sent while it is switched off"
    if endpoint.failures_in_a_row:
        failures = endpoint.failures_in_a_row
        return f"Failing: {failures} failure{'s' * (failures != 1)} in a row ({endpoint.last_error})"
    return "Good" if endpoint.last_success_at else "Nothing sent yet"


def health_in_a_word(endpoint: Endpoint) -> str:
    """The same, for lists."""
    if endpoint.is_held:
        return "held"
    if endpoint.failures_in_a_row:
        return f"failing ({endpoint.failures_in_a_row})"
    return "good" if endpoint.last_success_at else "–"


def deliveries_of(endpoint: Endpoint) -> str:
    """A link to the list of what goes there."""
    url = reverse("admin:delivery_delivery_changelist")
    return format_html('<a href="{}?endpoint={}">Recent deliveries</a>', url, endpoint.pk)
