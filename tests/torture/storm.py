"""The agent of chaos: all the processes, and what befalls them, in an order that a seed decides."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

from tests import passing
from tests.databases import Cluster
from tests.processes import Process, Processes
from tests.torture import store
from tests.torture.partners import KINDS

Result = TypeVar("Result")
WORKERS = ("worker-1", "worker-2", "worker-3")
HOUR_SECONDS = 2.0  # how often an hour passes for whoever waits
DRAIN_SECONDS = 180.0  # at least; as long as the storm was, if that was longer
STOP_SECONDS = 60.0
CANNOT_START = "failed to start"  # says django-q2
_HOLD_THE_LOCK = """
import sqlite3, sys, time
line = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
line.execute("BEGIN IMMEDIATE"); time.sleep(float(sys.argv[2])); line.execute("ROLLBACK")
"""


@dataclass
class Storm:
    """See the module. `cluster` is None on SQLite."""

    folder: Path
    seed: int
    cluster: Cluster | None
    running: dict[str, Process] = field(default_factory=dict)
    befell: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0  # all together, whenever something was killed
    once_delivered: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self._processes = Processes({**os.environ, "PYTHONUNBUFFERED": "1"}, self.folder)
        self._off: set[str] = set()
        self._next_hour = 0.0
        self._patience = DRAIN_SECONDS

    # --- processes -----------------------------------------------------------------------------------

    def start_all(self) -> None:
        for name in ("receiver", *WORKERS, "cluster", "producer"):
            self._start(name)

    def _start(self, name: str) -> None:
        seed = f"{self.seed} {self.befell.total()}"
        if name in ("receiver", "producer"):
            command = [sys.executable, "-m", f"tests.torture.{name}", str(self.folder), seed]
            self.running[name] = self._processes.start_command(*command)
        else:
            arguments = ["qcluster"] if name == "cluster" else ["deliver", "--stay"]
            self.running[name] = self._processes.start(*arguments)

    def _kill(self, name: str) -> None:
        """With its children, as when a machine or a container goes."""
        kill_all(self.running.pop(name))

    def stop_all(self) -> None:
        self._processes.stop_all()

    # --- the storm -----------------------------------------------------------------------------------

    def rage(self, seconds: float) -> None:
        self._patience = max(seconds, DRAIN_SECONDS)
        acts = [self._no_worker, self._no_cluster, self._no_receiver, self._no_database]
        acts += [self._no_producer, self._people]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            [act] = self.rng.choices(acts, weights=[5, 1, 2, 2, 1, 2])
            act()
            self._wait(self.rng.uniform(0.2, 1.5))

    def _no_worker(self) -> None:
        self._without(self.rng.choice(WORKERS))

    def _no_cluster(self) -> None:
        self._without("cluster")

    def _no_receiver(self) -> None:
        self._without("receiver")

    def _no_producer(self) -> None:
        self._without("producer")

    def _without(self, name: str) -> None:
        if name != "producer":
            self._note_flights()
        self._kill(name)
        self.befell[name.partition("-")[0]] += 1
        self._wait(self.rng.uniform(0, 1.5))
        self._start(name)

    def _no_database(self) -> None:
        seconds = self.rng.uniform(0.2, 2.5)
        self.befell["database"] += 1
        if self.cluster is None:  # nobody can write
            name = connection.settings_dict["NAME"]
            subprocess.run([sys.executable, "-c", _HOLD_THE_LOCK, name, str(seconds)], check=False)
            return
        self._note_flights()
        self.cluster.stop()
        time.sleep(seconds)
        self.cluster.start()

    def _people(self) -> None:
        """Somebody switches a partner off, or on again."""
        partner = self.rng.choice(KINDS).name
        if partner in self._off:
            self._switch_on(partner)
        elif self._enduring(lambda: store.switch(partner, on=False), is_repeated=True) is not None:
            self._off.add(partner)
        self.befell["switch"] += 1

    def _switch_on(self, partner: str) -> None:
        self._enduring(lambda: store.switch(partner, on=True), is_repeated=True)
        self._off.discard(partner)

    def _note_flights(self) -> None:
        self.in_flight += self._enduring(store.in_flight) or 0

    def _wait(self, seconds: float) -> None:
        """Meanwhile time passes, and we look."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if time.monotonic() >= self._next_hour:
                self._enduring(passing.an_hour_passes)
                self.once_delivered |= self._enduring(store.delivered) or set()
                self._next_hour = time.monotonic() + HOUR_SECONDS
            self._see_who_ended()
            time.sleep(min(left, 0.1))

    def _see_who_ended(self) -> None:
        """By itself, that is: nobody should, whatever befalls the others."""
        for name, process in list(self.running.items()):
            if process.popen.poll() is None:
                continue
            if name == "cluster" and CANNOT_START in process.output:
                self.befell["cluster came too early"] += 1  # the database was gone; a supervisor tries again
            else:
                self.complaints.append(f"{name} ended by itself: {process.output[-2000:]}")
            self._start(name)

    def _enduring(self, act: Callable[[], Result], *, is_repeated: bool = False) -> Result | bool | None:
        """What it returns, True for nothing; None if the database is gone."""
        for _ in range(20 if is_repeated else 1):
            try:
                result = act()
                return True if result is None else result
            except (OperationalError, InterfaceError) as error:
                self.befell["we were refused"] += 1
                if "deadlock" in str(error):
                    self.complaints.append(f"We waited in a circle: {error}")
                connection.close()
                time.sleep(0.3)
        return None

    # --- and the calm after it -----------------------------------------------------------------------

    def calm_down(self) -> float:
        """All answer well, and what is left is carried; how long that took."""
        (self.folder / "calm").touch()
        for partner in sorted(self._off):
            self._switch_on(partner)
        self._ask_to_stop("producer")
        started = time.monotonic()
        while self._is_left() and time.monotonic() - started < self._patience:
            self._wait(0.5)
        return time.monotonic() - started

    def _is_left(self) -> bool:
        return self._enduring(lambda: store.left(KINDS)) != (0, 0)

    def ask_all_to_stop(self) -> None:
        for name in [*WORKERS, "cluster"]:
            self._ask_to_stop(name)
        self._kill("receiver")

    def _ask_to_stop(self, name: str) -> None:
        process = self.running.pop(name)
        process.popen.terminate()
        try:
            code = process.popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.complaints.append(f"{name} did not stop when it was asked to: {process.output[-2000:]}")
            return
        if code and name != "producer":  # which may have been started a moment ago
            self.complaints.append(f"{name} stopped with exit status {code}: {process.output[-2000:]}")


def kill_all(process: Process) -> None:
    """SIGKILL, to its children too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.popen.pid, signal.SIGKILL)
    process.popen.wait(10)
