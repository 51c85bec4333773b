"""`make run` sets up what is missing, shows a page, keeps the data, and leaves no process behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.journeys.make_run import PASSWORD, Run, a_run, free_port, logged_in, status
from tests.processes import ROOT, Process

BARE = {"POSTRIDER_DEMO": "0"}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with a_run(tmp_path) as fresh:
        yield fresh


def test_from_an_empty_folder_to_a_login_and_again_after_a_crash(run):
    process = run.ready(**BARE)

    assert process.output.count(f"Postrider is ready at http://127.0.0.1:{run.port}/admin/\n") == 1
    assert PASSWORD not in process.output
    browser = logged_in(run)
    assert status(browser, run.address("/receiver/")) == 404, "the demo is off"
    _refuses_a_second(run)
    process.kill()
    run.assert_nothing_is_left()

    started = time.monotonic()
    again = run.ready(**BARE)

    assert time.monotonic() - started < 20
    assert "up to date" in again.output
    assert status(browser, run.address("/admin/password_change/")) == 200, "the login is kept"
    again.interrupt()
    assert again.wait(30) == 0
    run.assert_nothing_is_left()


def test_when_the_worker_dies_everything_stops_and_a_made_up_password_is_told_once(run):
    process = run.ready(**BARE, POSTRIDER_ADMIN_PASSWORD="")
    (line,) = [line for line in process.output.splitlines() if "made now" in line]
    logged_in(run, line.split("password ")[1].split()[0])

    _kill_a_child(process, "qcluster")

    assert process.wait(30) == 1
    assert "worker ended by itself" in process.output
    run.assert_nothing_is_left()
    again = run.ready(**BARE, POSTRIDER_ADMIN_PASSWORD="")
    assert "made now" not in again.output
    again.popen.terminate()
    assert again.wait(30) == 0
    run.assert_nothing_is_left()


def test_when_make_is_killed_everything_stops(run, tmp_path):
    """GNU make is played by a process that starts `up` and says so in MAKELEVEL, as make does."""
    command = [sys.executable, str(ROOT / "manage.py"), "up"]
    log = tmp_path / "make.log"
    with log.open("wb") as output:
        env = {**run.processes.env, **BARE, "MAKELEVEL": "1"}
        make = subprocess.Popen(
            [sys.executable, "-c", f"import subprocess; subprocess.run({command!r})"], env=env, stdout=output
        )
    Process(make, log).wait_for("Postrider is ready at", 90)

    make.kill()
    make.wait(10)

    run.assert_nothing_is_left()


@pytest.mark.parametrize("port", ["0", "65536", "http", "²", "-1", ""])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(CommandError, match="is not a number from 1 to 65535") as refused:
        call_command("up", port=port)
    assert refused.value.returncode == 2


def _refuses_a_second(run: Run) -> None:
    """On the same folder, and on the same port."""
    second = run.up(**BARE, PORT=str(free_port()))
    assert second.wait(30) == 2
    assert (
        f"Postrider is running on {run.data} already (process {run.processes.started[0].popen.pid})"
        in second.output
    )

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        other = run.up(**BARE, PORT=str(port), POSTRIDER_DATA=str(run.data.parent / "other"))
        assert other.wait(30) == 2
        assert f"Port {port} cannot be used" in other.output
    assert "Traceback" not in second.output + other.output


def _kill_a_child(process: Process, word: str) -> None:
    """SIGKILL to the direct child whose command line has the word."""
    children = Path(f"/proc/{process.popen.pid}/task/{process.popen.pid}/children").read_text().split()
    (pid,) = [pid for pid in children if word in Path(f"/proc/{pid}/cmdline").read_text()]
    os.kill(int(pid), signal.SIGKILL)
