"""The history: what happened, newest first, and what became of it; read from events and deliveries."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from customers.models import Customer
from delivery import catalogue, channels
from delivery.models import Delivery, Event, Proof

# Companions of an event that say the same in other words; shown small, unless something came of them.
MINOR = (
    "order.created",
    "order.updated",
    "transaction.created",
    "transaction.updated",
    "subscription.created",
    "subscription.updated",
)


MOST_COUNTED = 1000

# What a history can be asked to show, and how that is called.
SHOWN = {
    "": "Everything",
    "sent": "What was sent",
    "exported": "Delivered",
    "waiting": "Waiting",
    "failed": "Failed",
    "notes": "Notes",
}
_STATES = {
    "sent": tuple(Delivery.State.values),
    "exported": ("delivered",),
    "waiting": ("pending", "waiting"),
    "failed": ("failed",),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One delivery, in a sentence that stays current: one line however many attempts it takes."""

    delivery_id: str
    state: str
    text: str
    is_pruned: bool  # only this is left of it


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


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many orders a customer has, and deliveries by what became of them.

    `is_cut`: there are more than MOST_COUNTED; what is said of deliveries holds for the newest then.
    """

    orders: int
    has_more_orders: bool
    exported: int
    waiting: int
    failed: int
    is_cut: bool


def history(customer: Customer, *, show: str = "", before: int | None = None, limit: int = 50) -> Page:
    """What happened to the customer, newest first; three statements whatever there is.

    `show` is a word of SHOWN: only what became of it, or only notes.
    """
    return _page(_shown(Event.objects.filter(customer=customer), show), before, limit)


def history_of_order(order_id: int, *, show: str = "", before: int | None = None, limit: int = 50) -> Page:
    """The same for one order."""
    return _page(_shown(Event.objects.filter(order_id=order_id), show), before, limit)


def numbers(customer: Customer) -> Numbers:
    """What was sent about the customer, and what became of it; four statements that never count further."""
    orders = customer.orders.all()[: MOST_COUNTED + 1].count()
    newest = Event.objects.filter(customer=customer).order_by("-id").values_list("pk", flat=True)
    events = list(newest[: MOST_COUNTED + 1])
    rows = Delivery.objects.filter(event__in=events, is_test=False).values_list("pk", "state")
    states = dict(rows[: MOST_COUNTED + 1])
    proofs = Proof.objects.filter(event__in=events).values_list("pk", "state")[: MOST_COUNTED + 1]
    states = {**dict(proofs), **states}  # one sent again is still there as well
    count = Counter(states.values())
    return Numbers(
        orders=min(orders, MOST_COUNTED),
        has_more_orders=orders > MOST_COUNTED,
        exported=count["delivered"],
        waiting=count["pending"] + count["waiting"],
        failed=count["failed"],
        is_cut=max(len(events), len(states)) > MOST_COUNTED,
    )


def _shown(events: QuerySet[Event], show: str) -> QuerySet[Event]:
    if show == "notes":
        return events.filter(type="note.added")
    if show not in _STATES:
        return events
    states = _STATES[show]
    there = Delivery.objects.filter(event=OuterRef("pk"), is_test=False, state__in=states)
    pruned = Proof.objects.filter(event=OuterRef("pk"), state__in=states)
    return events.filter(Q(Exists(there)) | Q(Exists(pruned)))


def _page(events: QuerySet[Event], before: int | None, limit: int) -> Page:
    if before is not None:
        events = events.filter(pk__lt=before)
    found = list(events.select_related("order").order_by("-id")[: limit + 1])
    shown = found[:limit]
    lines = _lines(shown)
    entries = tuple(_entry(event, lines[event.pk]) for event in shown)
    return Page(entries, shown[-1].pk if len(found) > limit else None)


def _lines(events: Sequence[Event]) -> dict[int, list[Line]]:
    """By event, in the order in which they were made; tests are no part of a customer's history."""
    of_event = {event.pk: event for event in events}
    there = Delivery.objects.filter(event__in=of_event, is_test=False).select_related("lease")
    found = {delivery.pk: (delivery, False) for delivery in there.defer("content")}
    for proof in Proof.objects.filter(event__in=of_event):
        found.setdefault(proof.pk, (proof.as_delivery(), True))  # one sent again is still there as well
    result: dict[int, list[Line]] = defaultdict(list)
    for _, (delivery, is_pruned) in sorted(found.items()):
        if delivery.event_id is not None:
            result[delivery.event_id].append(_line(delivery, of_event[delivery.event_id], is_pruned))
    return result


def _entry(event: Event, lines: Sequence[Line]) -> Entry:
    order = event.order
    return Entry(
        event_id=event.pk,
        at=event.occurred_at,
        text=catalogue.sentence(event.type, event.data),
        by=event.by,
        order_id=event.order_id,
        order_number=order.client_order_id if order else "",
        is_test_order=order is not None and order.is_test,
        is_note=event.type == "note.added",
        is_minor=event.type in MINOR and not lines,
        muted=event.get_muted_display() if event.muted else "",
        lines=tuple(lines),
    )


def _line(delivery: Delivery, event: Event, is_pruned: bool) -> Line:
    number = event.order.client_order_id if event.order else ""
    text = channels.channel(delivery.channel).describe(delivery, number)
    return Line(delivery.pk, "sending" if delivery.is_being_sent else delivery.state, text, is_pruned)
