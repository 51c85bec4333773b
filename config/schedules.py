"""What runs by itself: the tick of every minute, and the look at the tables after a commit.

django-q2 is the clock; it may run a task twice or late, and nothing depends on it (docs/adr/0004). The
tick's schedule is made by a migration, so every cluster on a migrated database has it.
"""

from collections.abc import Callable

from django.utils import timezone

from delivery import tasks
from exports import sweep
from exports.sweep import Report


def tick() -> str:
    """Every minute: the profiles that are due, then whatever is to be delivered. A line for the task list."""
    return _carried_after(lambda: sweep.run_due(timezone.now()))


def after_commit() -> str:
    """Something was recorded: the immediate profiles, then whatever is to be delivered."""
    return _carried_after(sweep.run_immediate)


def _carried_after(run: Callable[[], list[Report]]) -> str:
    """What is queued goes out even if the run fails, which the task then says."""
    try:
        reports = run()
    except Exception:
        tasks.drain()
        raise
    queued = sum(report.queued for report in reports)
    return f"{len(reports)} profiles, {queued} queued; {tasks.drain()}"
