"""How a crash is arranged, and what is looked at after it: real kills, real locks."""

import signal
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from django.db import connection, transaction
from django.utils import timezone

from delivery.models import Attempt, Lease
from tests.processes import Process, wait_until
from tests.receiver import Receiver, Request


def kill(process: Process) -> None:
    """SIGKILL; returns when the database has noticed too (a server may still end the last statement)."""
    process.kill()
    wait_until(lambda: not other_connections(), 10, what="the end of the killed process's connection")


def put_to_sleep(process: Process) -> None:
    """SIGSTOP, though not while it writes: that would stop all other writers of SQLite as well."""
    process.popen.send_signal(signal.SIGSTOP)
    while others_hold_a_transaction():
        process.popen.send_signal(signal.SIGCONT)
        time.sleep(0.01)
        process.popen.send_signal(signal.SIGSTOP)


def wake_up(process: Process) -> None:
    process.popen.send_signal(signal.SIGCONT)


def other_connections(condition: str = "true") -> int:
    """How many others are connected to this database; to SQLite none is that outlives its process."""
    if connection.vendor == "sqlite":
        return 0
    return _count(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        f"AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND {condition}"
    )


def others_hold_a_transaction() -> bool:
    """Beyond the moment that it takes to look whether something else is due."""
    if connection.vendor == "postgresql":
        return other_connections("state LIKE 'idle in transaction%'") > 0
    name = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(name, timeout=0.3, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
    return False


def waiting_for_us() -> int:
    """How many connections of PostgreSQL wait for a lock that our transaction holds."""
    waiting = "pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    return _count(f"SELECT count(DISTINCT pid) FROM pg_locks WHERE {waiting}")


def waiting() -> int:
    """How many connections of PostgreSQL wait for any lock."""
    return _count("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")


def _count(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])


@contextmanager
def nobody_writes(table: str) -> Iterator[None]:
    """Whoever wants to write to the table (on SQLite, to any) waits until the block ends."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield


def until_leases_end() -> None:
    """Returns when all that is claimed may be taken by others."""
    held = Lease.objects.all()
    wait_until(lambda: not held.filter(ends_at__gt=timezone.now()).exists(), 15, what="the end of the leases")


def settled() -> set[str]:
    """The deliveries whose outcome is on record."""
    return set(Attempt.objects.values_list("delivery_id", flat=True))


def ids(requests: Sequence[Request]) -> list[str]:
    """The `webhook-id` of each request that arrived whole; of one that broke off there is nothing to do."""
    whole = [one for one in requests if len(one.body) == int(one.header("Content-Length") or 0)]
    return [request.header("webhook-id") or "" for request in whole]


def repeats_say_the_same(receiver: Receiver) -> bool:
    """Whether whatever came under one id came with the same bytes, as far as it came.

    But for the time of the attempt and the signature over it, as Standard Webhooks wants them.
    """
    said: dict[str | None, Request] = {}
    for request in sorted(receiver.requests, key=lambda one: -len(one.body)):
        first = said.setdefault(request.header("webhook-id"), request)
        if _head(request) != _head(first) or not first.body.startswith(request.body):
            return False
    return True


def _head(request: Request) -> tuple[object, ...]:
    fresh = ("webhook-timestamp", "webhook-signature")
    headers = [header for header in request.headers if header[0].lower() not in fresh]
    return request.method, request.target, headers
