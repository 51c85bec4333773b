"""A short storm with a seed of its own; `make torture` runs longer ones."""

import os
import subprocess
import sys

import pytest
from django.db import connection

from tests.processes import ROOT
from tests.torture.scene import NO_DATABASE

SECONDS = "15"
SEED = os.environ.get("POSTRIDER_TEST_STORM_SEED", "7")


def test_nothing_is_lost_in_a_storm() -> None:
    database = "postgres" if connection.vendor == "postgresql" else "sqlite"
    command = [sys.executable, "-m", "tests.torture", "--database", database]
    done = subprocess.run(
        [*command, "--seconds", SECONDS, "--seed", SEED],
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
