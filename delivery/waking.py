"""Wakes the workers after a commit, at once. If that fails, the tick of every minute finds what is to do."""

import time
from typing import Any

from django.conf import settings
from django.db import connection, transaction

# Each task looks at all the tables. When so many wait, another would only keep the tick waiting.
ENOUGH = 10
CHANNEL = "postrider"
_LOOK_SECONDS = 0.02
_QUIET_SECONDS = 10.0


def after_commit() -> None:
    """Once per transaction: a word to whoever listens, and one task that looks at the tables."""
    if all(function is not _ring for _, function, *_ in connection.run_on_commit):
        transaction.on_commit(_ring, robust=True)
        tell()


def tell() -> None:
    """A word to the workers that stay awake, heard when the caller's transaction commits."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


class _Bell:
    """Rings for django-q2's workers; if that fails (Redis is gone), not again for a while."""

    def __init__(self) -> None:
        self._quiet_until = 0.0

    def ring(self) -> None:
        from django_q.brokers import get_broker  # late: django-q2 reads settings and cache when imported
        from django_q.tasks import async_task

        if time.monotonic() < self._quiet_until:
            return
        self._quiet_until = time.monotonic() + _QUIET_SECONDS
        if get_broker().queue_size() < ENOUGH:
            async_task(settings.POSTRIDER_AFTER_COMMIT_TASK, q_options={"group": "after-commit"})
        self._quiet_until = 0.0


_ring = _Bell().ring


class Listener:
    """Hears that others have committed: by PostgreSQL's NOTIFY, or because SQLite's file has changed."""

    def __init__(self) -> None:
        self._on: Any = None
        self._version = 0

    def heard(self, seconds: float) -> bool:
        """Whether somebody has said something since the last call; waits so long for it."""
        return self._heard_postgres(seconds) if connection.vendor == "postgresql" else self._saw(seconds)

    def _heard_postgres(self, seconds: float) -> bool:
        connection.ensure_connection()
        line: Any = connection.connection
        if line is not self._on:  # a new connection hears nothing yet, and may have missed something
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            self._on = line
            return True
        with connection.wrap_database_errors:  # a server that goes is an error like any other
            heard = [*line.notifies(timeout=seconds, stop_after=1), *line.notifies(timeout=0)]
        # What we have committed ourselves is no news.
        return any(one.pid != line.info.backend_pid for one in heard)

    def _saw(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while True:
            with connection.cursor() as cursor:
                version = cursor.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                self._version = version
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK_SECONDS)
