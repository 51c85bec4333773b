"""A connection that ends before the answer does: that is no answer, whatever its first line says."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from delivery.transports import Request, Transport, make_transport
from tests.delivery.bare_server import bare_server

HEADS = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\nX-Slow: a",
    b"HTTP/1.1 200 OK\r\nX-Slow: a\r\nContent-Type: text/plain\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-Slow: a\r\n",
]
BODIES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nyes",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n",
]
WHOLE = [
    b"HTTP/1.1 200 OK\r\n\r\n",  # the end of the connection is the end of the body
    b"HTTP/1.1 200 OK\r\nX: a\n\nyes",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n",
]


@pytest.fixture(params=["pycurl", "requests"])
def transport(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Transport]:
    settings.POSTRIDER_TRANSPORT = request.param
    carrier = make_transport()
    yield carrier
    carrier.close()


def said(transport: Transport, answer: bytes) -> str:
    """The word for what went wrong."""
    with bare_server([answer]) as server:
        transport.start("only", Request("POST", server.url(), (), b"{}", 5, server.url(), ()))
        ((_, found),) = transport.finished(20)
    return found.error


@pytest.mark.parametrize("answer", [*HEADS, *BODIES])
def test_an_answer_that_breaks_off_is_none(transport: Transport, answer: bytes) -> None:
    assert said(transport, answer) == "reset"


@pytest.mark.parametrize("answer", WHOLE)
def test_an_answer_that_ends_is_one(transport: Transport, answer: bytes) -> None:
    assert said(transport, answer) == ""
