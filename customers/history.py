"""The history: what happened, newest first, and what became of it; read from events and deliveries."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from customers.models import Customer
from delivery import catalogue, channels
from delivery.models import Delivery, Event

# Companions of an event that says the same in other words; shown small, unless something came of them.
_MINOR = (
    "order.created",
    "order.updated",
    "transaction.created",
    "transaction.updated",
    "subscription.created",
    "subscription.updated",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One delivery, in a sentence that stays current: one line however many attempts it takes."""

    delivery_id: str
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, with the deliveries that followed from it."""

    event_id: int
    at: datetime
    text: str
    by: str
    order_id: int | None
    order_number: str
    is_test_order: bool
    is_note: bool
    is_minor: bool
    muted: str  # why no subscriber acted on it; "" if they could
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, and the event id before which the older ones start (None: there are none)."""

    entries: tuple[Entry, ...]
    older_before: int | None


def history(customer: Customer, *, before: int | None = None, limit: int = 50) -> Page:
    """What happened to the customer, newest first; two statements whatever there is."""
    return _page(Event.objects.filter(customer=customer), before, limit)


def history_of_order(order_id: int, *, before: int | None = None, limit: int = 50) -> Page:
    """The same for one order."""
    return _page(Event.objects.filter(order_id=order_id), before, limit)


def _page(events: QuerySet[Event], before: int | None, limit: int) -> Page:
    if before is not None:
        events = events.filter(pk__lt=before)
    found = list(events.select_related("order").order_by("-id")[: limit + 1])
    shown = found[:limit]
    deliveries = _deliveries(shown)
    entries = tuple(_entry(event, deliveries[event.pk]) for event in shown)
    return Page(entries, shown[-1].pk if len(found) > limit else None)


def _deliveries(events: Sequence[Event]) -> dict[int, list[Delivery]]:
    """By event, in the order in which they were made; tests are no part of a customer's history."""
    result: dict[int, list[Delivery]] = defaultdict(list)
    ids = [event.pk for event in events]
    for delivery in Delivery.objects.filter(event__in=ids, is_test=False).defer("content").order_by("id"):
        if delivery.event_id is not None:
            result[delivery.event_id].append(delivery)
    return result


def _entry(event: Event, deliveries: Sequence[Delivery]) -> Entry:
    order = event.order
    number = order.client_order_id if order else ""
    return Entry(
        event_id=event.pk,
        at=event.occurred_at,
        text=catalogue.sentence(event.type, event.data),
        by=event.by,
        order_id=event.order_id,
        order_number=number,
        is_test_order=order is not None and order.is_test,
        is_note=event.type == "note.added",
        is_minor=event.type in _MINOR and not deliveries,
        muted=event.get_muted_display() if event.muted else "",
        lines=tuple(_line(delivery, number) for delivery in deliveries),
    )


def _line(delivery: Delivery, order_number: str) -> Line:
    text = channels.channel(delivery.channel).describe(delivery, order_number)
    return Line(delivery.pk, "sending" if delivery.is_being_sent else delivery.state, text)
