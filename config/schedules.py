"""What runs by itself: the tick of every minute, and the look at the tables after a commit.

django-q2 is the clock; it may run a task twice or late, and nothing depends on it (docs/adr).
"""

import logging
from datetime import timedelta

from django.utils import timezone

from delivery import tasks
from exports import sweep

TICK = "postrider-tick"
log = logging.getLogger(__name__)


def tick() -> str:
    """Every minute: the profiles that are due, then whatever is to be delivered."""
    reports = sweep.run_due(timezone.now())
    queued = sum(report.queued for report in reports)
    return f"{len(reports)} profiles, {queued} queued; {tasks.drain()}"


def after_commit() -> str:
    """Something was recorded: the immediate profiles, then whatever is to be delivered."""
    reports = sweep.run_immediate()
    queued = sum(report.queued for report in reports)
    return f"{len(reports)} profiles, {queued} queued; {tasks.drain()}"


def ensure() -> None:
    """Makes sure that the cluster's schedule has the tick, once, whoever calls this how often."""
    from django_q.models import Schedule

    defaults = {"func": "config.schedules.tick", "schedule_type": Schedule.CRON, "cron": "* * * * *", "repeats": -1}
    found, is_new = Schedule.objects.get_or_create(name=TICK, defaults=defaults)
    if is_new:
        log.info("The sweep's tick is scheduled for every minute.")
    elif found.next_run and found.next_run < timezone.now() - timedelta(minutes=5):
        # Was down: one run now makes up for all that were missed.
        Schedule.objects.filter(pk=found.pk).update(next_run=timezone.now())
