"""`python -m tests.torture`: a storm over one database, then the ledger. Exit status 1: it is not right."""

import argparse
import os
import platform
import random
import shutil
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.databases import HOW_TO_GET_ONE, Cluster, new_cluster

if TYPE_CHECKING:
    from tests.torture.storm import Storm

NO_DATABASE = 3
MOST_READ = 64 << 20  # of an answer without an end so much may be on its way when we hang up
LEASE_SECONDS = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.torture", description=__doc__)
    parser.add_argument("--database", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="postrider-torture-"))
    with ExitStack() as stack:
        cluster = None
        if options.database == "postgres":
            cluster = new_cluster(is_durable=True)
            if cluster is None:
                print(f"There is no PostgreSQL here: {HOW_TO_GET_ONE}.")
                return NO_DATABASE
            cluster.start()
            stack.callback(cluster.stop)
        _prepare(folder, cluster)
        is_good = _torture(folder, cluster, options.seconds, options.seed)
        if cluster is not None and not is_good:
            shutil.copy(cluster.folder / "log", folder / "postgres.log")
    if is_good:
        shutil.rmtree(folder)
    else:
        print(f"  logs: {folder}")
    return 0 if is_good else 1


def _prepare(folder: Path, cluster: Cluster | None) -> None:
    """Settings, tables, ports and the shop."""
    for name in [name for name in os.environ if name.startswith("POSTRIDER_")]:
        del os.environ[name]
    ports = _free_ports()
    (folder / "ports").write_text(" ".join(map(str, ports)))
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": cluster.url if cluster else f"sqlite:///{folder / 'postrider.sqlite3'}",
        "POSTRIDER_DATA": str(folder),
        "POSTRIDER_ALLOWED_NETWORKS": "127.0.0.0/8",
        "POSTRIDER_LEASE_SECONDS": str(LEASE_SECONDS),
        "POSTRIDER_WORKERS": "1",
        "POSTRIDER_LOG_LEVEL": "WARNING",
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from tests.torture import store

    store.open_shop(*ports)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def _torture(folder: Path, cluster: Cluster | None, seconds: float, seed: int) -> bool:
    """Whether the books balance."""
    from tests.torture import store
    from tests.torture.storm import Storm

    started = time.monotonic()
    print(f"{store.server()}, Python {platform.python_version()}, seed {seed}, {seconds:.0f} s of storm")
    storm = Storm(folder, seed, cluster)
    try:
        storm.start_all()
        storm.rage(seconds)
        calm = storm.calm_down()
        storm.ask_all_to_stop()
        return _report(folder, storm, calm, time.monotonic() - started)
    finally:
        storm.stop_all()


def _report(folder: Path, storm: "Storm", calm: float, seconds: float) -> bool:
    from tests.torture import ledger, store

    books = store.books(folder, storm.once_delivered)
    delivered = sum(row.state == "delivered" for row in books.rows)
    waiting = len(books.rows) - delivered
    doubles = ledger.duplicates(books.notes)
    share = f"{doubles / storm.in_flight:.1%}" if storm.in_flight else "-"
    most = max((int(str(note["sent"])) for note in store.notes(folder) if "sent" in note), default=0)
    befell = ", ".join(f"{name} {number}" for name, number in sorted(storm.befell.items()))
    print(f"  befell: {befell}")
    print(f"  recorded: {len(books.events):,} events for {len(books.partners)} partners")
    print(f"  deliveries: {len(books.rows):,} = {delivered:,} delivered + {waiting:,} waiting")
    print(f"  attempts on record: {len(books.tries):,}; requests that the receiver saw: {len(books.notes):,}")
    print(
        f"  accepted more than once: {doubles:,} = {share} of the {storm.in_flight:,} in flight at the kills"
    )
    print(f"  of a gigabyte at most {most / 1e6:.1f} MB were taken off the line")
    print(f"  after the storm all was carried in {calm:.0f} s; {seconds:.0f} s in all")
    wrong = [*ledger.violations(books), *storm.complaints]
    if most > MOST_READ:
        wrong.append(f"read without a bound: {most:,} bytes")
    for line in wrong:
        print(f"  WRONG: {line}")
    print("  the books balance" if not wrong else f"  THE BOOKS DO NOT BALANCE ({len(wrong)})")
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
