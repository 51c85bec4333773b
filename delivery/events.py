"""The only writer of the event log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import connection
from django.utils import timezone

from delivery import sets, waking
from delivery.models import Event

# A clock a little ahead of ours is forgiven; a date that has not come is a mistake of its source.
FUTURE_SLACK = timedelta(minutes=5)

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
    history_before = now - timedelta(hours=settings.POSTRIDER_HISTORY_HOURS)
    rows = [_row(happening, by, now, history_before, quiet) for happening in happenings]
    sets.append("delivery_event", [connection.ops.quote_name(name) for name in _COLUMNS], rows)
    if any(not row[-1] for row in rows):
        waking.after_commit()


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
