"""A worker of ours in a process of its own, which carries what is due whenever it is asked to."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from benchmarks import filling, hands
from benchmarks.sampler import Sampler
from benchmarks.scratch import memory_mb

_kept: dict[str, Any] = {}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from delivery import worker

    worker.keep_what_is_loaded()
    hands.serve(
        {"migrate": migrate, "endpoints": filling.endpoints, "deliveries": filling.deliveries}
        | {"drain": drain, "empty": filling.empty, "claim": claim, "send_to_sleep": filling.send_to_sleep}
    )


def migrate() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def claim(*, limit: int) -> dict[str, float]:
    """One claim: how many it brought, and how long it took."""
    from delivery import queue

    start = time.perf_counter()
    claimed = len(queue.claim(limit))
    return {"claimed": claimed, "ms": (time.perf_counter() - start) * 1000}


def drain(*, seconds: float | None = None, early: int = 10_000, profile: str = "") -> dict[str, float]:
    """Carries all that is due; the transport stays open between two times, as that of `deliver --stay`.

    `early`: after how many it is first looked what the process holds. `profile`: a file for where time goes.
    """
    from delivery import worker
    from delivery.transports import make_transport

    transport = _kept.get("transport") or make_transport()
    _kept["transport"] = transport
    held: list[tuple[float, int, int]] = []  # memory, threads, open files
    sampler = Sampler()

    def progress(done: int) -> None:
        if done >= early:
            held.append((memory_mb(), threading.active_count(), len(os.listdir("/proc/self/fd"))))
            del held[1:-2]  # the first, the one before, and this one

    with counted_statements() as statements, sampler.running() if profile else nullcontext():
        start, cpu = time.perf_counter(), time.process_time()
        tally = worker.drain(seconds=seconds, progress=progress, transport=transport)
        took, cpu = time.perf_counter() - start, time.process_time() - cpu
    if profile:
        Path(profile).write_text(sampler.report(tally.delivered, took, cpu))
    return {
        "delivered": tally.delivered,
        "failed": tally.failed,
        "lost": tally.lost,
        "seconds": took,
        "rate": tally.delivered / took,
        "cpu_us": cpu / max(tally.delivered, 1) * 1e6,
        "statements": len(statements),
        "held_early": held[0] if held else (0, 0, 0),
        "held": held[-1] if held else (0, 0, 0),
    }


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """What is asked of the database meanwhile, COPY too; BEGIN and COMMIT aside."""
    from django.db import connection

    from delivery import sets

    seen: list[str] = []
    insert = sets._insert

    def noted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql[:20])
        return execute(sql, params, many, context)

    def noted_insert(table: str, *rest: Any) -> None:
        if connection.vendor == "postgresql":
            seen.append("COPY")
        insert(table, *rest)

    sets._insert = noted_insert
    try:
        with connection.execute_wrapper(noted):
            yield seen
    finally:
        sets._insert = insert


if __name__ == "__main__":
    main()
