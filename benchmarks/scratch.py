"""A database that is made for one benchmark and thrown away, and how its figures are printed."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp


def use_scratch_database(kind: str = "postgres") -> str:
    """Points Django at an empty, migrated database of a server of our own; "postgres" or "sqlite"."""
    from tests import databases

    folder = Path(mkdtemp(prefix="postrider-bench-"))
    os.environ.update(POSTRIDER_TEST_DATABASE=kind, POSTRIDER_TEST_DURABLE="1")
    chosen = databases.choose(folder)
    os.environ.update(
        DATABASE_URL=chosen.url,
        POSTRIDER_DATA=str(folder),
        POSTRIDER_ALLOWED_NETWORKS="127.0.0.0/8",
        POSTRIDER_LOG_LEVEL="WARNING",
    )
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    return "PostgreSQL" if chosen.is_postgres else "SQLite"


@dataclass
class Stopwatch:
    """Seconds of wall clock between entering and leaving."""

    seconds: float = 0


@contextmanager
def timed() -> Iterator[Stopwatch]:
    watch = Stopwatch()
    start = time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - start


def memory_mb() -> float:
    """What this process has resident now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Verdicts:
    """The closing lines, `name ratio bar ok|SHORT`, and the exit code that goes with them."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._is_short = False

    def at_least(self, name: str, ratio: float, bar: float) -> None:
        self._add(name, ratio, f">={bar:g}", is_met=ratio >= bar)

    def at_most(self, name: str, ratio: float, bar: float) -> None:
        self._add(name, ratio, f"<={bar:g}", is_met=ratio <= bar)

    def _add(self, name: str, ratio: float, bar: str, *, is_met: bool) -> None:
        self._lines.append(f"{name} {ratio:.3g} {bar} {'ok' if is_met else 'SHORT'}")
        self._is_short = self._is_short or not is_met

    def close(self) -> None:
        """Prints them last, and ends the process."""
        print("\n".join(self._lines), flush=True)
        sys.exit(1 if self._is_short else 0)
