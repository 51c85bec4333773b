"""Child processes: each in a session of its own, asked to stop politely, never left behind."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOG_LIMIT = 5_000_000  # bytes; checked at each start
_PR_SET_PDEATHSIG = 1
_ERROR = re.compile(r"\b(ERROR|CRITICAL)\b")
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(slots=True)
class Child:
    """One running child and the file that its output goes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    read_up_to: int  # of the log, by `new_errors`

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None


def start(name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path) -> Child:
    """Starts the command. It hears nothing of the terminal's Ctrl-C: only `stop` stops it, or our own end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".old.log"))
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(  # noqa: S603 — our own commands
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with(os.getpid()),  # noqa: PLW1509 — no threads here
        )
    return Child(name, process, log, begin)


def stop(children: Sequence[Child], *, seconds: float) -> None:
    """Asks every child to stop and waits `seconds`; then, or at a second Ctrl-C, kills what is left."""
    try:
        for child in children:
            child.process.terminate()
        end = time.monotonic() + seconds
        for child in children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0, end - time.monotonic()))
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):  # also its own children, if it left any
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()


def new_errors(child: Child) -> list[str]:
    """Lines about errors that the log has got since the last look."""
    with child.log.open("rb") as file:
        file.seek(child.read_up_to)
        text, _, _ = file.read(_LOG_LIMIT).rpartition(b"\n")
        child.read_up_to += len(text) + 1 if text else 0
    return [line for line in text.decode(errors="replace").splitlines() if _ERROR.search(line)]


def last_lines(child: Child, count: int = 15) -> str:
    """The end of its log."""
    with child.log.open("rb") as file:
        file.seek(max(0, child.log.stat().st_size - 20_000))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])


def _end_with(parent: int) -> Callable[[], None] | None:
    """Makes the kernel stop the child should we be killed without a chance to do it (Linux only)."""
    if _libc is None:
        return None
    libc = _libc

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # already gone
            os._exit(1)

    return prepare
