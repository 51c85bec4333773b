"""The event log: everything that happened, newest first, and what became of each."""

from collections.abc import Iterable
from typing import Any

import orjson
from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join

from delivery import catalogue, rows
from delivery.admin.filters import EventType
from delivery.models import Event, Proof
from delivery.screens import MOST_FOUND, ReadOnlyAdmin, as_id, may_open, page_of, pretty

MOST_DELIVERIES = 100  # of one event, on its page


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    change_form_template = "admin/delivery/event/change_form.html"
    change_list_template = "admin/delivery/event/change_list.html"
    list_title = "Event log"
    list_display = ("happened", "what", "whose", "by")
    list_display_links = ("happened",)
    list_filter = (EventType, "muted")
    list_select_related = ("customer", "order")
    search_fields = ("by",)
    search_help_text = "An order number, an event number, a customer's e-mail, or who did it (admin:jane)."
    ordering = ("-id",)

    def found_exactly(self, term: str) -> Iterable[int]:
        pks = Event.objects.values_list("pk", flat=True)
        return (
            list(pks.filter(pk=as_id(term) or 0))
            or list(pks.filter(order__client_order_id=term.upper())[:MOST_FOUND])
            or of_email(term).values_list("pk", flat=True)[:MOST_FOUND]
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[()]:
        return ()  # the page is drawn by its template

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        number = as_id(object_id)
        event = Event.objects.select_related("order", "customer").filter(pk=number or 0).first()
        context = dict(extra_context or {})
        if event is not None and self.has_view_permission(request, event):
            context |= {**_sight_of(event), "why_page": _why_page(request, event)}
        return super().change_view(request, object_id, form_url, context)

    @admin.display(description="happened")
    def happened(self, event: Event) -> str:
        return rows.moment(event.occurred_at)

    @admin.display(description="what")
    def what(self, event: Event) -> str:
        muted = event.get_muted_display() if event.muted else ""
        badge = format_html(' <span class="badge muted">{}</span>', muted) if muted else ""
        said = '<bdi>{}</bdi>{}<div class="help">{}</div>'
        return format_html(said, catalogue.sentence(event.type, event.data), badge, event.type)

    @admin.display(description="order and customer")
    def whose(self, event: Event) -> str:
        pages = [page_of(one) for one in (event.order, event.customer) if one is not None]
        return format_html_join("", "<div><bdi>{}</bdi></div>", ((page,) for page in pages)) or "–"


def _why_page(request: HttpRequest, event: Event) -> str:
    """Where it is said what each profile made of its order; "" for whom that page would refuse."""
    if event.order_id is None:
        return ""
    try:
        page = reverse("admin:exports_why", args=[event.order_id])
    except NoReverseMatch:
        return ""
    return page if may_open(request, page) else ""


def _sight_of(event: Event) -> dict[str, Any]:
    deliveries = event.deliveries.defer("content").select_related("endpoint", "lease").order_by("id")
    seen = list(deliveries[:MOST_DELIVERIES])
    there = {one.pk for one in seen}
    proofs = Proof.objects.filter(event=event).order_by("id")[:MOST_DELIVERIES]
    entry = catalogue.BY_KEY.get(event.type)
    return {
        "event": event,
        "title": f"Event {event.pk}",
        "subtitle": None,
        "said": catalogue.sentence(event.type, event.data),
        "meaning": entry.meaning if entry else "",
        "muted": event.get_muted_display() if event.muted else "",
        "data": pretty(orjson.dumps(event.data).decode()) if event.data else "",
        "became": [
            {"delivery": one, "badge": rows.badge(one), "what": rows.target(one), "tries": rows.attempts(one)}
            for one in seen
        ],
        "proofs": [proof for proof in proofs if proof.pk not in there],
    }


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
