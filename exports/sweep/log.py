"""The event log as the sweep reads it: events of orders, and where each profile is after a restore."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from delivery import log, sets
from delivery.events import mend_after_restore
from delivery.log import START, Position, horizon, position_before
from exports.models import ExportProfile

__all__ = [
    "BATCH",
    "START",
    "LoggedEvent",
    "Position",
    "batches",
    "horizon",
    "look_anew",
    "mend_after_restore",
    "position_before",
    "position_further",
]

BATCH = 2000
_COLUMNS = ("type", "location_id", "order_id", "data", "occurred_at")


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event as the sweep needs it."""

    id: int
    tx_id: int
    type: str
    location_id: int
    order_id: int
    data: dict[str, Any]
    occurred_at: datetime

    @property
    def position(self) -> Position:
        return (self.tx_id, self.id)


def position_further(start: Position, number: int, end: Position) -> Position:
    """The position so many events after `start`, or `end` if that comes first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tx_id, id FROM delivery_event WHERE muted = '' AND (tx_id, id) > (%s, %s) "
            "ORDER BY tx_id, id LIMIT 1 OFFSET %s",
            [*start, number - 1],
        )
        found = cursor.fetchone()
    return min((found[0], found[1]), end) if found else end


def batches(start: Position, end: Position, types: set[str], size: int) -> Iterator[list[LoggedEvent]]:
    """The events of these types after `start` up to `end`, in order, at most `size` at a time."""
    for rows in log.rows(start, end, types=types, columns=_COLUMNS, size=size, of_orders=True):
        yield [_event(row) for row in rows]


def _event(row: tuple[Any, ...]) -> LoggedEvent:
    tx_id, event_id, kind, location_id, order_id, data, occurred_at = row
    if connection.vendor == "sqlite":
        occurred_at = sets.moment(occurred_at)
    return LoggedEvent(event_id, tx_id, kind, location_id, order_id, orjson.loads(data), occurred_at)


def look_anew() -> None:
    """After a restore: every profile starts at its routes' look-back, and knows what it has taken."""
    ExportProfile.objects.update(swept_tx=None, swept_id=None)
