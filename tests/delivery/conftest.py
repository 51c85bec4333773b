"""A name service that says what the test wants, and a machine that nothing leaves."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from delivery import guard
from tests.delivery.addresses import Answers


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What the name service says: for each name the answers to the first, second, … look-up.

    Nobody else is asked: a name that is not here has no address, and numbers are read by the system.
    """
    known: Answers = {"localhost": [["127.0.0.1", "::1"]]}
    real = socket.getaddrinfo

    def look_up(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        answers = known.get(_as_asked(str(host)))
        if answers is None:
            return real(host, port, *args, **{**kwargs, "flags": socket.AI_NUMERICHOST})
        now = answers.pop(0) if len(answers) > 1 else answers[0]
        families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in now]
        pairs = zip(families, now, strict=True)
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in pairs]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def _as_asked(host: str) -> str:
    """The name as Python hands it to the system."""
    with contextlib.suppress(UnicodeError):
        host = host.encode("idna").decode()
    return host.lower().rstrip(".")


@pytest.fixture
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Should a transport ever turn to another machine, it gets nowhere, and the test fails.

    The guard looks before every connection that libcurl makes; Python's sockets are asked themselves.
    """
    escaped: list[str] = []
    judge, connect = guard.check_address, socket.socket.connect

    def check_address(text: str, port: int, host: str = "") -> None:
        judge(text, port, host)
        _stop(text, escaped, guard.Forbidden)

    def connected(line: socket.socket, address: Any) -> None:
        if line.family != socket.AF_UNIX:
            _stop(str(address[0]), escaped, OSError)
        connect(line, address)

    monkeypatch.setattr(guard, "check_address", check_address)
    monkeypatch.setattr(socket.socket, "connect", connected)
    yield escaped
    assert not escaped


def _stop(text: str, escaped: list[str], error: Callable[[str], Exception]) -> None:
    if not text.startswith("127.") and text != "::1":
        escaped.append(text)
        raise error("A test does not leave this machine.")
