"""Reading the event log in the order in which its transactions became visible."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection, transaction

from delivery import events
from exports.models import ExportProfile

BATCH = 2000
START = (0, 0)
Position = tuple[int, int]  # (transaction, event id): where in the log


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


def horizon() -> Position:
    """The last position up to which nothing can appear any more.

    On PostgreSQL, transactions commit in another order than ids are given out, so reading stops below the
    oldest transaction that is still open (decision 12). SQLite has one writer.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tx_id, id FROM delivery_event "
                "WHERE muted = '' AND tx_id < pg_snapshot_xmin(pg_current_snapshot())::text::bigint "
                "ORDER BY tx_id DESC, id DESC LIMIT 1"
            )
        else:
            cursor.execute(
                "SELECT tx_id, id FROM delivery_event WHERE muted = '' ORDER BY tx_id DESC, id DESC LIMIT 1"
            )
        found = cursor.fetchone()
    return (found[0], found[1]) if found else START


def position_before(moment: datetime, end: Position) -> Position:
    """A position before all that was recorded since `moment`.

    Never behind `end`, a horizon found earlier: an event that cannot be seen yet, because its transaction
    is still open, may belong before all that can.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH recent AS MATERIALIZED ("
            "SELECT tx_id, id FROM delivery_event WHERE muted = '' AND recorded_at >= %s) "
            "SELECT tx_id, id FROM recent ORDER BY tx_id, id LIMIT 1",
            [connection.ops.adapt_datetimefield_value(moment)],
        )
        found = cursor.fetchone()
    return min((found[0], found[1] - 1), end) if found else end


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
    wanted = sorted(types)
    places = ", ".join(["%s"] * len(wanted))
    sql = (
        "SELECT id, tx_id, type, location_id, order_id, data, occurred_at FROM delivery_event "  # noqa: S608
        "WHERE muted = '' AND (tx_id, id) > (%s, %s) AND (tx_id, id) <= (%s, %s) "
        f"AND order_id IS NOT NULL AND type IN ({places}) ORDER BY tx_id, id LIMIT {size}"
    )
    while wanted and start < end:
        with connection.cursor() as cursor:
            cursor.execute(sql, [*start, *end, *wanted])
            events = [_event(row) for row in cursor.fetchall()]
        if events:
            yield events
        if len(events) < size:
            return
        start = events[-1].position


def _event(row: tuple[Any, ...]) -> LoggedEvent:
    event_id, tx_id, kind, location_id, order_id, data, occurred_at = row
    if connection.vendor == "sqlite":
        occurred_at = _utc(occurred_at)
    return LoggedEvent(event_id, tx_id, kind, location_id, order_id, orjson.loads(data), occurred_at)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def mend_after_restore() -> None:
    """After a dump was restored into a new PostgreSQL cluster: every profile looks at the log anew.

    It starts at its routes' look-back, and knows what it has taken.
    """
    if connection.vendor != "postgresql":
        return
    with transaction.atomic():
        if events.mend_after_restore():
            ExportProfile.objects.update(swept_tx=None, swept_id=None)
