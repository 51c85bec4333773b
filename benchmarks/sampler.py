"""Where a process spends its CPU: every few milliseconds, what each thread has used since goes to its stack.

Beside it the wall clock of each statement of the database.
"""

import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

INTERVAL = 0.002
_ROOT = str(Path(__file__).resolve().parent.parent)


class Sampler:
    """Samples from `start` to `stop`; `report` says it per delivery."""

    def __init__(self) -> None:
        self.own: Counter[tuple[str, str]] = Counter()
        self.within: Counter[tuple[str, str]] = Counter()
        self.threads: Counter[str] = Counter()
        self.waits: Counter[tuple[str, str]] = Counter()
        self.statements: dict[str, list[float]] = defaultdict(list)
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        from django.db import connection

        self._thread.start()
        with connection.execute_wrapper(self._timed):
            yield
        self._is_over = True
        self._thread.join()

    def _timed(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        start = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.statements[" ".join(sql.split())[:90]].append(time.perf_counter() - start)

    def _run(self) -> None:
        used: dict[int, float] = {}
        at = time.perf_counter()
        while not self._is_over:
            time.sleep(INTERVAL)
            now, frames = time.perf_counter(), sys._current_frames()
            for thread in threading.enumerate():
                ident = thread.ident
                if ident is None or ident not in frames or thread is self._thread:
                    continue
                cpu = time.clock_gettime(time.pthread_getcpuclockid(ident))
                self._note(thread.name, frames[ident], cpu - used.get(ident, cpu), now - at)
                used[ident] = cpu
            at = now

    def _note(self, thread: str, frame: FrameType, cpu: float, wall: float) -> None:
        self.threads[thread] += cpu
        leaf: FrameType | None = frame
        self.own[thread, _where(frame)] += cpu
        seen = set()
        ours = ""
        while leaf is not None:
            where = _where(leaf)
            ours = ours or (where if "delivery/" in where or "exports/" in where else "")
            if where not in seen:
                seen.add(where)
                self.within[thread, where] += cpu
            leaf = leaf.f_back
        self.waits[thread, f"{ours} … {_where(frame)}"] += max(wall - cpu, 0)

    def report(self, delivered: int, seconds: float, cpu_seconds: float) -> str:
        per = 1e6 / delivered
        lines = [
            f"{delivered} deliveries in {seconds:.2f} s ({delivered / seconds:,.0f}/s); "
            f"wall {seconds * per:.0f} µs, CPU {cpu_seconds * per:.0f} µs per delivery (sampler included)"
        ]
        lines += [f"  thread {name}: CPU {cpu * per:.0f} µs" for name, cpu in self.threads.most_common()]
        lines.append("\nCPU µs per delivery by function, itself alone (C functions count to their caller):")
        lines += _rows(self.own, per, 45)
        lines.append("\nCPU µs per delivery by function, with all that it calls (functions of ours):")
        ours = Counter({key: v for key, v in self.within.items() if "site-packages" not in key[1]})
        lines += _rows(ours, per, 60)
        lines.append(
            "\nWall clock not spent on CPU, µs per delivery (waiting: database, GIL, network, sleep):"
        )
        lines += _rows(self.waits, per, 25)
        lines.append("\nStatements: µs per delivery of wall clock, calls, ms each:")
        for sql, times in sorted(self.statements.items(), key=lambda item: -sum(item[1])):
            lines.append(
                f"  {sum(times) * per:7.1f} {len(times):5d} × {sum(times) / len(times) * 1e3:6.2f} ms  {sql}"
            )
        return "\n".join(lines)


def _rows(counted: Counter[tuple[str, str]], per: float, most: int) -> list[str]:
    return [
        f"  {value * per:7.1f}  {thread[:10]:10} {where}"
        for (thread, where), value in counted.most_common(most)
    ]


def _where(frame: FrameType) -> str:
    code = frame.f_code
    name = code.co_filename.removeprefix(_ROOT + "/")
    if "site-packages/" in name:
        name = "site-packages/" + name.partition("site-packages/")[2]
    elif "/lib/python" in name:
        name = "python/" + name.rpartition("/lib/python")[2].partition("/")[2]
    return f"{name}:{code.co_qualname}:{code.co_firstlineno}"
