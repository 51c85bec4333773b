"""Erasing a person: what each app has to offer for it, and how rows are emptied, in slices that may stop.

`customers.erasing` walks the erasers that POSTRIDER_ERASERS names, again and again, until none finds anything
left; so none needs to remember how far it came.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from itertools import islice
from operator import or_
from typing import Any, ClassVar, NamedTuple, TypeVar

from django.db.models import Q, QuerySet

Item = TypeVar("Item")

BATCH = 500
MOST_COUNTED = 1000  # by `planned`


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data is erased, by the two ids that stay; since when it is being erased, if it is."""

    id: int
    public_id: str
    since: datetime | None = None


class Slice(NamedTuple):
    """What one transaction did: rows emptied, and those that cannot be emptied yet (a worker has them)."""

    emptied: int
    left: int = 0


class Eraser:
    """What one app, or one part of it, does when a person is erased. All of it may be called at any time,
    by several at once, and once more."""

    # By label of the model: the columns that are emptied, each with what is there afterwards.
    columns: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def refusal(self, person: Person) -> str:
        """Why the person cannot be erased now, and what to do about it; "" if it can."""
        return ""

    def planned(self, person: Person) -> Mapping[str, int]:
        """What would be emptied, in words, with how many there are, counted to MOST_COUNTED + 1."""
        return {}

    def left(self, person: Person) -> Mapping[str, int]:
        """What of it is still there while the person is being erased; the same way."""
        return {}

    def forget(self, words: Sequence[str]) -> None:
        """Empties texts that quote one of these words of the person, where no key leads to them; in the
        transaction in which the erasing is asked for, the only one that still knows the words."""

    def slices(self, person: Person) -> Iterator[Slice]:
        """Empties what there is, a bounded transaction for each value."""
        return iter(())


def emptied(rows: "QuerySet[Any, Any]", columns: Mapping[str, Any]) -> int:
    """Empties these columns of the rows that have something in one of them; how many rows. One statement."""
    full = reduce(or_, (~Q(**{name: value}) for name, value in columns.items()))
    return rows.filter(full).update(**columns)


def keys(rows: "QuerySet[Any, Any]", size: int = BATCH) -> Iterator[list[Any]]:
    """The keys of the rows in their order, `size` at a time, however many there are."""
    last: Any = None
    while True:
        after = rows if last is None else rows.filter(pk__gt=last)
        found = list(after.order_by("pk").values_list("pk", flat=True)[:size])
        if not found:
            return
        yield found
        last = found[-1]


def chunks(items: Iterable[Item], size: int = BATCH) -> Iterator[list[Item]]:
    """The items, `size` at a time."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def counted(rows: "QuerySet[Any, Any]") -> int:
    """How many there are, no further than MOST_COUNTED + 1."""
    return rows.order_by()[: MOST_COUNTED + 1].count()
