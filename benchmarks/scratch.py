"""A database that is made for one benchmark and thrown away, and how its figures are printed."""

import atexit
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit


def scratch_database(kind: str = "postgres") -> dict[str, str]:
    """A server or a file of our own, still empty: what the environment of a process has to say to use it."""
    from tests import databases

    folder = Path(mkdtemp(prefix="postrider-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.update(POSTRIDER_TEST_DATABASE=kind, POSTRIDER_TEST_DURABLE="1")
    return {
        "DATABASE_URL": databases.choose(folder).url,
        "POSTRIDER_DATA": str(folder),
        "POSTRIDER_ALLOWED_NETWORKS": "127.0.0.0/8",
        "POSTRIDER_LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def use_scratch_database(kind: str = "postgres") -> str:
    """Points Django at an empty, migrated database of our own; "postgres" or "sqlite". Says which it is."""
    os.environ.update(scratch_database(kind))
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    return named(os.environ)


def named(env: Mapping[str, str]) -> str:
    """Which database such an environment names."""
    return "SQLite" if env["DATABASE_URL"].startswith("sqlite") else "PostgreSQL"


def another_database(env: Mapping[str, str], name: str) -> dict[str, str]:
    """An empty one beside that of `env`."""
    if env["DATABASE_URL"].startswith("sqlite"):
        return {**env, "DATABASE_URL": env["DATABASE_URL"].replace("postrider.sqlite3", f"{name}.sqlite3")}
    import psycopg

    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return {**env, "DATABASE_URL": urlsplit(env["DATABASE_URL"])._replace(path=f"/{name}").geturl()}


def scaled(count: int) -> int:
    """How many, with POSTRIDER_BENCH_SCALE taken into account: a fraction shows whether it runs at all."""
    return max(int(count * float(os.environ.get("POSTRIDER_BENCH_SCALE", "1"))), 1)


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


def cpu_of_server(env: Mapping[str, str]) -> float:
    """CPU seconds that the PostgreSQL server of a database and all its processes have used so far."""
    import psutil
    import psycopg

    with psycopg.connect(env["DATABASE_URL"]) as connection:
        folder = connection.execute("SHOW data_directory").fetchone()
    pid = int(Path(folder[0], "postmaster.pid").read_text().split()[0]) if folder else 0
    server = psutil.Process(pid)
    ended = server.cpu_times()
    used = ended.user + ended.system + ended.children_user + ended.children_system
    for one in server.children():
        with suppress(psutil.NoSuchProcess):  # ended meanwhile
            times = one.cpu_times()
            used += times.user + times.system
    return float(used)


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
