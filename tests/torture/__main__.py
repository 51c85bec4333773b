"""`python -m tests.torture`: a storm over one database, then the ledger. Exit status 1: it is not right."""

import argparse
import platform
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.databases import HOW_TO_GET_ONE, Cluster, new_cluster
from tests.torture.scene import NO_DATABASE, end, prepare

if TYPE_CHECKING:
    from tests.torture.storm import Storm

MOST_READ = 64 << 20  # of an answer without an end so much may be on its way when we hang up


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what we started ends with us
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
        prepare(folder, cluster.url if cluster else f"sqlite:///{folder / 'postrider.sqlite3'}")
        is_good = _torture(folder, cluster, options.seconds, options.seed)
        if cluster is not None and not is_good:
            shutil.copy(cluster.folder / "log", folder / "postgres.log")
    return end(folder, is_good=is_good)


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
    from tests.torture import report, store
    from tests.torture.partners import KINDS

    books = store.books(folder, KINDS, storm.once_delivered)
    most = max((int(str(note["sent"])) for note in store.notes(folder) if "sent" in note), default=0)
    report.say(befell=", ".join(f"{name} {number}" for name, number in sorted(storm.befell.items())))
    report.show(books, storm.in_flight)
    report.say(of_a_gigabyte=f"at most {most / 1e6:.1f} MB were taken off the line")
    report.say(after_the_storm=f"all was carried in {calm:.0f} s; {seconds:.0f} s in all")
    complaints = list(storm.complaints)
    if most > MOST_READ:
        complaints.append(f"read without a bound: {most:,} bytes")
    return report.is_balanced(books, complaints)


if __name__ == "__main__":
    sys.exit(main())
