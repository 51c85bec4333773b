"""Several hosts on one PostgreSQL, one of them killed and one cut off from it."""

import subprocess
import sys

import pytest

from tests.processes import ROOT
from tests.torture.scene import NO_DATABASE


@pytest.mark.postgres
def test_nothing_is_lost_when_a_host_is_killed_and_one_is_cut_off() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture.machines"],
        check=False,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
    )
    if done.returncode == NO_DATABASE:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the books balance" in done.stdout
