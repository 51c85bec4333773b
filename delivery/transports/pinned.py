"""`requests` that connects only where the guard allows: looked up once, connected to what was judged."""

import socket
import ssl
import threading
from functools import lru_cache
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import certifi
from requests import Response
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from delivery import guard
from delivery.transports.deadlines import Deadline

# The deadline of the exchange that this thread is carrying.
exchange = threading.local()


def _open(connection: HTTPConnection) -> socket.socket:
    """A socket to one of the host's addresses, each of them judged before any is tried."""
    host = connection._dns_host
    try:
        addresses = guard.resolve(host, connection.port or 0)
    except guard.Unresolvable as error:
        raise NameResolutionError(host, connection, socket.gaierror(str(error))) from error
    deadline: Deadline = exchange.deadline
    last: OSError | None = None
    for address in addresses:
        try:
            line = create_connection(
                (address, connection.port or 0),
                min(exchange.connect_seconds, deadline.remaining),
                socket_options=connection.socket_options,
            )
        except OSError as error:
            last = error
            continue
        exchange.remote_address = address
        return line
    raise NewConnectionError(connection, str(last)) from last


class _Lines:
    """A stream that remembers the last line that was read."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.last = stream, b""

    def readline(self, *limit: int) -> bytes:
        self.last = self.stream.readline(*limit)
        return self.last

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Headed(HTTPResponse):
    """Its head has an end. http.client takes the end of the connection for one."""

    def begin(self) -> None:
        stream: Any = self.fp
        lines: Any = _Lines(stream)
        self.fp = lines
        super().begin()
        if self.fp is lines:  # else it needs no more of the connection, and has let it go
            self.fp = stream
        if lines.last not in (b"\r\n", b"\n"):
            raise ConnectionResetError("The connection ended in the head of the answer.")


class _Watched(HTTPConnection):
    """Its socket can be cut by the deadline, from the first byte of the handshake on."""

    response_class = _Headed
    _line: socket.socket | None = None
    _address = ""

    def _new_conn(self) -> socket.socket:
        sock = _open(self)
        # A second handle on the same socket: wrapping it in TLS takes the first one away from us.
        self._line = sock.dup()
        self._address = exchange.remote_address
        exchange.deadline.watch(self._line)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self._line is not None:  # kept alive from an earlier exchange
            exchange.deadline.watch(self._line)
            exchange.remote_address = self._address
        super().request(*args, **kwargs)

    def close(self) -> None:
        super().close()
        if self._line is not None:
            self._line.close()
            self._line = None


class _WatchedTLS(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


@lru_cache(maxsize=1)
def _trusting(bundle: str) -> ssl.SSLContext:
    """Parsed once per process: that takes fifteen times as long as a handshake."""
    return ssl.create_default_context(cafile=bundle)


class PinnedAdapter(HTTPAdapter):
    """No proxies from the environment, no second look-up, no retries, one parsed set of certificates."""

    def __init__(self, connections: int) -> None:
        self._tls = _trusting(certifi.where())
        super().__init__(pool_connections=256, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> HTTPConnectionPool:
        """The pool of its host. What callers might say of proxies and certificates is settled here."""
        parts = urlsplit(request.url)
        pool: HTTPConnectionPool = self.poolmanager.connection_from_host(
            parts.hostname, parts.port, parts.scheme
        )
        return pool

    def build_response(self, req: Any, resp: Any) -> Response:
        """What is read of it, and no cookies: to look for them would take longer than to send."""
        response = Response()
        response.status_code = resp.status
        response.headers = CaseInsensitiveDict(resp.headers)
        response.raw, response.reason, response.url = resp, resp.reason, req.url
        response.request = req
        return response

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The shared context verifies; there is no setting that turns it off."""
