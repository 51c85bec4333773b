"""The dependencies: pinned, with hashes, and from wherever the machine is told to fetch them."""

import re
import tomllib

import pytest

from tests.architecture.source import ROOT

LOCKS = ("requirements/runtime.lock", "requirements/dev.lock")
PINNED = re.compile(r"^[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==\S+( ; .+)?$")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.findall(r"\S*://\S*|^-.*|\S*pypi\S*|\S*\.(?:whl|tar\.gz)\b", text, re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_every_dependency_is_pinned_with_a_hash(name: str) -> None:
    text = re.sub(r"\s*#.*", "", (ROOT / name).read_text()).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines
    for line in lines:
        requirement, *hashes = line.split("--hash=")
        assert PINNED.match(requirement.strip()), requirement
        assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", one.strip()) for one in hashes)


def test_the_locks_agree_and_hold_what_is_asked_for() -> None:
    runtime, dev = (
        set(re.findall(r"^([a-z0-9][^\s;]*==\S+)", (ROOT / name).read_text(), re.M)) for name in LOCKS
    )
    assert runtime <= dev
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[\[<>=~! ;]", one)[0] for one in asked}
    assert names <= {re.split(r"[\[=]", one)[0] for one in runtime}
