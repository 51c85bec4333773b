"""Endpoints: where deliveries go, how well that works, and how much of it they bear."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html

from delivery import limits
from delivery.admin import signatures
from delivery.clock import clock
from delivery.models import Delivery, Endpoint
from delivery.screens import QuickAdmin, ReadOnlyAdmin, actor

MOST_WAITING = 1000  # counted no further: a dead endpoint may have a million

_LIMITS = ("concurrency", "rate_per_second")


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    list_display = ("name", "channel", "health", "last_success_at", "last_failure_at")
    list_filter = ("channel", "is_held")
    search_fields = ("name",)
    ordering = ("name",)
    actions = None
    fieldsets = (
        (None, {"fields": ("name", "channel", "health", "waiting", "deliveries", "verifying")}),
        ("Limits", {"fields": _LIMITS}),
        (
            "Its record",
            {"fields": ("last_success_at", "last_failure_at", "last_error", "failures_in_a_row", "is_held")},
        ),
    )
    readonly_fields = (
        *("name", "channel", "health", "waiting", "deliveries", "verifying"),
        *("last_success_at", "last_failure_at", "last_error", "failures_in_a_row", "is_held"),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of the limits: all else is written by the machine."""
        return super(QuickAdmin, self).has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The limits alone: workers write the rest of the row meanwhile."""
        asked = {name: form.cleaned_data[name] for name in _LIMITS}
        limits.set_limits(obj.pk, **asked, by=actor(request))

    def get_urls(self) -> list[URLPattern]:
        return [*signatures.doors(self), *super().get_urls()]

    @admin.display(description="health")
    def health(self, endpoint: Endpoint) -> str:
        return health_of(endpoint)

    @admin.display(description="waiting")
    def waiting(self, endpoint: Endpoint) -> str:
        return waiting_for(endpoint)

    @admin.display(description="deliveries")
    def deliveries(self, endpoint: Endpoint) -> str:
        return format_html('<a href="{}">Recent deliveries</a>', _list_of(endpoint))

    @admin.display(description="signature")
    def verifying(self, endpoint: Endpoint) -> str:
        """A link to the page for the receiver's developer."""
        url = reverse("admin:delivery_endpoint_signatures", args=[endpoint.pk])
        return format_html('<a href="{}">How to verify</a>: the secret, and code for the receiver', url)


def health_of(endpoint: Endpoint) -> str:
    """In words: whether what goes there arrives, and if not, when it is tried next."""
    if endpoint.is_held:
        return "Held: nothing is sent while it is switched off"
    if endpoint.asleep_until is not None:
        return _asleep(endpoint)
    at_most = f"at most {endpoint.window} at once for now" if endpoint.window else ""
    if endpoint.failures_in_a_row:
        return "; ".join(filter(None, (f"Failing: {_failures(endpoint)}", at_most)))
    if at_most:
        since = f" since {clock(endpoint.awake_since, timezone.now())}" if endpoint.awake_since else ""
        return f"Awake again{since}: {at_most}, and more with each success"
    return "Good" if endpoint.last_success_at else "Nothing sent yet"


def health_in_a_word(endpoint: Endpoint) -> str:
    """The same, for lists."""
    if endpoint.is_held:
        return "held"
    if endpoint.asleep_until is not None:
        return "asleep"
    if endpoint.failures_in_a_row:
        return f"failing ({endpoint.failures_in_a_row})"
    if endpoint.window:
        return "waking"
    return "good" if endpoint.last_success_at else "–"


def deliveries_of(endpoint: Endpoint) -> str:
    """Links to the list of what goes there, and to the endpoint's own page."""
    page = reverse("admin:delivery_endpoint_change", args=[endpoint.pk])
    links = '<a href="{}">Recent deliveries</a> · <a href="{}">Limits and signature</a>'
    return format_html(links, _list_of(endpoint), page)


def waiting_for(endpoint: Endpoint) -> str:
    """How many have not arrived yet, counted no further than MOST_WAITING; with a link to them."""
    unfinished = Delivery.objects.filter(endpoint=endpoint, kept_on=None, state__in=["pending", "waiting"])
    number = unfinished.order_by().values("pk")[: MOST_WAITING + 1].count()
    if not number:
        return "None"
    text = f"{MOST_WAITING:,}+" if number > MOST_WAITING else f"{number:,}"
    return format_html('<a href="{}&amp;state__in=pending,waiting">{}</a>', _list_of(endpoint), text)


def _asleep(endpoint: Endpoint) -> str:
    now = timezone.now()
    assert endpoint.asleep_until is not None
    since = f" since {clock(endpoint.asleep_since, now)}" if endpoint.asleep_since else ""
    why = _failures(endpoint) if endpoint.failures_in_a_row else "nothing could be sent"
    probe = "now" if endpoint.asleep_until <= now else clock(endpoint.asleep_until, now)
    return f"Asleep{since}: {why}; next probe {probe}"


def _failures(endpoint: Endpoint) -> str:
    number = endpoint.failures_in_a_row
    error = f" ({endpoint.last_error})" if endpoint.last_error else ""
    return f"{number} failure{'s' * (number != 1)} in a row{error}"


def _list_of(endpoint: Endpoint) -> str:
    return f"{reverse('admin:delivery_delivery_changelist')}?endpoint={endpoint.pk}"
