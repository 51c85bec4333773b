"""Reads the event log in the order in which its transactions became visible, as subscribers need it."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

START = (0, 0)
Position = tuple[int, int]  # (transaction, event id): where in the log


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


def rows(
    start: Position,
    end: Position,
    *,
    types: Collection[str],
    columns: Sequence[str],
    size: int,
    of_orders: bool = False,
) -> Iterator[list[tuple[Any, ...]]]:
    """The events of these types after `start` up to `end`, in order, at most `size` at a time.

    Each as (tx_id, id, *columns), as the database keeps them; `of_orders`: only those that have an order.
    """
    which = "AND order_id IS NOT NULL " if of_orders else ""
    wanted = sorted(types)
    places = ", ".join(["%s"] * len(wanted))
    sql = (
        f"SELECT {', '.join(('tx_id', 'id', *columns))} FROM delivery_event "  # noqa: S608 (names are our own)
        "WHERE muted = '' AND (tx_id, id) > (%s, %s) AND (tx_id, id) <= (%s, %s) "
        f"{which}AND type IN ({places}) ORDER BY tx_id, id LIMIT {size}"
    )
    while wanted and start < end:
        with connection.cursor() as cursor:
            cursor.execute(sql, [*start, *end, *wanted])
            found = cursor.fetchall()
        if found:
            yield found
        if len(found) < size:
            return
        start = (found[-1][0], found[-1][1])
