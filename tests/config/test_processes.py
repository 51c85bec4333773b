"""Child processes: their errors are noticed, and none of them outlives its stop, however stubborn."""

import sys
import time
from pathlib import Path

import pytest

from config import processes
from tests.processes import wait_until

POLITE = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", child.pid, flush=True)
time.sleep(60)
"""
LEAVES_A_CHILD = """
import subprocess, sys
print("ready", subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
"""


@pytest.fixture
def start(tmp_path):
    children = []

    def start(code: str) -> processes.Child:
        log = tmp_path / "logs" / "child.log"
        child = processes.start("child", [sys.executable, "-c", code], env={}, log=log)
        children.append(child)
        wait_until(lambda: "ready" in log.read_text() or not child.is_running, 20, what="the child")
        return child

    yield start
    processes.stop(children, seconds=0)


def test_a_polite_child_stops_at_once(start):
    child = start(POLITE)
    began = time.monotonic()

    processes.stop([child], seconds=20)

    assert not child.is_running
    assert time.monotonic() - began < 10


def test_a_stubborn_child_is_killed_with_its_own_children(start):
    child = start(STUBBORN)
    grandchild = _pid_told_by(child)

    processes.stop([child], seconds=0.2)

    assert not child.is_running
    wait_until(lambda: not _lives(grandchild), 5, what="the end of the grandchild")


def test_what_a_dead_child_left_behind_is_stopped_too(start):
    child = start(LEAVES_A_CHILD)
    grandchild = _pid_told_by(child)
    child.process.wait(10)

    processes.stop([child], seconds=1)

    wait_until(lambda: not _lives(grandchild), 5, what="the end of the grandchild")


def test_errors_are_told_once_and_whole(start):
    child = start(POLITE)
    assert processes.new_errors(child) == []

    with child.log.open("a") as log:
        log.write("12:00 INFO all is well\n12:01 ERROR first\nTraceback …\n12:02 CRITICAL half of a li")
        log.flush()
        assert processes.new_errors(child) == ["12:01 ERROR first"]
        log.write("ne\n")
    assert processes.new_errors(child) == ["12:02 CRITICAL half of a line"]
    assert processes.new_errors(child) == []
    assert processes.last_lines(child, 2) == "Traceback …\n12:02 CRITICAL half of a line"


def test_a_log_is_put_aside_before_it_is_large(start, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_LOG_LIMIT", 10)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "child.log").write_text("ERROR of yesterday\n")

    child = start(POLITE)

    assert "yesterday" not in child.log.read_text()
    assert "yesterday" in (tmp_path / "logs" / "child.old.log").read_text()


def _pid_told_by(child: processes.Child) -> int:
    return int(child.log.read_text().split()[1])


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
