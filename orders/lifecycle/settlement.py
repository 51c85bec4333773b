"""Settlement batches: what moved at a gateway on one day, by the clock of its location.

The first transaction of the day opens the batch. There is one for (gateway, day), so that no sale waits for
another: each only sees to it that the batch is not closed under its hands (PostgreSQL: FOR KEY SHARE, which
all can hold at once). After the day the clock closes it, and passes over one that somebody still holds.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils import timezone

from delivery import events, sets, snapshots
from delivery.events import Happening
from delivery.ids import new_id
from orders.lifecycle.moved import Moved
from orders.models import Gateway, SettlementBatch, Transaction
from orders.snapshots import Picture

# What began before midnight may be written after it. Closing waits longer, for clocks that differ.
LATE = timedelta(minutes=5)
CLOSES_AFTER = timedelta(minutes=15)
MOST = 500  # closed in one transaction
_SETTLED = (Transaction.Type.SALE, Transaction.Type.CAPTURE, Transaction.Type.REFUND)
_TRIES = 10
_DAY = timedelta(days=1)

Key = tuple[int, date]  # of a gateway, and its day


@dataclass(frozen=True, slots=True)
class _Till:
    """A gateway, as far as its days go."""

    location_id: int
    title: str
    zone: ZoneInfo


def enter(moved: Iterable[Moved], *, quiet: bool) -> list[Happening]:
    """Puts what moved into its gateway's batch of the day; the events of the batches that this opened.

    Four statements at most, and some more when two open one at once. What happened on a day that is over is
    in no batch: it was settled where it happened.
    """
    now = timezone.now()
    recently = now - 2 * _DAY
    fresh = [
        (one.row.gateway_id, one)
        for one in moved
        if one.row.gateway_id is not None and one.at > recently and _is_settled(one)
    ]
    if not fresh:
        return []
    fresh.sort(key=lambda one: one[1].at)
    tills = _tills({gateway_id for gateway_id, _ in fresh})
    first: dict[Key, datetime] = {}
    entering: list[tuple[Key, Transaction]] = []
    for gateway_id, one in fresh:
        zone = tills[gateway_id].zone
        key = (gateway_id, one.at.astimezone(zone).date())
        if now < _end(key[1], zone) + LATE:
            first.setdefault(key, one.at)
            entering.append((key, one.row))
    batches, opened = _batches(first) if first else ({}, [])
    for key, row in entering:
        row.batch_id = batches.get(key)  # none: closed already
    return [_opened(batch, tills[batch.gateway_id], quiet=quiet) for batch in opened]


def close_due(*, by: str, now: datetime | None = None) -> int:
    """Closes the batches of days that are over, each with its event; how many.

    May run several times at once and be killed: a batch is closed by one, in one transaction with its event.
    """
    now = now or timezone.now()
    closed, due = 0, _due(now)
    while due:
        some, due = due[:MOST], due[MOST:]
        with transaction.atomic():
            closed += _close(some, now, by)
    return closed


def _due(now: datetime) -> list[int]:
    """Open ones, with the day over where they are. The plain read holds no sale up."""
    days = SettlementBatch.objects.filter(is_open=True, day__lte=(now + _DAY).date())
    rows = days.order_by("pk").values_list("pk", "day", "gateway__location__time_zone")
    return [pk for pk, day, zone in rows if day and now >= _end(day, ZoneInfo(zone)) + CLOSES_AFTER]


def _close(pks: Sequence[int], now: datetime, by: str) -> int:
    rows = SettlementBatch.objects.filter(pk__in=pks, is_open=True).select_related("gateway").order_by("pk")
    batches = list(rows.select_for_update(of=("self",), skip_locked=True))
    happenings = []
    for batch in batches:
        before = dict(batch.__dict__)
        batch.is_open, batch.closed_at = False, now
        old = snapshots.changes(before, batch)
        data = {**_said(batch, batch.gateway.title), **Picture(batch, snapshots.taken(batch), old).said()}
        gateway = batch.gateway
        happenings.append(
            Happening("transactionbatch.updated", gateway.location_id, None, None, data, occurred_at=now)
        )
    sets.save(batches)
    if happenings:
        events.record_many(happenings, by=by)
    return len(batches)


def _end(day: date, zone: ZoneInfo) -> datetime:
    """The midnight after the day."""
    return datetime.combine(day + _DAY, time(), zone)


def _is_settled(moved: Moved) -> bool:
    """Whether it is something that a gateway settles."""
    return moved.row.type in _SETTLED and not moved.is_test


def _tills(gateway_ids: Collection[int]) -> dict[int, _Till]:
    rows = Gateway.objects.filter(pk__in=gateway_ids)
    columns = rows.values_list("pk", "location_id", "title", "location__time_zone")
    return {pk: _Till(location_id, title, ZoneInfo(zone)) for pk, location_id, title, zone in columns}


def _batches(first: Mapping[Key, datetime]) -> tuple[dict[Key, int], list[SettlementBatch]]:
    """The open batches of these days, and of these the ones that we opened; `first` says when."""
    opened: list[SettlementBatch] = []
    for _ in range(_TRIES):
        there = _held(first)
        missing = {key: at for key, at in first.items() if key not in there}
        if not missing:
            return {key: pk for key, (pk, is_open) in there.items() if is_open}, opened
        opened += _inserted(missing)
    raise RuntimeError("Settlement batches could not be opened: others open them all the time.")


_KEY = {"gateway_id": "bigint", "day": "date"}
_HELD = """
SELECT b.id, b.gateway_id, b.day, b.is_open FROM {rows}
JOIN orders_settlementbatch b ON b.gateway_id = r.gateway_id AND b.day = r.day
"""


def _held(keys: Collection[Key]) -> dict[Key, tuple[int, bool]]:
    """By gateway and day, the batch and whether it is open; none of them is closed before we commit."""
    lock = " FOR KEY SHARE OF b" if connection.vendor == "postgresql" else ""
    rows = sets.run(_HELD + lock, _KEY, sorted(keys))
    return {(gateway_id, _date(day)): (pk, bool(is_open)) for pk, gateway_id, day, is_open in rows}


# Of two who open the same, or another of the gateway, the second waits for the first, and then looks again.
_INSERT = """
INSERT INTO orders_settlementbatch (public_id, gateway_id, number, day, is_open, created_at)
SELECT r.public_id, r.gateway_id,
  COALESCE((SELECT max(b.number) FROM orders_settlementbatch b WHERE b.gateway_id = r.gateway_id), 0)
  + row_number() OVER (PARTITION BY r.gateway_id ORDER BY r.day),
  r.day, true, r.created_at
FROM {rows} WHERE true ORDER BY r.gateway_id, r.day
ON CONFLICT DO NOTHING
RETURNING id, public_id, gateway_id, number, day
"""


def _inserted(first: Mapping[Key, datetime]) -> list[SettlementBatch]:
    rows = [(*key, new_id(), at) for key, at in sorted(first.items())]
    made = sets.run(_INSERT, {**_KEY, "public_id": "text", "created_at": "timestamptz"}, rows)
    return [
        SettlementBatch(
            pk=pk,
            public_id=public_id,
            gateway_id=gateway_id,
            number=number,
            day=_date(day),
            created_at=first[gateway_id, _date(day)],
        )
        for pk, public_id, gateway_id, number, day in made
    ]


def _opened(batch: SettlementBatch, till: _Till, *, quiet: bool) -> Happening:
    data = _said(batch, till.title)
    if events.will_be_heard(batch.created_at, quiet=quiet):
        data |= Picture(batch, snapshots.taken(batch), {}).said()
    return Happening(
        "transactionbatch.created", till.location_id, None, None, data, occurred_at=batch.created_at
    )


def _said(batch: SettlementBatch, gateway: str) -> dict[str, Any]:
    return {"number": batch.number, "gateway": gateway}


def _date(value: date | str) -> date:
    """SQLite gives days as it keeps them."""
    return date.fromisoformat(value) if isinstance(value, str) else value
