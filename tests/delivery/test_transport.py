"""The transport: whatever the other side does, there is an answer in time, and nothing is left behind."""

import errno
import gc
import gzip
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, repeat
from pathlib import Path
from typing import Any

import certifi
import pytest
import responses
import trustme
from pytest_django import Settings

from delivery.transports import BODY_LIMIT, Answer, Request, Transport, make_transport
from tests.delivery.bare_server import bare_server
from tests.processes import wait_until
from tests.receiver import Answer as Reply
from tests.receiver import Drip, Hang, Huge, Receiver, Reset, redirect

LIMIT = 0.25  # seconds that a test's request may take in all
LATE = 1.6  # what is over by then was cut by the limit, not by the end of the test


@pytest.fixture(params=["pycurl", "requests"])
def transport(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Transport]:
    settings.POSTRIDER_TRANSPORT = request.param
    carrier = make_transport()
    yield carrier
    carrier.close()


def a_request(
    url: str,
    method: str = "GET",
    body: bytes = b"",
    headers: Sequence[tuple[str, str]] = (),
    seconds: float = 5,
) -> Request:
    return Request(method, url, tuple(headers), body, seconds, url, tuple(headers))


def send(transport: Transport, url: str, method: str = "GET", **details: Any) -> Answer:
    """One request to its end."""
    transport.start("only", a_request(url, method, **details))
    ((key, answer),) = transport.finished(20)
    assert key == "only"
    return answer


def send_all(transport: Transport, requests: dict[str, Request]) -> dict[str, Answer]:
    """Side by side, to the last of them."""
    for key, request in requests.items():
        transport.start(key, request)
    answers: dict[str, Answer] = {}
    end = time.monotonic() + 20
    while len(answers) < len(requests) and time.monotonic() < end:
        answers |= dict(transport.finished(1))
    return answers


# --- what is sent ------------------------------------------------------------------------------------


def test_what_is_asked_is_what_arrives(transport: Transport, receiver: Receiver) -> None:
    headers = [("X-Key", "schlüssel"), ("Content-Type", "text/x-odd; charset=utf-8"), ("User-Agent", "P/1")]
    send(transport, receiver.url("/a//b%2Fc?x=1&x=%7E*"), "PATCH", body="ä😀".encode(), headers=headers)
    (seen,) = receiver.requests
    assert (seen.method, seen.target, seen.body) == ("PATCH", "/a//b%2Fc?x=1&x=%7E*", "ä😀".encode())
    assert seen.header("Content-Length") == "6"
    assert seen.header("Host") == receiver.url("").removeprefix("http://")
    assert (seen.header("X-Key"), seen.header("User-Agent")) == ("schlüssel", "P/1")
    assert seen.header("Accept-Encoding") == "identity"
    assert seen.header("Transfer-Encoding") is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_an_empty_body_says_that_it_is_empty(transport: Transport, receiver: Receiver, method: str) -> None:
    send(transport, receiver.url(), method)
    assert receiver.requests[0].header("Content-Length") == "0"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_without_a_body_no_length_is_told(transport: Transport, receiver: Receiver, method: str) -> None:
    send(transport, receiver.url(), method)
    assert receiver.requests[0].header("Content-Length") is None


def test_an_address_with_umlauts_is_written_as_the_url_standard_says(
    transport: Transport, receiver: Receiver
) -> None:
    send(transport, receiver.url("/päth?q=ü&r=%20+%7E*%2F"))
    assert receiver.requests[0].target == "/p%C3%A4th?q=%C3%BC&r=%20+%7E*%2F"


def test_a_stray_percent_sign_in_the_address_spoils_nothing_else(
    transport: Transport, receiver: Receiver
) -> None:
    send(transport, receiver.url("/50%/x?off=5%&name=J%C3%B6rg+%25"))
    assert receiver.requests[0].target == "/50%25/x?off=5%25&name=J%C3%B6rg+%25"


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("headers", [("X-A", "1\r\nX-Evil: 1")]),
        ("headers", [("X-A", "1\nX-Evil: 1")]),
        ("headers", [("X-A", "1\r\n X-Evil: 1")]),
        ("headers", [("X-A\r\nX-Evil", "1")]),
        ("headers", [("X-A: 1\r\nX-Evil", "1")]),
        ("headers", [("X-A", "nul\x00")]),
        ("headers", [("X-A", "日本")]),
        ("method", "GET / HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET"),
        ("method", "GET /evil"),
        ("path", "/a\r\nX-Evil: 1"),
        ("path", "/a HTTP/1.1\r\nX-Evil: 1\r\n\r\n"),
        ("path", "/a b"),
    ],
)
def test_nothing_can_be_smuggled_into_a_request(
    transport: Transport, receiver: Receiver, part: str, value: Any
) -> None:
    details = {part: value} if part == "headers" else {}
    url = receiver.url(value if part == "path" else "/")
    answer = send(transport, url, value if part == "method" else "GET", **details)
    assert (answer.error, answer.status, receiver.requests) == ("config", None, [])
    assert "X-Evil" not in answer.detail and "nul" not in answer.detail


# --- connections -------------------------------------------------------------------------------------


def test_a_connection_is_kept_and_used_again(transport: Transport, receiver: Receiver) -> None:
    answers = [send(transport, receiver.url(f"/{number}"), "POST", body=b"x") for number in range(20)]
    assert {answer.status for answer in answers} == {200}
    assert {request.connection for request in receiver.requests} == {1}
    assert {answer.remote_address for answer in answers} == {"127.0.0.1"}


def test_a_connection_that_the_receiver_closed_meanwhile_is_no_failure(
    transport: Transport, receiver: Receiver
) -> None:
    send(transport, receiver.url())
    receiver.stop()
    receiver.start()
    time.sleep(0.05)
    assert send(transport, receiver.url()).status == 200


def test_many_go_side_by_side(transport: Transport, receiver: Receiver) -> None:
    receiver.answers("*", Reply(delay=0.3))
    started = time.monotonic()
    answers = send_all(transport, {str(n): a_request(receiver.url()) for n in range(20)})
    assert {answer.status for answer in answers.values()} == {200} and len(answers) == 20
    assert time.monotonic() - started < 2


def test_proxies_of_the_environment_are_ignored(
    transport: Transport, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert send(transport, receiver.url("/direct")).status == 200
    assert receiver.requests[0].target == "/direct"


def test_credentials_of_the_environment_are_not_added(
    transport: Transport, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    send(transport, receiver.url())
    assert receiver.requests[0].header("Authorization") is None


def test_cookies_are_not_kept(transport: Transport, receiver: Receiver) -> None:
    receiver.answers("*", Reply(headers=(("Set-Cookie", "id=1; Path=/"),)))
    for _ in range(2):
        send(transport, receiver.url())
    assert [request.header("Cookie") for request in receiver.requests] == [None, None]


# --- answers -----------------------------------------------------------------------------------------


def test_an_answer_is_kept_as_it_came(transport: Transport, receiver: Receiver) -> None:
    receiver.answers("*", Reply(422, "ungültig".encode(), (("X-Why", "list_id"), ("X-Why", "2"))))
    answer = send(transport, receiver.url(), "POST", body=b"{}")
    assert (answer.status, answer.body.decode(), answer.is_cut) == (422, "ungültig", False)
    assert answer.error == ""
    assert [value for name, value in answer.headers if name == "X-Why"] in (["list_id, 2"], ["list_id", "2"])
    assert 0 <= answer.phases["answered_ms"] <= answer.duration_ms < 5000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(transport: Transport, receiver: Receiver, status: int) -> None:
    receiver.answers("/from", redirect(receiver.url("/to"), status))
    answer = send(transport, receiver.url("/from"), "POST", body=b"x")
    assert answer.status == status and ("Location", receiver.url("/to")) in answer.headers
    assert [request.path for request in receiver.requests] == ["/from"]


@pytest.mark.parametrize(
    ("told", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", 205, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", 200, b"to the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", 200, b"old"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", 201, b"ok"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n",
            200,
            b"abcde",
        ),
        (b"HTTP/1.1 200 \xff\xfe\r\nX: \xff\r\nContent-Length: 2\r\n\r\n\xff\x00", 200, b"\xff\x00"),
        (b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n", 999, b""),
    ],
)
def test_answers_of_every_form(transport: Transport, told: bytes, status: int, body: bytes) -> None:
    with bare_server([told]) as server:
        answer = send(transport, server.url(), "POST", body=b"x")
    assert (answer.status, answer.body, answer.error) == (status, body, "")


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: \x00\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + b"\x00" * 5,
    ],
)
def test_what_is_no_answer_is_a_broken_connection(transport: Transport, told: bytes) -> None:
    with bare_server([told]) as server:
        answer = send(transport, server.url(), "POST", body=b"x")
    if answer.error:
        assert answer.error == "reset" and answer.detail == "The connection broke."
    else:  # a length that is none is passed over: the answer goes on to the end; so is a NUL
        assert (b"-5" in told and answer.body == b"\x00" * 5) or b"X: \x00" in told


@pytest.mark.parametrize("status", [b"101 Switching Protocols", b"103 Early Hints"])
def test_an_interim_answer_is_never_mistaken_for_that_of_the_next_request(
    transport: Transport, status: bytes
) -> None:
    late = [b"HTTP/1.1 " + status + b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"]
    own = [b"HTTP/1.1 500 No\r\nContent-Length: 6\r\n\r\nsecond"]
    with bare_server(late, own, pause=0.2, keeps_open=True) as server:
        first = send(transport, server.url("/1"))
        second = send(transport, server.url("/2"), seconds=1)
    waited = (first.status, first.body) == (200, b"first")  # and used the connection again, which is mute
    assert (second.status, second.body) == ((None, b"") if waited else (500, b"second"))


def test_a_reset(transport: Transport, receiver: Receiver) -> None:
    receiver.answers("*", Reset())
    assert send(transport, receiver.url()).error == "reset"


def test_nobody_listens(transport: Transport, receiver: Receiver) -> None:
    receiver.stop()
    answer = send(transport, receiver.url())
    assert (answer.error, answer.detail) == ("refused", "The connection was refused.")


@pytest.mark.parametrize("transport", ["requests"], indirect=True)
def test_no_route_leads_there(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_route(*_: Any) -> None:
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    monkeypatch.setattr(socket.socket, "connect", no_route)
    answer = send(transport, "http://127.0.0.1/")
    assert (answer.error, answer.detail) == ("refused", "The receiver cannot be reached.")


def test_a_name_without_address(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_answer(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_answer)
    answer = send(transport, "http://gone.example/")
    assert (answer.error, answer.detail) == ("dns", "The host name has no address.")


@pytest.mark.parametrize("transport", ["requests"], indirect=True)
@responses.activate
def test_an_error_that_no_loopback_server_can_make(transport: Transport) -> None:
    """The network is gone in the middle of it: `responses` raises what the system would say."""
    responses.add(responses.GET, "http://far.example/", body=OSError(errno.ENETDOWN, "Network is down"))
    responses.add(responses.POST, "http://far.example/", body="x" * (BODY_LIMIT + 1), status=201)
    answer = send(transport, "http://far.example/")
    assert (answer.error, answer.detail) == ("reset", "The connection broke.")
    answer = send(transport, "http://far.example/", "POST")
    assert (answer.status, len(answer.body), answer.is_cut) == (201, BODY_LIMIT, True)


# --- limits of size ----------------------------------------------------------------------------------


def test_of_a_large_answer_only_the_beginning_is_read(transport: Transport) -> None:
    sent = count()

    def endless() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
        for _ in repeat(None, 1000):
            next(sent)
            yield b"x" * 1_000_000

    with bare_server(endless()) as server:
        answer = send(transport, server.url())
    assert (answer.status, len(answer.body), answer.is_cut, answer.error) == (200, BODY_LIMIT, True, "")
    assert next(sent) < 20


def test_an_answer_of_exactly_the_limit_is_whole(transport: Transport, receiver: Receiver) -> None:
    receiver.answers("*", Reply(body=b"x" * BODY_LIMIT), Reply(body=b"x" * (BODY_LIMIT + 1)))
    answers = [send(transport, receiver.url()) for _ in range(2)]
    assert [(len(answer.body), answer.is_cut) for answer in answers] == [
        (BODY_LIMIT, False),
        (BODY_LIMIT, True),
    ]


def test_a_bomb_does_not_go_off(transport: Transport, receiver: Receiver) -> None:
    receiver.answers("*", Huge(40_000_000, is_bomb=True))
    answer = send(transport, receiver.url())
    assert (answer.body, answer.is_cut) == (bytes(BODY_LIMIT), True)


def test_a_compressed_answer_is_read_though_nobody_asked_for_it(
    transport: Transport, receiver: Receiver
) -> None:
    zipped, encoding = gzip.compress(b"ERROR: duplicate"), ("Content-Encoding", "gzip")
    receiver.answers("*", Reply(body=zipped, headers=(encoding,)), Reply(body=b"plain", headers=(encoding,)))
    assert send(transport, receiver.url()).body == b"ERROR: duplicate"
    assert send(transport, receiver.url()).body == b"plain"


# --- limits of time ----------------------------------------------------------------------------------

SLOW: dict[str, list[bytes]] = {
    "status line": [b"HTTP/1.1 200 OK"[i : i + 1] for i in range(15)] * 20,
    "headers": [b"HTTP/1.1 200 OK\r\n", b"X-A: ", *[b"x"] * 300],
    "many headers": [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 90, *[b"Y"] * 300],
    "interim answers": [b"HTTP/1.1 100 Continue\r\n\r\n"] * 300,
    "body of known length": [b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n", *[b"x"] * 300],
    "body to the end": [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 300],
    "body with close": [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 300\r\n\r\n",
        *[b"x"] * 300,
    ],
    "chunks": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 300],
    "length of a chunk": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"0"] * 300],
}


@pytest.mark.parametrize("slow", SLOW)
def test_the_time_limit_is_one_for_all_that_drips(transport: Transport, slow: str) -> None:
    with bare_server(SLOW[slow], pause=0.04) as server:
        assert_timeout(lambda: send(transport, server.url(), seconds=LIMIT))


@pytest.mark.parametrize("reaction", [Hang(), Drip("headers", 0.05), Drip("body", 0.05), Reply(delay=5)])
def test_the_time_limit_of_a_receiver_that_takes_its_time(
    transport: Transport, receiver: Receiver, reaction: Any
) -> None:
    receiver.answers("*", reaction)
    assert_timeout(lambda: send(transport, receiver.url(), seconds=LIMIT))


def test_the_time_limit_holds_on_a_connection_that_is_used_again(
    transport: Transport, receiver: Receiver
) -> None:
    receiver.answers("*", 200, Drip("body", 0.05))
    send(transport, receiver.url())
    assert_timeout(lambda: send(transport, receiver.url(), seconds=LIMIT))


def test_the_time_limit_of_a_handshake(transport: Transport) -> None:
    record = b"\x16\x03\x03\x40\x00" + b"\x02" * 300  # the beginning of a long server hello
    pieces = [record[i : i + 1] for i in range(len(record))]
    with bare_server(pieces, pause=0.04, is_eager=True) as server:
        assert_timeout(lambda: send(transport, server.url(scheme="https"), seconds=LIMIT))


def test_the_time_limit_of_a_handshake_that_never_begins(transport: Transport) -> None:
    with bare_server([], keeps_open=True, is_eager=True) as server:
        assert_timeout(lambda: send(transport, server.url(scheme="https"), seconds=LIMIT))


def test_the_time_limit_of_connecting(transport: Transport, settings: Settings) -> None:
    settings.POSTRIDER_CONNECT_SECONDS = 0.2
    with full_house() as address:
        assert_timeout(lambda: send(transport, address, seconds=5))


def test_who_is_in_time_is_not_cut(transport: Transport, receiver: Receiver) -> None:
    receiver.answers("*", Reply(delay=0.05))
    for _ in range(3):
        assert send(transport, receiver.url(), seconds=0.7).error == ""
    time.sleep(0.7)  # the time limits of those three pass
    assert send(transport, receiver.url()).error == ""
    assert len({request.connection for request in receiver.requests}) == 1


def assert_timeout(carry: Callable[[], Answer]) -> None:
    started = time.monotonic()
    answer = carry()
    assert time.monotonic() - started < LATE
    assert (answer.error, answer.detail) == ("timeout", "No complete answer in time.")


@contextmanager
def full_house() -> Iterator[str]:
    """The address of a server that is listening, and so busy that nobody gets in."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        crowd = []
        for _ in range(8):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            crowd.append(one)
        time.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        for one in crowd:
            one.close()


# --- encryption --------------------------------------------------------------------------------------


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> trustme.CA:
    """One that the transport takes for known."""
    known = trustme.CA()
    known.cert_pem.write_to_path(str(tmp_path / "known.pem"))
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "known.pem"))
    return known


@contextmanager
def encrypted(authority: trustme.CA, *names: str) -> Iterator[Receiver]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    receiver = Receiver(tls=context)
    receiver.start()
    yield receiver
    receiver.stop()


def test_encrypted_and_kept_alive(authority: trustme.CA) -> None:
    transport = make_transport()
    with encrypted(authority, "127.0.0.1") as receiver:
        answers = [send(transport, receiver.url("/x"), "POST", body=b"1") for _ in range(3)]
        transport.close()
    assert {answer.status for answer in answers} == {200}
    assert {request.connection for request in receiver.requests} == {1}


def test_the_time_limit_of_an_encrypted_answer(authority: trustme.CA) -> None:
    transport = make_transport()
    with encrypted(authority, "127.0.0.1") as receiver:
        for reaction in (Drip("headers", 0.05), Drip("body", 0.05)):
            receiver.answers("*", reaction)
            assert_timeout(lambda: send(transport, receiver.url(), seconds=LIMIT))
        transport.close()


def test_the_certificate_of_another_name(authority: trustme.CA) -> None:
    transport = make_transport()
    with encrypted(authority, "partner.example") as receiver:
        answer = send(transport, receiver.url())
        transport.close()
    assert answer.error == "tls" and "127.0.0.1" in answer.detail
    assert receiver.requests == []


def test_a_certificate_of_nobody_known(authority: trustme.CA) -> None:
    transport = make_transport()
    with encrypted(trustme.CA(), "127.0.0.1") as receiver:
        answer = send(transport, receiver.url())
        transport.close()
    assert answer.error == "tls" and "certificate" in answer.detail
    assert receiver.requests == []


def test_no_variable_of_the_environment_makes_it_trust_anybody(tls_receiver: Receiver) -> None:
    """The fixture names its authority where `requests` would look."""
    transport = make_transport()
    assert send(transport, tls_receiver.url()).error == "tls"
    transport.close()


def test_who_does_not_encrypt_is_no_encrypted_receiver(transport: Transport, receiver: Receiver) -> None:
    url = receiver.url().replace("http:", "https:")
    assert send(transport, url).error == "tls"


# --- nothing left behind -----------------------------------------------------------------------------


def test_who_nudges_while_the_loop_wakes_is_heard(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of its waking, before and after each of its steps."""
    pytest.importorskip("pycurl")
    from delivery.transports import http_pycurl
    from delivery.transports.http_pycurl import PycurlTransport

    monkeypatch.setattr(http_pycurl, "_LINGER_SECONDS", 3600)  # it would sleep until then
    transport = PycurlTransport()
    woken = transport._nudge_out

    class Waking:
        """The loop's end of the line; whatever happens there, somebody nudges just before and just after."""

        def fileno(self) -> int:
            return woken.fileno()

        def recv(self, size: int) -> bytes:
            transport.nudge()
            try:
                return woken.recv(size)
            finally:
                transport.nudge()

        def close(self) -> None:
            woken.close()

    transport._nudge_out = Waking()  # type: ignore[assignment]
    for number in range(20):
        transport.start(str(number), a_request(receiver.url()))
        wait_until(lambda: transport.finished(0.01), 5, what="an answer")
    transport.close()


def test_neither_threads_nor_sockets_are_left(receiver: Receiver) -> None:
    receiver.decides(lambda request: _MIXED[int(request.path[1:]) % len(_MIXED)])
    threads, sockets = threading.active_count(), open_files()
    transport = make_transport()
    asked = {str(n): a_request(receiver.url(f"/{n}"), seconds=0.3) for n in range(300)}
    answers = send_all(transport, asked)
    assert len(answers) == 300
    assert {answer.error for answer in answers.values()} == {"", "timeout", "reset"}
    assert open_files() - sockets < 200  # also while it runs: not one for each request
    transport.close()
    receiver.stop()
    gc.collect()
    wait_until(lambda: threading.active_count() <= threads, 5, what="the threads to end")
    wait_until(lambda: open_files() <= sockets, 5, what="the sockets to be closed")


_MIXED = [
    Reply(),
    Reply(500),
    Reset(),
    Reply(body=b"x" * (BODY_LIMIT + 9)),
    redirect("/0"),
    *[Reply()] * 24,
    Hang(),
]


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_closing_waits_for_what_is_out(receiver: Receiver) -> None:
    receiver.answers("*", Reply(delay=0.2))
    transport = make_transport()
    transport.start("last", a_request(receiver.url()))
    time.sleep(0.05)
    transport.close()
    assert [(key, answer.status) for key, answer in transport.finished(0)] == [("last", 200)]
