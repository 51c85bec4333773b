"""The event log: everything that happened, newest first."""

from collections.abc import Iterable

import orjson
from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.utils.html import format_html, format_html_join

from delivery import catalogue
from delivery.admin.filters import EventType
from delivery.models import Event
from delivery.screens import MOST_FOUND, ReadOnlyAdmin, as_id, page_of, pretty


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("occurred_at", "type", "what_and_who", "order_page", "customer_page")
    list_display_links = ("occurred_at", "type")
    list_filter = (EventType, "muted")
    list_select_related = ("customer", "order")
    search_fields = ("by",)
    search_help_text = "An order number, an event number, a customer's e-mail, or who did it (admin:jane)."
    ordering = ("-id",)
    fields = (
        "id",
        "type",
        "what",
        "order_page",
        "customer_page",
        "by",
        "occurred_at",
        "recorded_at",
        "muted_because",
        "stored_data",
        "what_became_of_it",
    )
    readonly_fields = (
        "what",
        "order_page",
        "customer_page",
        "muted_because",
        "stored_data",
        "what_became_of_it",
    )

    def found_exactly(self, term: str) -> Iterable[int]:
        pks = Event.objects.values_list("pk", flat=True)
        return (
            list(pks.filter(pk=as_id(term) or 0))
            or list(pks.filter(order__client_order_id=term.upper())[:MOST_FOUND])
            or of_email(term).values_list("pk", flat=True)[:MOST_FOUND]
        )

    @admin.display(description="what happened")
    def what(self, event: Event) -> str:
        return catalogue.sentence(event.type, event.data)

    @admin.display(description="what happened")
    def what_and_who(self, event: Event) -> str:
        return f"{self.what(event)}, by {event.by}"

    @admin.display(description="order")
    def order_page(self, event: Event) -> str:
        return page_of(event.order)

    @admin.display(description="customer")
    def customer_page(self, event: Event) -> str:
        return page_of(event.customer)

    @admin.display(description="muted")
    def muted_because(self, event: Event) -> str:
        return event.get_muted_display() if event.muted else ""

    @admin.display(description="data")
    def stored_data(self, event: Event) -> str:
        return format_html('<pre class="wire">{}</pre>', pretty(orjson.dumps(event.data).decode()))

    @admin.display(description="deliveries")
    def what_became_of_it(self, event: Event) -> str:
        deliveries = event.deliveries.defer("content").order_by("id")[:MOST_FOUND]
        lines = [(page_of(one), one.target_name, one.get_state_display()) for one in deliveries]
        return format_html_join("", "<div>{} {}: {}</div>", lines) or "–"


def of_email(term: str) -> QuerySet[Event]:
    """Events of the customers with this e-mail address, by the index of addresses."""
    if "@" not in term:
        return Event.objects.none()
    locations = apps.get_model("customers", "Location")._default_manager.values(
        "pk"
    )  # the index starts with it
    customers = apps.get_model("customers", "Customer")._default_manager.annotate(lower=Lower("email"))
    found = customers.filter(location__in=locations, lower=term.lower()).exclude(email="")
    return Event.objects.filter(customer__in=list(found.values_list("pk", flat=True)[:MOST_FOUND]))
