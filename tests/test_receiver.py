"""The receiver itself: what later tests believe of it."""

import time

import pytest
import requests

from tests.receiver import Answer, Drip, Hang, Huge, Receiver, Reset, redirect


def test_it_keeps_every_request_as_it_came(receiver: Receiver) -> None:
    requests.post(receiver.url("/a%2Fb//c?x=1&x=%20+"), data=b"\x00\xff", headers={"X-Odd": "1"}, timeout=5)
    (seen,) = receiver.requests
    assert (seen.method, seen.target, seen.body) == ("POST", "/a%2Fb//c?x=1&x=%20+", b"\x00\xff")
    assert ("X-Odd", "1") in seen.headers
    assert seen.query == [("x", "1"), ("x", "  ")]


def test_statuses_come_in_turn_and_the_last_one_stays(receiver: Receiver) -> None:
    receiver.answers("/hook", 500, 503, 200)
    session = requests.Session()
    assert [session.get(receiver.url("/hook"), timeout=5).status_code for _ in range(4)] == [
        500,
        503,
        200,
        200,
    ]
    assert requests.get(receiver.url("/other"), timeout=5).status_code == 200
    assert len({request.connection for request in receiver.to("/hook")}) == 1


def test_down_and_up_again_at_the_same_address(receiver: Receiver) -> None:
    session = requests.Session()
    address = receiver.url("/")
    session.get(address, timeout=5)
    receiver.stop()
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            session.get(address, timeout=5)
    receiver.start()
    assert receiver.url("/") == address
    assert session.get(address, timeout=5).ok
    assert len(receiver.requests) == 2


@pytest.mark.parametrize("reaction", [Hang(), Drip("headers"), Drip("body"), Answer(delay=5)])
def test_what_takes_too_long(receiver: Receiver, reaction: Hang | Drip | Answer) -> None:
    receiver.answers("*", reaction)
    start = time.monotonic()
    with pytest.raises(requests.RequestException):
        requests.get(receiver.url(), timeout=0.2)
    assert time.monotonic() - start < 4


def test_reset(receiver: Receiver) -> None:
    receiver.answers("*", Reset())
    with pytest.raises(requests.ConnectionError):
        requests.get(receiver.url(), timeout=5)


def test_bodies_that_are_too_large(receiver: Receiver) -> None:
    receiver.answers("*", Huge(3_000_000), Huge(3_000_000, is_bomb=True))
    assert len(requests.get(receiver.url(), timeout=5).content) == 3_000_000
    bomb = requests.get(receiver.url(), timeout=5)
    assert len(bomb.content) == 3_000_000 and int(bomb.headers["Content-Length"]) < 10_000


def test_redirect(receiver: Receiver) -> None:
    receiver.answers("/from", redirect(receiver.url("/to")))
    assert requests.get(receiver.url("/from"), timeout=5).url == receiver.url("/to")


def test_tls(tls_receiver: Receiver) -> None:
    assert requests.get(tls_receiver.url("/x"), timeout=5).ok
    assert tls_receiver.url().startswith("https://")
