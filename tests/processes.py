"""Commands of ours run as real processes on the database of the test, and killed as a crash would."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

ROOT = Path(__file__).resolve().parent.parent


class NotInTime(AssertionError):
    """A process did not do in time what the test waited for."""


@dataclass
class Process:
    """One running command. Its output goes to a file, so that it can never block on us."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL, as a power cut or the kernel would; to this process alone."""
        self.popen.kill()
        self.popen.wait(10)

    def interrupt(self) -> None:
        """SIGINT, as Ctrl-C would."""
        self.popen.send_signal(signal.SIGINT)

    def wait(self, seconds: float = 60) -> int:
        """The exit code."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise NotInTime(f"Still running after {seconds} s:\n{self.output}") from None

    def wait_for(self, text: str, seconds: float = 30) -> None:
        """Returns when the output has the text; fails when the process ends without it."""
        wait_until(lambda: text in self.output or self.popen.poll() is not None, seconds, what=f"“{text}”")
        if text not in self.output:
            raise NotInTime(f"Ended with {self.popen.returncode} without saying “{text}”:\n{self.output}")


@dataclass
class Processes:
    """Starts `manage.py …` on the test's database; what is still running at the end is killed."""

    env: dict[str, str]
    folder: Path
    started: list[Process] = field(default_factory=list)

    def start(self, *arguments: str, **env: str) -> Process:
        """`manage.py` with these arguments, running beside the test."""
        return self.start_command(sys.executable, str(ROOT / "manage.py"), *arguments, **env)

    def start_command(self, *command: str, **env: str) -> Process:
        """Any other command in the same way."""
        log = self.folder / f"process-{len(self.started)}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                command,
                env={**self.env, **env},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(Process(popen, log))
        return self.started[-1]

    def run(
        self, *arguments: str, seconds: float = 60, stdin: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        """`manage.py` with these arguments to its end, with its exit code, output and error output apart."""
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            check=False,
            env={**self.env, **env},
            cwd=ROOT,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def stop_all(self) -> None:
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):  # with its children: the session is its own
                os.killpg(process.popen.pid, signal.SIGKILL)
            process.popen.wait(10)


@pytest.fixture
def processes(transactional_db: None, tmp_path: Path) -> Iterator[Processes]:
    """Real processes on this test's database. What the test wrote is committed, so they see it."""
    running = Processes({**os.environ, "DATABASE_URL": database_url(), "PYTHONUNBUFFERED": "1"}, tmp_path)
    yield running
    running.stop_all()


def database_url() -> str:
    """The address of the database that the test itself uses."""
    from django.db import connection

    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    host = settings["HOST"] or settings["OPTIONS"].get("host", "")
    user = quote(settings["USER"] or "", safe="")
    password = f":{quote(settings['PASSWORD'], safe='')}" if settings["PASSWORD"] else ""
    query = {"host": host, "port": settings["PORT"] or settings["OPTIONS"].get("port")}
    return f"postgres://{user}{password}@/{settings['NAME']}?" + urlencode(
        {name: value for name, value in query.items() if value}, safe="/"
    )


def wait_until(is_so: Callable[[], Any], seconds: float = 30, *, what: str = "it") -> None:
    """Looks 50 times a second; raises NotInTime after `seconds`."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise NotInTime(f"Waited {seconds} s in vain for {what}.")
        time.sleep(0.02)
