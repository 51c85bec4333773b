"""Wakes the workers after a commit. If it fails, the tick of every minute finds what there is to do."""

from django.conf import settings
from django.db import connection, transaction

# Each task looks at all the tables. When so many wait, another would only keep the tick waiting.
ENOUGH = 10


def after_commit() -> None:
    """Once per transaction: one task that looks at the tables, not a task per change."""
    if all(function is not _wake for _, function, *_ in connection.run_on_commit):
        transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    from django_q.brokers import get_broker  # late: django-q2 reads settings and cache when imported
    from django_q.tasks import async_task

    if get_broker().queue_size() < ENOUGH:
        async_task(settings.POSTRIDER_AFTER_COMMIT_TASK, q_options={"group": "after-commit"})
