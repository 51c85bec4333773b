"""`manage.py up`: prepares everything, runs web, worker and demo in one terminal, and stops them cleanly."""

import contextlib
import http.client
import logging
import os
import signal
import socket  # noqa: TID251 — listens to find out whether the port is free; connects to nothing
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import preparation, processes
from config.processes import Child

HOST = "127.0.0.1"
LOOPBACK = "127.0.0.0/8"
READY_SECONDS = 60.0
STOP_SECONDS = 20.0
LOOK_SECONDS = 0.5
ERRORS_SHOWN = 3


class Command(BaseCommand):
    help = (
        "Sets up what is missing and runs Postrider here: web, worker and, unless POSTRIDER_DEMO=0, the demo."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", default=os.environ.get("PORT") or "8000", help="default: PORT, else 8000"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        port = _port(options["port"])
        _interrupt_on(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        children: list[Child] = []
        with preparation.hold(settings.DATA_DIR), contextlib.suppress(KeyboardInterrupt):
            try:
                self._run(port, children)
            except KeyboardInterrupt:
                self._say("Stopping … (a second Ctrl-C does not wait)")
            finally:
                processes.stop(children, seconds=STOP_SECONDS)
            self._say("Stopped.")

    def _run(self, port: int, children: list[Child]) -> None:
        _check_port(port)
        logging.getLogger().setLevel(logging.WARNING)  # the terminal stays calm; children log to files
        is_demo = _is_demo()
        env = _environment(is_demo=is_demo)
        self._prepare(port, env, is_demo=is_demo)
        _start(children, "web", [sys.executable, "-m", "granian", *_web_arguments(port)], env)
        _start(children, "worker", [sys.executable, _manage(), "qcluster"], env)
        _wait_until_it_answers(port, children)
        if is_demo:
            _start(children, "demo", [sys.executable, _manage(), "demo_trickle"], env)
        self._say(f"Postrider is ready at http://{HOST}:{port}/admin/")
        self._watch(children)

    def _prepare(self, port: int, env: Mapping[str, str], *, is_demo: bool) -> None:
        self._say(f"Postrider {settings.VERSION}")
        self._tell("data", settings.DATA_DIR)
        self._tell("database", preparation.database())
        self._tell("static", preparation.static_files())
        if is_demo:
            self._tell("store", _sample_store(port, env))
            self._tell("receiver", f"http://{HOST}:{port}/receiver/ shows what partners get")
            self._tell("network", f"{LOOPBACK} is allowed, for the receiver (POSTRIDER_ALLOWED_NETWORKS)")
            self._tell("sweeps", _sweeps(env["POSTRIDER_SWEEP_MINUTES"]))
        login = preparation.first_admin(os.environ.get("POSTRIDER_ADMIN_PASSWORD", ""))
        self._tell("login", login or "as at the first start (lost? manage.py changepassword admin)")
        self._tell("stop", "with Ctrl-C")

    def _watch(self, children: Sequence[Child]) -> None:
        """Until somebody interrupts. Raises CommandError if a child ends by itself."""
        parent = os.getppid()
        while True:
            for child in children:
                self._show_errors(child)
                if not child.is_running:
                    raise _ended(child)
            if _is_left_alone(parent):
                raise KeyboardInterrupt
            time.sleep(LOOK_SECONDS)

    def _show_errors(self, child: Child) -> None:
        lines = processes.new_errors(child)
        for line in lines[:ERRORS_SHOWN]:
            self._say(f"{child.name}: {line[:300]}")
        if lines:
            self._say(f"{child.name}: more about it in {child.log}")

    def _tell(self, what: str, text: object) -> None:
        self._say(f"  {what:<9} {text}")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _port(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
        raise CommandError(f"The port “{value}” is not a number from 1 to 65535.", returncode=2)
    return int(value)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            message = f"Port {port} cannot be used ({error.strerror}). Choose another one: PORT=8001 make run"
            raise CommandError(message, returncode=2) from error


def _interrupt_on(*signals: signal.Signals) -> None:
    """All ways of being told to stop become one; `nohup` keeps its meaning."""
    for number in signals:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _is_demo() -> bool:
    given = os.environ.get("POSTRIDER_DEMO")
    return settings.POSTRIDER_DEMO if given is not None else not settings.PRODUCTION


def _environment(*, is_demo: bool) -> dict[str, str]:
    """What the children run with: the same data folder, and for the demo what it needs."""
    env = {**os.environ, "POSTRIDER_DATA": str(settings.DATA_DIR), "PYTHONUNBUFFERED": "1"}
    paths = [str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")]
    env["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    env["POSTRIDER_DEMO"] = "1" if is_demo else "0"
    env.pop("POSTRIDER_ADMIN_PASSWORD", None)
    if is_demo:
        networks = [*settings.POSTRIDER_ALLOWED_NETWORKS]
        env["POSTRIDER_ALLOWED_NETWORKS"] = ",".join(
            networks if LOOPBACK in networks else [*networks, LOOPBACK]
        )
        env.setdefault("POSTRIDER_SWEEP_MINUTES", "1")
    return env


def _sweeps(minutes: str) -> str:
    if minutes == "1":
        return "run every minute here; every 15 minutes elsewhere (POSTRIDER_SWEEP_MINUTES)"
    return f"run every {minutes} minutes (POSTRIDER_SWEEP_MINUTES)"


def _sample_store(port: int, env: Mapping[str, str]) -> str:
    """In a process of its own, because this one was started without the demo's environment."""
    command = [sys.executable, _manage(), "demo_store", "--port", str(port)]
    done = subprocess.run(  # noqa: S603 — our own command
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandError(f"The sample store could not be made.\n{done.stderr.strip()}")
    return done.stdout.strip()


def _web_arguments(port: int) -> list[str]:
    limits = ["--workers", "1", "--blocking-threads", "8", "--backpressure", "64", "--no-ws"]
    address = ["--host", HOST, "--port", str(port)]
    return ["--interface", "wsgi", *address, *limits, "config.wsgi:application"]


def _manage() -> str:
    return str(settings.BASE_DIR / "manage.py")


def _start(children: list[Child], name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
    log = settings.DATA_DIR / "logs" / f"{name}.log"
    children.append(processes.start(name, command, env=env, log=log))


def _wait_until_it_answers(port: int, children: Sequence[Child]) -> None:
    end = time.monotonic() + READY_SECONDS
    while not _answers(port):
        for child in children:
            if not child.is_running:
                raise _ended(child)
        if time.monotonic() > end:
            raise CommandError(
                f"The page did not answer within {READY_SECONDS:.0f} s; see {children[0].log}."
            )
        time.sleep(0.1)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/admin/login/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _ended(child: Child) -> CommandError:
    code = child.process.returncode
    return CommandError(
        f"{child.name} ended by itself (exit code {code}), so everything is stopped. "
        f"The end of {child.log}:\n{processes.last_lines(child)}"
    )


def _is_left_alone(parent: int) -> bool:
    """Whether `make`, which started us, was killed. In a shell's background nobody has to stay."""
    return "MAKELEVEL" in os.environ and os.getppid() != parent
