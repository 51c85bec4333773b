"""Whether this installation can do its work, and if not, what is wrong and what to do, in words."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django_q.models import Schedule

from delivery.overview import overview

TICK = "postrider-tick"
# Any cluster that is alive looks at the schedule twice a minute and sets it a minute ahead: one so late has
# been looked at by none for two minutes. It takes no write of ours, and holds for all machines together.
MOST_OVERDUE = timedelta(seconds=90)

_DATABASE = (
    "The database does not answer.",
    "See that it runs and can be reached from here, and that DATABASE_URL is right.",
)
_MISSING_TICK = (
    f"The scheduled task “{TICK}” is missing or has ended, so nothing runs by itself.",
    "Delete what is left of it (Background tasks, Scheduled tasks); then run `manage.py migrate config zero` "
    "and `manage.py migrate`.",
)


def faults(now: datetime) -> dict[str, tuple[str, str]]:
    """What is wrong, worst first: by the name of the check, what is so and what to do. Never raises."""
    try:
        return dict(_database() or [*_workers(now), *_queue(now)])
    except Error:
        return {"database": _DATABASE}


def faults_of_work(now: datetime) -> list[tuple[str, str]]:
    """The same of workers and queue alone, for a page that would not be there without the database."""
    return [fault for _, fault in (*_workers(now), *_queue(now))]


def _database() -> list[tuple[str, tuple[str, str]]]:
    loader = MigrationLoader(connection)
    missing = sorted(".".join(one) for one in {*loader.graph.leaf_nodes()} - {*loader.applied_migrations})
    if not missing:
        return []
    what = f"The tables are of another version: not migrated to {', '.join(missing)}."
    return [("migrations", (what, "Run `manage.py migrate`."))]


def tick_overdue_seconds(now: datetime) -> float:
    """How late the minute's tick is; infinite if it is not scheduled at all."""
    next_run = (
        Schedule.objects.filter(name=TICK).exclude(repeats=0).values_list("next_run", flat=True).first()
    )
    return max((now - next_run).total_seconds(), 0.0) if next_run else float("inf")


def _workers(now: datetime) -> Iterator[tuple[str, tuple[str, str]]]:
    overdue = tick_overdue_seconds(now)
    if overdue == float("inf"):
        yield "workers", _MISSING_TICK
    elif overdue > MOST_OVERDUE.total_seconds():
        what = f"No worker has been alive for {_in_words(overdue)}: nothing is swept and nothing is sent."
        yield "workers", (what, "Start `manage.py qcluster`; if it runs, look into its log.")


def _queue(now: datetime) -> Iterator[tuple[str, tuple[str, str]]]:
    overdue = overview().overdue_seconds(now)
    if overdue > settings.POSTRIDER_MOST_OVERDUE_SECONDS:
        what = f"Something has been due for {_in_words(overdue)} that no worker has come to."
        yield "queue", (what, "See that workers run; if they do and are busy, start more of them.")


def _in_words(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
