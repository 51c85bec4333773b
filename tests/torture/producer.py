"""The shop as a process: carts are left all the time; notes each in FOLDER/acknowledged once it is committed.

python -m tests.torture.producer FOLDER SEED, until SIGTERM.
"""

import os
import random
import signal
import sys
import threading
from pathlib import Path

import django
from django.db import InterfaceError, OperationalError, connection

MOST_AT_ONCE = 12
MOST_LEFT = 5000  # deliveries to be carried: then the shop waits, so that a long storm ends some time
PAUSE_SECONDS = 0.6  # on average half of it


def _run(folder: Path, seed: str) -> None:
    from tests.torture import store
    from tests.torture.partners import KINDS

    rng = random.Random(seed)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    notes = os.open(folder / "acknowledged", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    while not stop.wait(rng.uniform(0, PAUSE_SECONDS)):
        try:
            if store.left(KINDS)[1] > MOST_LEFT:
                continue
            orders = store.leave_carts(rng.randint(1, MOST_AT_ONCE))
        except (OperationalError, InterfaceError):  # the database is gone; whether it has them is not known
            connection.close()
            continue
        os.write(notes, "".join(f"{order}\n" for order in orders).encode())


if __name__ == "__main__":
    django.setup()
    _run(Path(sys.argv[1]), sys.argv[2])
