"""One run of `prune`: how old is old, what was done so far, whether there is time for more."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection

from delivery import sets


class Busy(RuntimeError):
    """Another process prunes at this moment."""


@dataclass(slots=True)
class Report:
    """What a run did, or would do."""

    deliveries: int = 0
    attempts: int = 0
    proofs_written: int = 0
    proofs_deleted: int = 0
    moved: int = 0  # out of the working set, where they had been finished before there were months
    months: list[str] = field(default_factory=list)  # dropped whole
    postponed: list[str] = field(default_factory=list)  # in use at that moment
    is_done: bool = True


@dataclass(slots=True)
class Run:
    now: datetime
    days: int
    end: float | None = None
    progress: Callable[[Report], None] = lambda report: None
    report: Report = field(default_factory=Report)

    @property
    def limit(self) -> datetime:
        return (self.now - timedelta(days=self.days)).astimezone(UTC)

    @property
    def day(self) -> date:
        """What was finished before this day is old."""
        return self.limit.date()

    @property
    def moment(self) -> Any:
        """The limit as a parameter of a statement."""
        return sets.column_value(self.limit)

    def may_go_on(self) -> bool:
        """After each step: whether there is time for another."""
        self.progress(self.report)
        if self.end is not None and time.monotonic() > self.end:
            self.report.is_done = False
        return self.report.is_done


# Of a delivery: no worker wants it.
AT_REST = "state IN ('delivered', 'failed', 'cancelled') AND due_at IS NULL"


def places(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def read(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def write(sql: str, params: Sequence[Any] = ()) -> int:
    """How many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)
