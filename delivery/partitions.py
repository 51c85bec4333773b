"""Partitions by month on PostgreSQL: what was finished or tried in one month is a table of its own.

A month is made ahead, and dropped whole when it is old enough (docs/adr/0009). On SQLite there is nothing to
do here: the tables are plain.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import OperationalError, ProgrammingError, connection, transaction
from django.db.backends.utils import CursorWrapper

AHEAD = 2  # months
MOST_MOVED = 20_000  # rows that a new month may take over from the rest, in its one transaction
# Whoever waits for one of our locks waits no longer than this; we come back later.
_LOCK_WAIT = "200ms"
_TRIES = 20
_PAUSE_SECONDS = 0.3
# No lock in time; a deadlock; a month before the first (a clock that was set back), which has no beginning.
_NOT_NOW = ("55P03", "40P01", "42P17")
_KEY = 5_070_201  # of the advisory lock: one process at a time makes a month
_MONTH = re.compile(r"_(\d{4})_(\d{2})$")
GOING = "_going"


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A table whose rows lie in months. Rows that belong to no month yet lie in `…_rest`."""

    name: str
    column: str
    bounds: Callable[[date], str]  # of the month that begins on that day

    @property
    def rest(self) -> str:
        return f"{self.name}_rest"

    def month(self, first: date) -> str:
        """The name of its table."""
        return f"{self.name}_{first:%Y_%m}"


def _days(first: date) -> str:
    """By list, so that the partition of the empty `kept_on` (the working set) never has to be looked at."""
    days = (first + timedelta(days=number) for number in range((_next(first) - first).days))
    return "IN (" + ", ".join(f"'{day}'" for day in days) + ")"


def _moments(first: date) -> str:
    return f"FROM ('{first} 00:00+00') TO ('{_next(first)} 00:00+00')"


DELIVERIES = Partitioned("delivery_delivery", "kept_on", _days)
ATTEMPTS = Partitioned("delivery_attempt", "started_at", _moments)
HOT = "delivery_delivery_hot"  # the working set: `kept_on` is empty


def make_ahead(today: date) -> int:
    """Makes what is missing of this month and the next ones; how many tables. Else a look at the catalog."""
    months = [today.replace(day=1)]
    for _ in range(AHEAD):
        months.append(_next(months[-1]))
    return make(DELIVERIES, months) + make(ATTEMPTS, months)


def make(table: Partitioned, months: Iterable[date]) -> int:
    """Makes the tables of these months that do not exist; how many were made.

    What lies in the rest and belongs to a new month moves there with it. A month for which too much lies
    there is not made: its rows age where they are. Nor is one made now whose lock is not to be had; the
    next call tries again. Safe to be run by several at once.
    """
    if connection.vendor != "postgresql":
        return 0
    wanted = {table.month(month): month for month in months}
    return sum(_is_made(table, wanted[name]) for name in sorted(_missing(list(wanted))))


def _missing(names: Sequence[str]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL", [list(names)]
        )
        return {name for (name,) in cursor.fetchall()}


def _is_made(table: Partitioned, month: date) -> bool:
    return _if_possible(lambda: _make(table, month))


def _make(table: Partitioned, month: date) -> bool:
    name, bounds = table.month(month), table.bounds(month)
    with _quick_locks() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_KEY])
        if not _missing([name]) or _strays(cursor, table, month) > MOST_MOVED:
            return False
        cursor.execute(f"LOCK TABLE {table.rest} IN ACCESS EXCLUSIVE MODE")
        is_in = f"{table.column} >= '{month}' AND {table.column} < '{_next(month)}'"
        parts = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION"
        cursor.execute(f"CREATE TABLE {name} (LIKE {table.name} {parts}, PRIMARY KEY (id))")
        cursor.execute(
            f"WITH moved AS (DELETE FROM {table.rest} WHERE {is_in} RETURNING *) "  # noqa: S608
            f"INSERT INTO {name} SELECT * FROM moved"
        )
        # Not CREATE … PARTITION OF: that would lock the whole table, working set and all.
        cursor.execute(f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES {bounds}")
    return True


def _strays(cursor: CursorWrapper, table: Partitioned, month: date) -> int:
    cursor.execute(
        f"SELECT count(*) FROM (SELECT FROM {table.rest} WHERE {table.column} >= %s "  # noqa: S608
        f"AND {table.column} < %s LIMIT {MOST_MOVED + 1}) AS strays",
        [month, _next(month)],
    )
    return int(cursor.fetchone()[0])


def months_before(table: Partitioned, day: date) -> list[str]:
    """The tables of the months that ended before that day or on it, oldest first."""
    return [name for name in _tables(f"^{table.name}{_MONTH.pattern}") if _end(name) <= day]


def going(table: Partitioned) -> list[str]:
    """Months that were taken out of the table, and are still to be dropped."""
    return _tables(f"^{table.name}_[0-9_]{{7}}{GOING}$")


def detach(table: Partitioned, name: str) -> bool:
    """Takes a month out of the table, to be dropped. False: the lock was not to be had."""

    def take_out() -> bool:
        with _quick_locks() as cursor:
            cursor.execute(f"ALTER TABLE {table.name} DETACH PARTITION {name}")
            cursor.execute(f"ALTER TABLE {name} RENAME TO {name}{GOING}")
        return True

    for number in range(_TRIES):
        time.sleep(_PAUSE_SECONDS if number else 0)
        if _if_possible(take_out):
            return True
    return False


def drop(name: str) -> None:
    """Drops a month that is going."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {name}")


def loose(table: Partitioned) -> list[str]:
    """The tables whose rows are pruned one by one: they lie in no month, or in one that has no beginning."""
    if connection.vendor != "postgresql":
        return [table.name]
    if table is DELIVERIES:
        return [HOT, table.rest]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = %s::regclass AND pg_get_expr(c.relpartbound, c.oid) LIKE %s",
            [table.name, "FOR VALUES FROM (MINVALUE)%"],
        )
        return [*(name for (name,) in cursor.fetchall()), table.rest]


def rows_of(name: str) -> int:
    """About how many rows a table has, by its statistics."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = to_regclass(%s)", [name])
        return int(cursor.fetchone()[0])


def _tables(pattern: str) -> list[str]:
    """Tables by name, the oldest month first."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ %s AND pg_table_is_visible(oid) "
            "AND (relispartition OR relname LIKE %s) ORDER BY relname",
            [pattern, f"%{GOING}"],
        )
        return [name for (name,) in cursor.fetchall()]


def _next(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _end(name: str) -> date:
    """The first day after the month."""
    found = _MONTH.search(name)
    assert found is not None
    return _next(date(int(found[1]), int(found[2]), 1))


@contextmanager
def _quick_locks() -> Iterator[CursorWrapper]:
    """A transaction that gives up where it would have to wait for a lock, and others behind it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
        yield cursor
        cursor.execute("SET LOCAL lock_timeout = DEFAULT")


def _if_possible(change: Callable[[], bool]) -> bool:
    try:
        return change()
    except (OperationalError, ProgrammingError) as error:
        if getattr(error.__cause__, "sqlstate", "") in _NOT_NOW:
            return False
        raise
