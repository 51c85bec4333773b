"""django-q2's cluster, and beside it the process that stays awake and sends at once."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

from django.conf import settings
from django_q.cluster import Cluster
from django_q.management.commands import qcluster

LOOK_SECONDS = 0.5
AGAIN_SECONDS = 5.0  # before one that ended by itself is started again
STOP_SECONDS = 30.0


class Command(qcluster.Command):  # type: ignore[misc]
    help = "Starts the workers: the clock and its tasks, and what sends deliveries as soon as they are due."

    def handle(self, *args: Any, **options: Any) -> None:
        if options.get("run_once"):
            super().handle(*args, **options)
            return
        if options.get("cluster_name"):
            os.environ["Q_CLUSTER_NAME"] = options["cluster_name"]
        cluster = Cluster()  # from here on SIGTERM and SIGINT stop it
        cluster.start()
        carrier = _Carrier()

        def stop(*_: Any) -> None:
            carrier.ask_to_stop()
            cluster.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        try:
            while cluster.sentinel.is_alive():
                carrier.keep_running()
                time.sleep(LOOK_SECONDS)
        finally:
            carrier.stop()


class _Carrier:
    """`manage.py deliver --stay`, started again whenever it ends by itself."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._start_at = 0.0
        self._is_stopping = False

    def keep_running(self) -> None:
        if self._is_stopping or time.monotonic() < self._start_at:
            return
        if self._process is None:
            command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "deliver", "--stay"]
            env = {**os.environ, "POSTRIDER_PARENT": str(os.getpid())}
            self._process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL)  # noqa: S603
        elif self._process.poll() is not None:
            self._process = None
            self._start_at = time.monotonic() + AGAIN_SECONDS

    def ask_to_stop(self) -> None:
        self._is_stopping = True
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        self.ask_to_stop()
        if self._process is not None:
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
