"""A short storm, and three hosts of which two are lost for a while; `make torture` runs longer ones."""

import os
import subprocess
import sys

import pytest
from django.db import connection

from tests.processes import ROOT
from tests.torture.scene import NO_DATABASE

SECONDS = "15"
SEED = os.environ.get("POSTRIDER_TEST_STORM_SEED", "7")


def run(*arguments: str) -> None:
    """A torture to its end; passes if its books balance."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
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


def test_after_a_storm() -> None:
    database = "postgres" if connection.vendor == "postgresql" else "sqlite"
    run("tests.torture", "--database", database, "--seconds", SECONDS, "--seed", SEED)


@pytest.mark.postgres
def test_after_a_host_was_killed_and_one_was_cut_off() -> None:
    run("tests.torture.machines")
