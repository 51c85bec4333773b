"""What was said about a person and what came back: contents, addresses, answers; what waits is cancelled.

What stays of each is that it was, when, to whom, what became of it, and a proof with the hash of what
was said (`models.Proof`, as pruning writes it, but beside the row and not in its place). A delivery whose
content is empty was erased, and is never sent again.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Left, StrIndex, TruncDate
from django.utils import timezone

from delivery import counts, events, queue
from delivery.erasing import MOST_COUNTED, Eraser, Person, Slice, chunks, counted, keys
from delivery.models import Attempt, Delivery, Event, Lease, Proof
from delivery.pruning import proofs

ERASED = "erased"  # the last error of what was cancelled
CANCELLED_DETAIL = "Its customer was erased: it is not sent."
DELETED = "contact.deleted"  # recorded since then, it tells partners that the person is gone
GOODBYE = " of an erased customer"  # ends the reason of such a delivery: answers to it may name the person
EVENTS = 100  # whose deliveries are looked for at once
MOST_ATTEMPTS = 1000  # in one transaction: of a partner that was down for long there are many
_UNFINISHED = Q(state__in=(Delivery.State.PENDING, Delivery.State.WAITING))
# The address as far as it is the partner's: behind the question mark stand the fields.
_BARE_URL = Case(
    When(url__contains="?", then=Left("url", StrIndex("url", Value("?")) - 1, output_field=TextField())),
    default=F("url"),
    output_field=TextField(),
)


class EventEraser(Eraser):
    """What the log says of the person."""

    columns: ClassVar[Mapping[str, Mapping[str, Any]]] = {"delivery.Event": {"data": {}}}

    def planned(self, person: Person) -> Mapping[str, int]:
        of_person = Event.objects.filter(customer_id=person.id)
        notes = of_person.filter(type="note.added")
        return {"events": counted(of_person), "notes of agents, among them": counted(notes)}

    def slices(self, person: Person) -> Iterator[Slice]:
        for ids in keys(Event.objects.filter(customer_id=person.id)):
            with transaction.atomic():
                emptied = events.empty(ids)
            yield Slice(emptied)


class DeliveryEraser(Eraser):
    """What was sent about the person, and tests: they name nobody, so all of them are emptied."""

    columns: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "delivery.Delivery": {"content": "", "last_detail": ""},
        "delivery.Attempt": {
            **{"url": _BARE_URL, "request_headers": "", "detail": ""},
            **{"answer_headers": "", "answer": "", "is_answer_cut": False},
        },
    }

    def planned(self, person: Person) -> Mapping[str, int]:
        sent = Delivery.objects.filter(event__in=_newest_events(person))
        waiting = sent.filter(_UNFINISHED, kept_on=None)
        return {
            "deliveries": counted(sent),
            "waiting deliveries among them, to be cancelled": counted(waiting),
            "tests of anybody, as they do not say whose data they hold": counted(_tests()),
        }

    def left(self, person: Person) -> Mapping[str, int]:
        said = Delivery.objects.filter(event__in=_newest_events(person)).exclude(content="")
        return {"deliveries": counted(said)}

    def slices(self, person: Person) -> Iterator[Slice]:
        for ids in delivery_ids(person):
            _mark_what_is_out(ids)
            yield _empty(ids)
            yield from _attempts(ids)


def delivery_ids(person: Person) -> Iterator[list[str]]:
    """Of all that was ever made of the person's events, kept or only proven, and of tests; some at a time.

    But not of what tells partners that the person is gone: it never held more than ids.
    """
    for event_ids in keys(_events(person), EVENTS):
        there = set(Delivery.objects.filter(event__in=event_ids).values_list("pk", flat=True))
        there |= set(Proof.objects.filter(event__in=event_ids).values_list("pk", flat=True))
        yield from chunks(sorted(there))
    yield from keys(_tests())


def unquoted(attempt: Any) -> Any:
    """An attempt (`settling.AttemptRow`) as it goes on record without what it said and was answered."""
    return attempt._replace(
        url=attempt.url.partition("?")[0],
        **{"request_headers": "", "detail": "", "answer_headers": "", "answer": "", "is_answer_cut": False},
    )


def _events(person: Person) -> "QuerySet[Event]":
    """Of which deliveries hold personal data."""
    about = Event.objects.filter(customer_id=person.id)
    if person.since is None:
        return about
    return about.exclude(type=DELETED, recorded_at__gte=person.since)


def _newest_events(person: Person) -> list[int]:
    """As numbers: a plan of events and deliveries together might go astray."""
    newest = _events(person).order_by("-pk").values_list("pk", flat=True)
    return list(newest[: MOST_COUNTED + 1])


def _tests() -> "QuerySet[Delivery]":
    return Delivery.objects.filter(is_test=True)


def _mark_what_is_out(ids: Sequence[str]) -> None:
    """Who settles it will see the mark. One that is being settled at this moment is passed by, so that we
    never wait for who waits for us; the next look finds it settled."""
    with transaction.atomic():
        out = Lease.objects.filter(pk__in=ids, is_erased=False).select_for_update(skip_locked=True)
        found = list(out.values_list("pk", flat=True))
        Lease.objects.filter(pk__in=found).update(is_erased=True)


def _empty(ids: Sequence[str]) -> Slice:
    """Cancels what waits, proves and empties what nobody has in hand; one transaction."""
    now = timezone.now()
    with transaction.atomic():
        full = Delivery.objects.filter(pk__in=ids).exclude(content="")
        found = dict(full.values_list("pk", "endpoint_id"))
        if not found:
            return Slice(0)
        queue.lock_endpoints(set(found.values()))
        free = queue.take_back(list(found), now)
        ours = Delivery.objects.filter(pk__in=free).exclude(content="")
        counted = _cancel(ours, now)
        said = list(ours.filter(is_test=False).values_list("pk", flat=True))
        proofs.write(said, "delivery_delivery")
        emptied = ours.filter(last_error=ERASED).update(content="")
        emptied += ours.update(content="", last_detail="")
        counts.add(counted, now=now)
    return Slice(emptied, left=len(found) - len(free))


def _cancel(ours: "QuerySet[Delivery]", now: datetime) -> list[counts.Counted]:
    """What was to go out does not. How that is counted: as an end, under the hour of its beginning."""
    waiting = ours.filter(_UNFINISHED)
    made = waiting.filter(is_test=False).values_list("channel", "created_at")
    counted = [counts.finished(channel, counts.CANCELLED, created_at) for channel, created_at in made]
    waiting.update(
        state=Delivery.State.CANCELLED,
        due_at=None,
        asked_by="",
        finished_at=now,
        kept_on=now.date(),
        last_error=ERASED,
        last_detail=CANCELLED_DETAIL,
    )
    again = ours.filter(due_at__isnull=False)  # finished, and asked for once more
    again.update(due_at=None, asked_by="", kept_on=TruncDate("finished_at", tzinfo=UTC))
    return counted


def _attempts(ids: Sequence[str]) -> Iterator[Slice]:
    """Their attempts, also of those that are out, or pruned."""
    columns = DeliveryEraser.columns["delivery.Attempt"]
    while True:
        full = Attempt.objects.filter(delivery__in=ids).exclude(request_headers="")
        found = list(full.order_by("pk").values_list("pk", flat=True)[:MOST_ATTEMPTS])
        if not found:
            return
        with transaction.atomic():
            emptied = Attempt.objects.filter(pk__in=found).update(**columns)
        yield Slice(emptied)
