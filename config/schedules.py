"""What runs by itself: the tick of every minute, and the look at the tables after a commit.

django-q2 is the clock; it may run a task twice or late, and nothing depends on it (docs/adr/0004). The
tick's schedule is made by a migration, so every cluster on a migrated database has it.
"""

from collections.abc import Callable
from contextlib import ExitStack

from django.utils import timezone

import postbacks.services
import postbacks.taking
from config import throttling
from customers import access, erasing
from delivery import replays, tasks
from exports import sweep
from exports.sweep import Report
from orders import lifecycle
from rest import allowances, remembering


def tick() -> str:
    """Every minute: who is being erased, what is asked for again, postbacks, the profiles that are due, then
    whatever is to be delivered. A line for the task list."""
    first = (postbacks.services.cancel_what_is_left, replays.carry_on, erasing.carry_on)
    return _carried_after(lambda: sweep.run_due(timezone.now()), *first)


def after_commit() -> str:
    """Something was recorded: postbacks, the immediate profiles, then whatever is to be delivered."""
    return _carried_after(sweep.run_immediate)


def close_batches() -> str:
    """Every five minutes: the settlement batches of days that are over."""
    return f"{lifecycle.close_due_batches(by='schedule:close_batches')} batches closed"


def prune_api() -> str:
    """Every hour: what the API kept between calls and needs no more. A line for the task list."""
    answers, used_up, tokens = remembering.prune(), allowances.prune(), access.prune()
    return f"{answers} answers, {used_up} allowances, {tokens} tokens"


def prune_logins() -> str:
    """Every hour: failed logins that lock nobody out any more, old logins, sessions that are over."""
    return f"{throttling.prune()} failed logins, logins and sessions"


def _carried_after(run: Callable[[], list[Report]], *first: Callable[[], object]) -> str:
    """What is queued goes out even if a run fails, which the task then says; and none keeps the others."""
    reports, carried = list[Report](), ""

    def deliver() -> None:
        nonlocal carried
        carried = tasks.drain()

    def export() -> None:
        reports.extend(run())

    with ExitStack() as steps:  # last in, first out; one that raises stops none of the rest
        for step in (deliver, export, postbacks.taking.run, *first):
            steps.callback(step)
    queued = sum(report.queued for report in reports)
    return f"{len(reports)} profiles, {queued} queued; {carried}"
