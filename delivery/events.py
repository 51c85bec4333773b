"""The only writer of the event log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from delivery import sets, waking
from delivery.models import Event

# A clock a little ahead of ours is forgiven; a date that has not come is a mistake of its source.
FUTURE_SLACK = timedelta(minutes=5)

# What stays in the data of an event when its customer is erased: numbers of ours, sums, dates and words of
# ours. All else goes: texts that somebody typed, rows as they were, old values.
KEPT_WHEN_ERASED = frozenset(
    {
        *("id", "created_at", "modified_at", "fields", "type", "response", "kind", "amount", "remaining"),
        *("date", "reason_code", "next_bill_date", "billing_cycle", "rma_number"),
        *("order", "subscription", "fulfillment", "transaction", "product", "products", "batch"),
    }
)

_COLUMNS = (
    "type",
    "location_id",
    "customer_id",
    "order_id",
    "data",
    "by",
    "occurred_at",
    "recorded_at",
    "muted",
)


@dataclass(frozen=True, slots=True)
class Happening:
    """What is to be recorded. Ids, not rows: the spine knows no other app."""

    type: str
    location_id: int
    customer_id: int | None = None
    order_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None  # None: now


def record(happening: Happening, *, by: str) -> None:
    """Writes one event in the caller's transaction. See `record_many`."""
    record_many([happening], by=by)


def record_many(happenings: Sequence[Happening], *, by: str, quiet: bool = False) -> None:
    """Writes events in the order given, in the caller's transaction, and wakes the subscribers after it.

    Raises RuntimeError outside a transaction: an event without its change, or a change without its
    event, must not be possible. Raises ValueError for a date in the future. Events older than
    POSTRIDER_HISTORY_HOURS, and all of a `quiet` call, are muted: on record, but nobody acts on them.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("Events are recorded in the transaction of the change they tell of.")
    now = timezone.now()
    history_before = _history_before(now)
    rows = [_row(happening, by, now, history_before, quiet) for happening in happenings]
    sets.append("delivery_event", [connection.ops.quote_name(name) for name in _COLUMNS], rows)
    if any(not row[-1] for row in rows):
        waking.after_commit()


_EMPTY = "UPDATE delivery_event SET data = r.data{as_json} FROM {{rows}} WHERE delivery_event.id = r.id"


def empty(event_ids: Sequence[int]) -> int:
    """Takes what is personal out of the data of these events, in the caller's transaction; how many had some.

    The only change that an event ever sees: its customer is erased. The mark "erased" says so.
    """
    rows = [
        (pk, orjson.dumps({**_kept(data), "erased": True}).decode())
        for pk, data in Event.objects.filter(pk__in=event_ids).order_by("pk").values_list("pk", "data")
        if data and not data.get("erased")
    ]
    if rows:
        as_json = "::jsonb" if connection.vendor == "postgresql" else ""
        sets.run(_EMPTY.format(as_json=as_json), {"id": "bigint", "data": "text"}, rows)
    return len(rows)


def _kept(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name in KEPT_WHEN_ERASED}


def mend_after_restore() -> None:
    """After a dump was restored into a new PostgreSQL cluster, its transaction ids start low again.

    Events of the old cluster would then seem to be of transactions to come, and new ones older than they
    are. The old ones are all committed: they go to the front, in the order of their ids, and every subscriber
    (POSTRIDER_AFTER_RESTORE) looks at the log anew; all in one transaction.
    """
    if connection.vendor != "postgresql":
        return
    # Asked and mended by one statement each: what is committed between two would seem to be ahead too.
    ahead = "tx_id >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM delivery_event WHERE muted = '' AND {ahead} LIMIT 1")  # noqa: S608
        if cursor.fetchone() is None:
            return
        cursor.execute(f"UPDATE delivery_event SET tx_id = 0 WHERE {ahead}")  # noqa: S608
        for name in settings.POSTRIDER_AFTER_RESTORE:
            import_string(name)()


def will_be_heard(occurred_at: datetime, *, quiet: bool = False) -> bool:
    """Whether subscribers will be told of an event of that time: only then does it need what they ask for."""
    return not quiet and occurred_at >= _history_before(timezone.now())


def _history_before(now: datetime) -> datetime:
    return now - timedelta(hours=settings.POSTRIDER_HISTORY_HOURS)


def _row(
    happening: Happening, by: str, now: datetime, history_before: datetime, quiet: bool
) -> tuple[Any, ...]:
    occurred_at = happening.occurred_at or now
    if occurred_at > now + FUTURE_SLACK:
        raise ValueError(f"{occurred_at:%Y-%m-%d %H:%M} is in the future.")
    if quiet:
        muted = Event.Muted.QUIET.value
    else:
        muted = Event.Muted.OLD.value if occurred_at < history_before else Event.Muted.NO.value
    return (
        happening.type,
        happening.location_id,
        happening.customer_id,
        happening.order_id,
        orjson.dumps(happening.data).decode(),
        by[:150],
        min(occurred_at, now),
        now,
        muted,
    )
