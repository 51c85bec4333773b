"""The partner's server: a real one on loopback that keeps every request and answers as it is told.

receiver.answers("/hook", 500, 500, 200)     two failures, then success for ever
receiver.answers("/hook", Hang())            accepts, and never answers
receiver.stop(); …; receiver.start()         down for a while, then up at the same address
"""

import contextlib
import gzip
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.processes import wait_until


@dataclass(frozen=True)
class Request:
    """What came in, exactly: nothing decoded, nothing sorted."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float  # time.monotonic() when it had been read
    connection: int  # the same number: the same connection, kept alive

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True)

    def header(self, name: str) -> str | None:
        """The value of the first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Answer:
    """A whole answer, after `delay` seconds."""

    status: int = 200
    body: bytes = b"ok"
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0


@dataclass(frozen=True)
class Hang:
    """No answer; the connection stays open until the receiver stops."""


@dataclass(frozen=True)
class Reset:
    """The connection is reset once the request has been read."""


@dataclass(frozen=True)
class Drip:
    """The answer comes byte by byte: its headers, or a body of which no length is known."""

    of: str = "body"  # or "headers"
    every: float = 1.0


@dataclass(frozen=True)
class Huge:
    """An answer of so many bytes; with `is_bomb` they are a few kilobytes on the wire."""

    size: int = 50_000_000
    is_bomb: bool = False


Reaction = Answer | Hang | Reset | Drip | Huge


def redirect(location: str, status: int = 302) -> Answer:
    """An answer that points elsewhere."""
    return Answer(status, b"", (("Location", location),))


@dataclass
class Receiver:
    """See the module. Paths that were told nothing answer 200."""

    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)  # bytes of each huge answer that could be sent
    _scripts: dict[str, list[Reaction]] = field(default_factory=dict)
    _decide: Callable[[Request], Reaction] | None = None
    _server: "_Server | None" = None
    _port: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str = "/") -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}{path}"

    def answers(self, path: str, *reactions: Reaction | int) -> None:
        """The requests to that path (any path: "*") get these in turn; the last one stays."""
        with self._lock:
            self._scripts[path] = [Answer(one) if isinstance(one, int) else one for one in reactions]

    def decides(self, decide: Callable[[Request], Reaction]) -> None:
        """Every request is answered as the function says."""
        self._decide = decide

    def to(self, path: str) -> list[Request]:
        """The requests to that path, in the order of their arrival."""
        return [request for request in self.requests if request.path == path]

    def wait_for(self, count: int, seconds: float = 30) -> None:
        """Returns when so many requests have come."""
        wait_until(lambda: len(self.requests) >= count, seconds, what=f"{count} requests")

    def start(self) -> None:
        """Listens; after a stop, at the same address as before."""
        self._server = _Server(self, self._port)
        self._port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def stop(self) -> None:
        """Connections are refused, those that were open are closed."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def reaction(self, request: Request) -> Reaction:
        """Keeps the request; says how it is answered."""
        with self._lock:
            self.requests.append(request)
            if self._decide is not None:
                return self._decide(request)
            script = self._scripts.get(request.path) or self._scripts.get("*") or [Answer()]
            return script.pop(0) if len(script) > 1 else script[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, receiver: Receiver, port: int) -> None:
        self.receiver = receiver
        self.is_stopped = threading.Event()
        self.open: set[socket.socket] = set()
        self.accepted = 0
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.receiver.tls is not None:
            connection.settimeout(10)
            connection = self.receiver.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        self.open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what many tests are about."""

    def stop(self) -> None:
        self.is_stopped.set()
        self.shutdown()
        self.server_close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.accepted += 1
        self.number = self.server.accepted

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(
            self.command,
            self.requestline.split(" ")[1],
            tuple(self.headers.items()),
            body,
            time.monotonic(),
            self.number,
        )
        reaction = self.server.receiver.reaction(request)
        with contextlib.suppress(OSError):
            _REACTIONS[type(reaction)](self, reaction)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _handle

    def answer(self, answer: Answer) -> None:
        if answer.delay:
            self.server.is_stopped.wait(answer.delay)
        head = [f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('Unknown',))[0]}"]
        head += [f"{name}: {value}" for name, value in answer.headers]
        head += [f"Content-Length: {len(answer.body)}", "", ""]
        self.wfile.write("\r\n".join(head).encode() + (b"" if self.command == "HEAD" else answer.body))

    def hang(self, _: Hang) -> None:
        self.server.is_stopped.wait()
        self.close_connection = True

    def reset(self, _: Reset) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def drip(self, drip: Drip) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"X-Slow: " if drip.of == "headers" else b"\r\n"))
        while not self.server.is_stopped.wait(drip.every):
            self.wfile.write(b".")

    def huge(self, huge: Huge) -> None:
        self.close_connection = True
        if huge.is_bomb:
            bomb = gzip.compress(bytes(huge.size), compresslevel=9)
            self.answer(Answer(200, bomb, (("Content-Encoding", "gzip"),)))
            return
        self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {huge.size}\r\n\r\n".encode())
        sent = 0
        try:
            while sent < huge.size:
                sent += self.wfile.write(b"x" * min(65536, huge.size - sent))
        finally:
            self.server.receiver.taken.append(sent)


_REACTIONS: dict[type, Callable[[_Handler, Any], None]] = {
    Answer: _Handler.answer,
    Hang: _Handler.hang,
    Reset: _Handler.reset,
    Drip: _Handler.drip,
    Huge: _Handler.huge,
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that is up, at an address of its own."""
    running = Receiver()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def tls_receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """The same with a certificate, of an authority that this test (and no other) trusts."""
    import trustme

    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    running = Receiver(tls=context)
    running.start()
    yield running
    running.stop()
