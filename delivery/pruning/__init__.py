"""Keeps the tables small: what is old goes, in small steps, and of each delivery a proof stays.

Killed at any line it loses nothing, and the next run goes on. On PostgreSQL whole months are dropped, so
that what goes may be up to a month older than the limit; the rest, and all of SQLite, goes row by row.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from delivery import counts, partitions
from delivery.pruning import months, rows
from delivery.pruning.run import Busy, Report, Run

__all__ = ["Busy", "Report", "planned", "prune", "task"]

COUNT_DAYS = 35  # for so long the numbers are kept hour by hour
TASK_SECONDS = 240  # below the time limit of a task
_KEY = 5_070_202  # of the advisory lock: one at a time


def prune(
    *,
    days: int | None = None,
    seconds: float | None = None,
    now: datetime | None = None,
    progress: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Takes away what is older than `days` (by default the setting's), for at most about `seconds`.

    Deliveries that are not finished stay, however old. Raises Busy.
    """
    run = _run(days, now)
    run.end = None if seconds is None else time.monotonic() + seconds
    run.progress = progress
    steps: list[Callable[[Run], None]] = [rows.deliveries, rows.move_finished]
    steps += [months.deliveries, months.attempts, rows.attempts, rows.proofs]
    with _alone():
        partitions.make_ahead(run.now.astimezone(UTC).date())
        for step in steps:
            if run.report.is_done:
                step(run)
        counts.fold(run.now - timedelta(days=COUNT_DAYS))
    return run.report


def planned(*, days: int | None = None, now: datetime | None = None) -> Report:
    """What a run would do now, without doing it; counted up to rows.MOST_COUNTED, months by estimate."""
    run = _run(days, now)
    rows.count(run)
    months.count(run)
    return run.report


def _run(days: int | None, now: datetime | None) -> Run:
    return Run(now or timezone.now(), settings.POSTRIDER_KEEP_DAYS if days is None else days)


def task() -> str:
    """What the cluster runs once a day; again at once if there was more than fits into a task."""
    try:
        report = prune(seconds=TASK_SECONDS)
    except Busy as busy:
        return str(busy)
    if not report.is_done:
        from django_q.tasks import async_task  # late: django-q2 reads settings and cache when imported

        async_task("delivery.pruning.task", q_options={"group": "prune"})
    return f"{report.deliveries} deliveries and {report.attempts} attempts pruned"


@contextmanager
def _alone() -> Iterator[None]:
    """On SQLite any number may prune: one transaction writes at a time."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_KEY])
        if not cursor.fetchone()[0]:
            raise Busy("Another process prunes at this moment.")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_KEY])
