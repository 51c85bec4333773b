"""What django-q2 runs for the spine. Tasks carry nothing: they look at the tables."""

from django.conf import settings

from delivery import worker


def drain() -> str:
    """Carries what is due, for at most DRAIN_SECONDS; the next tick goes on. A line for the task list."""
    tally = worker.drain(seconds=settings.DRAIN_SECONDS)
    return f"{tally.delivered} delivered, {tally.failed} failed"
