"""What runs by itself: the tick of every minute, and the look at the tables after a commit.

django-q2 is the clock; it may run a task twice or late, and nothing depends on it (docs/adr/0004). The
tick's schedule is made by a migration, so every cluster on a migrated database has it.
"""

from django.utils import timezone

from delivery import tasks
from exports import sweep
from exports.sweep import Report


def tick() -> str:
    """Every minute: the profiles that are due, then whatever is to be delivered. A line for the task list."""
    return _told(sweep.run_due(timezone.now()))


def after_commit() -> str:
    """Something was recorded: the immediate profiles, then whatever is to be delivered."""
    return _told(sweep.run_immediate())


def _told(reports: list[Report]) -> str:
    queued = sum(report.queued for report in reports)
    return f"{len(reports)} profiles, {queued} queued; {tasks.drain()}"
