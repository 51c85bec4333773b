"""One transaction's worth of moves: decided in memory, written in sets, each with its events."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from customers.models import Customer
from delivery import events, sets
from delivery.events import FUTURE_SLACK, Happening
from orders import cases
from orders.cases import Case
from orders.lifecycle import settlement, vault
from orders.lifecycle.moved import Moved
from orders.models import Fulfillment, Order, OrderItem, Subscription, Transaction
from orders.snapshots import Memory, Picture

Row = TypeVar("Row", bound=Model)


class MoveRefused(ValueError):
    """A move that is not possible; the message says why, for people."""


@dataclass(slots=True)
class _Told:
    """An event to be. Values in `data` may be rows that get their id only when written."""

    type: str
    case: Case
    at: datetime
    data: dict[str, Any]
    picture: Picture | None = None


@dataclass(slots=True)
class Work:
    """The moves of one transaction. `past`: facts of the past, whose order of moves is not judged."""

    by: str
    past: bool = False
    quiet: bool = False
    _new: dict[type[Model], list[Any]] = field(default_factory=dict)
    _changed: dict[type[Model], dict[int, Any]] = field(default_factory=dict)
    _removed: dict[type[Model], list[int]] = field(default_factory=dict)
    _told: list[_Told] = field(default_factory=list)
    _moved: list[Moved] = field(default_factory=list)
    _earlier: list[Moved] = field(default_factory=list)  # moved before, and what it was is kept now
    _billed: list[tuple[Subscription, Transaction]] = field(default_factory=list)
    _beside: int = 0  # events that only writing brought
    _memory: Memory = field(default_factory=Memory)
    _pictured: int = 0  # of what was told

    def load(self, order_ids: Iterable[int]) -> dict[int, Case]:
        """Cases to move, locked until the work is written."""
        loaded = cases.load(order_ids, lock=True)
        self._memory.keep(loaded.values())
        return loaded

    def add(self, row: Model) -> None:
        """A row to be inserted."""
        self._new.setdefault(type(row), []).append(row)

    def change(self, row: Model) -> None:
        """A row whose values have changed; one that is still to be inserted needs nothing."""
        if row.pk is not None:
            self._changed.setdefault(type(row), {})[row.pk] = row

    def remove(self, row: Model) -> None:
        """A row to be deleted, or not to be inserted after all."""
        if row.pk is None:
            self._new[type(row)].remove(row)
        else:
            self._removed.setdefault(type(row), []).append(row.pk)

    def touch(self, case: Case, at: datetime) -> None:
        """The order itself has changed, at that time."""
        case.order.updated_at = max(case.order.updated_at, at)
        self.change(case.order)

    def flag(self, case: Case, oddity: str) -> None:
        """Something was unusual about a fact of the past: it stands, and the order says so, once."""
        if oddity not in case.order.oddities:
            case.order.oddities = [*case.order.oddities, oddity]
            self.change(case.order)

    def tell(self, event_type: str, case: Case, at: datetime, **data: Any) -> None:
        """Something happened to the order."""
        self._told.append(_Told(event_type, case, at, data))

    def close_move(self) -> None:
        """A move is done: what was told meanwhile is of the rows as they are now."""
        told = self._told[self._pictured :]
        for one in told:
            if events.will_be_heard(one.at, quiet=self.quiet):
                one.picture = self._memory.picture(one.type, one.case, one.data)
        self._memory.keep({id(one.case): one.case for one in told if one.picture}.values())
        self._pictured = len(self._told)

    def add_transaction(self, case: Case, row: Transaction) -> None:
        """A payment, made or refused, or money that went back; with its event."""
        row.location_id = case.order.location_id
        case.transactions.append(row)
        self.add(row)
        if row.response == Transaction.Response.SUCCESS:
            self.went_through(case, row, row.created_at)
        about = {"type": row.type, "amount": str(row.amount), "response": row.response}
        self.tell("transaction.created", case, row.created_at, transaction=row, **about)

    def went_through(self, case: Case, row: Transaction, at: datetime) -> None:
        """The transaction succeeded then: it is to be settled, and to name what it was made with."""
        self._moved.append(Moved(case.order, row, at))

    def bill_to_card(self, case: Case, subscription: Subscription) -> None:
        """The subscription is billed to what the order was paid with last, which is kept for that."""
        row = next((one for one in reversed(case.transactions) if vault.can_be_kept(one)), None)
        if row is None:
            return
        if not vault.is_named(row):
            vault.want(case.order, row)
            if row.pk is not None:
                self._earlier.append(Moved(case.order, row, row.created_at))
                self.change(row)
        self._billed.append((subscription, row))

    def when(self, at: datetime | None) -> datetime:
        """The time of a move: now unless it is given. Refuses a time that has not come."""
        now = timezone.now()
        if at is not None and at > now + FUTURE_SLACK:
            raise MoveRefused(f"{at:%Y-%m-%d %H:%M} is in the future.")
        return min(at or now, now)

    def new(self, model: type[Row]) -> Sequence[Row]:
        """The rows of a table that this work brings."""
        return self._new.get(model, [])

    @property
    def event_count(self) -> int:
        return len(self._told) + self._beside

    @property
    def told(self) -> list[tuple[str, Case, dict[str, Any]]]:
        """What is to be recorded, in the order in which it was told: event type, whose it is, its data."""
        return [(one.type, one.case, one.data) for one in self._told]

    def write(self) -> None:
        """All rows, then all events in the order in which things happened; a set for each table.

        Raises MoveRefused if the customer of a new order was erased meanwhile.
        """
        kept = vault.store([*self._moved, *self._earlier], quiet=self.quiet)
        for subscription, row in self._billed:
            vault.pass_on(row, subscription)
        opened = settlement.enter(self._moved, quiet=self.quiet)
        self._beside = len(kept) + len(opened)
        for model in (Order, OrderItem, Subscription, Transaction, Fulfillment):
            sets.create(self._new.get(model, []))
            sets.save(list(self._changed.get(model, {}).values()))
            if model in self._removed:
                model._default_manager.filter(pk__in=self._removed[model]).delete()
        self._check_customers()
        happened = [*opened, *map(_happening, self._told), *(one.happening() for one in kept)]
        if happened:
            happened.sort(key=attrgetter("occurred_at"))  # stable: at one time, as they were told
            events.record_many(happened, by=self.by, quiet=self.quiet)

    def _check_customers(self) -> None:
        """Whom new orders are for may have been erased since he was read. Looked at behind the new rows, so
        that whoever erases him from now on waits for us, and finds them."""
        about = {order.customer_id for order in self.new(Order)}
        erased = Customer.objects.filter(pk__in=about, erase_requested_at__isnull=False)
        if about and erased.exists():
            raise MoveRefused(
                "The customer was erased meanwhile. Send the order again: it is taken in for a new customer."
            )


@contextmanager
def batch(*, by: str, past: bool = False, quiet: bool = False) -> Iterator[Work]:
    """A transaction of many moves, written when the block ends; an error leaves nothing."""
    with transaction.atomic():
        work = Work(by, past, quiet)
        yield work
        work.write()


def _happening(told: _Told) -> Happening:
    order = told.case.order
    data = {name: value.pk if isinstance(value, Model) else value for name, value in told.data.items()}
    if told.picture is not None:
        data |= told.picture.said()
    return Happening(told.type, order.location_id, told.case.customer.pk, order.pk, data, told.at)
