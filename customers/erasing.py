"""Erasing a person (privacy): personal data is emptied wherever it is stored; counts and proofs stay.

`request` empties the customer's own row and marks it, in one transaction: from then on nothing of the person
goes out and nothing new comes in. The rest follows in slices (`walk`), by whoever comes: the page's task,
the command, the tick of every minute. Nothing has to be remembered between slices: a walk looks at all, and
the erasing is done when a look that began after all older transactions had ended found nothing any more.
Killed anywhere, the next one goes on (docs/privacy.md, docs/adr/0016).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from audit import changes
from customers.models import Customer
from customers.services import ContactRefused, tombstones
from delivery.erasing import MOST_COUNTED, Eraser, Person, Slice
from delivery.models import Delivery, Event, Proof

TICK_SECONDS = 20
TASK_SECONDS = 240  # below the time limit of a task
PAUSE_SECONDS = 0.2  # before another look at what somebody else had in hand
MOST_WORDS = 200
FEWEST_LETTERS = 5  # of a word that is looked for in texts: shorter ones stand there by chance
_ACTION = "Asked for its personal data to be erased"


class EraseRefused(ContactRefused):
    """The customer cannot be erased now; the message says why, and what to do about it."""


@dataclass(slots=True)
class Progress:
    """What a walk has emptied so far, by the name of the eraser, and what is in somebody else's hands."""

    emptied: Counter[str] = field(default_factory=Counter)
    left: int = 0
    is_done: bool = False

    @property
    def total(self) -> int:
        return self.emptied.total()


class CustomerEraser(Eraser):
    """The row itself: emptied by the request, and looked at again with the rest."""

    columns: ClassVar[Mapping[str, Mapping[str, object]]] = {"customers.Customer": tombstones.EMPTIED}

    def slices(self, person: Person) -> Iterator[Slice]:
        yield Slice(tombstones.empty_again(person.id))


def erasers() -> list[Eraser]:
    return [import_string(path)() for path in settings.POSTRIDER_ERASERS]


def person_of(customer: Customer) -> Person:
    return Person(customer.pk, customer.public_id, customer.erase_requested_at)


def refusal(customer: Customer) -> str:
    """Why it cannot be erased now, and what to do about it; "" if it can."""
    return " ".join(filter(None, (one.refusal(person_of(customer)) for one in erasers())))


def planned(customer: Customer) -> Mapping[str, int]:
    """What would be emptied: in words, with how many, counted to MOST_COUNTED + 1. What there is none of is
    left out."""
    found: dict[str, int] = {}
    for one in erasers():
        found |= one.planned(person_of(customer))
    return {name: number for name, number in found.items() if number}


def left(customer: Customer) -> Mapping[str, int]:
    """What is not emptied yet of one that is being erased; the little that is quickly counted."""
    found: dict[str, int] = {}
    for one in erasers():
        found |= one.left(person_of(customer))
    return {name: number for name, number in found.items() if number}


def in_words(number: int) -> str:
    """A number of `planned`."""
    return f"more than {MOST_COUNTED:,}" if number > MOST_COUNTED else f"{number:,}"


def request(customer: Customer, *, by: str) -> Customer:
    """Marks and empties the customer: the first of all slices; once, however often it is asked for.

    Returns the row as it is now. Raises EraseRefused. There is no way back.
    """
    with transaction.atomic():
        row = Customer.objects.select_for_update().get(pk=customer.pk)
        if row.is_erased:
            return row
        if why := refusal(row):
            raise EraseRefused(why)
        words = _words_of(row)
        for one in erasers():
            one.forget(words)
        tombstones.empty(row, is_told=not _is_known_to_be_gone(row), by=by)
        changes.record(row, _ACTION, by=by)
    return row


def walk(
    customer: Customer,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[Progress], None] = lambda so_far: None,
    is_patient: bool = True,
) -> Progress:
    """Empties all there is, slice by slice, until nothing is left or it is told to stop.

    With `is_patient` it waits for what a worker has in hand and for writers that began before it. Raises
    RuntimeError within a transaction: each slice is one of its own.
    """
    if connection.in_atomic_block:
        raise RuntimeError("Erasing takes many transactions, so it cannot be part of one.")
    so_far, since = Progress(), _now()
    while not should_stop():
        is_after_all = _is_past(since)
        before, so_far.left = so_far.total, 0
        if not _looked_at_all(customer, so_far, should_stop, progress):
            break
        if so_far.total > before:
            continue
        if is_after_all and not so_far.left:
            tombstones.finish_erasing(customer.pk)
            so_far.is_done = True
            break
        if not is_patient:
            break
        time.sleep(PAUSE_SECONDS)
    return so_far


def carry_on(seconds: float = TICK_SECONDS, *, is_patient: bool = False) -> str:
    """For the cluster: those that are not done, for at most about so long. A line for the task list."""
    end = time.monotonic() + seconds
    waiting = Customer.objects.filter(erase_requested_at__isnull=False, erased_at=None).order_by("pk")
    done = 0
    for customer in waiting[:100]:
        done += walk(customer, should_stop=lambda: time.monotonic() > end, is_patient=is_patient).is_done
    return f"{done} customers erased"


def task() -> str:
    """What the page starts; what it does not finish the tick does."""
    return carry_on(TASK_SECONDS, is_patient=True)


def begin() -> None:
    """Has the cluster start at once. If this fails, the minute's tick begins."""
    from django_q.tasks import async_task  # late: django-q2 reads settings and cache when imported

    async_task("customers.erasing.task", q_options={"group": "erasing"})


def _looked_at_all(
    customer: Customer,
    so_far: Progress,
    should_stop: Callable[[], bool],
    progress: Callable[[Progress], None],
) -> bool:
    """One look at everything; False: told to stop before its end."""
    for one in erasers():
        for emptied, left in one.slices(person_of(customer)):
            so_far.emptied[type(one).__name__] += emptied
            so_far.left += left
            progress(so_far)
            if should_stop():
                return False
    return True


def _is_known_to_be_gone(row: Customer) -> bool:
    """Whether it was deleted before, and partners know: what waits to tell them is cancelled too."""
    if row.deleted_at is None:
        return False
    told = Event.objects.filter(customer=row, type="contact.deleted").values("pk")
    deliveries = Delivery.objects.filter(event__in=told)
    is_waited_for = deliveries.filter(kept_on=None).exists()
    return not is_waited_for and (deliveries.exists() or Proof.objects.filter(event__in=told).exists())


def _words_of(row: Customer) -> list[str]:
    """By which texts are known to quote the person: e-mails, phones, streets, names, ids of the client."""
    names = ("external_id", "account_number", "email", "address", "home_phone", "cell_phone", "office_phone")
    found = {str(getattr(row, name)).strip() for name in names} | {row.phone_digits, row.full_name}
    for ordered in row.orders.order_by("-pk").values_list("email", "phone", "address1")[:MOST_WORDS]:
        found |= {text.strip() for text in ordered}
    return sorted(word for word in found if len(word) >= FEWEST_LETTERS)[:MOST_WORDS]


def _now() -> int:
    """A number above those of all transactions that have begun to write; on SQLite one writes at a time."""
    return _number("pg_snapshot_xmax")


def _is_past(since: int) -> bool:
    """Whether all that began to write before then have ended, and what they wrote can be seen."""
    return _number("pg_snapshot_xmin") >= since


def _number(of: str) -> int:
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {of}(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])
