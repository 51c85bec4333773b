"""One exchange over libcurl: what is set on its handle, and what is read off it when it is over."""

import errno
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pycurl

from delivery.transports import BODY_LIMIT, MOST_OF_A_HEADER, Answer, Request, wire

_LEFT_OUT = (("expect", b"Expect:"), ("content-type", b"Content-Type:"))  # libcurl would add them


@dataclass(slots=True)
class Exchange:
    """One request on its way."""

    key: str
    request: Request
    line: wire.Line
    started: float
    answer: Answer = field(default_factory=Answer)
    looked_up_ms: int = 0
    head: list[bytes] = field(default_factory=list)
    head_size: int = 0
    is_headed: bool = False  # its head has come to an end
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    forbidden: str = ""

    @property
    def host(self) -> tuple[str, int]:
        return self.line.host, self.line.port


def fill(handle: pycurl.Curl, exchange: Exchange, addresses: Sequence[str]) -> None:
    """Sets on a handle all that differs from request to request."""
    line = exchange.line
    headers = [
        (f"{name}: {value}" if value else f"{name};").encode("latin-1")
        for name, value in line.headers.items()
    ]
    names = {name.lower() for name in line.headers}
    headers += [left_out for name, left_out in _LEFT_OUT if name not in names]
    if line.body is None:
        handle.setopt(pycurl.HTTPGET, 1)
        if line.method == "HEAD":
            handle.setopt(pycurl.NOBODY, 1)
    else:
        handle.setopt(pycurl.POSTFIELDS, line.body)
    handle.setopt(pycurl.CUSTOMREQUEST, line.method)
    handle.setopt(pycurl.HTTPHEADER, headers)
    handle.setopt(pycurl.URL, line.url)
    # What was judged is what is connected to: libcurl asks nobody again.
    handle.setopt(pycurl.RESOLVE, [_resolved(line.host, line.port, *addresses)])
    handle.setopt(pycurl.TIMEOUT_MS, max(int(left(exchange) * 1000), 1))


@lru_cache(maxsize=5000)
def _resolved(host: str, port: int, *addresses: str) -> str:
    """As CURLOPT_RESOLVE wants it."""
    written = ",".join(f"[{one}]" if ":" in one else one for one in addresses)
    return f"+{f'[{host}]' if ':' in host else host}:{port}:{written}"


def land(handle: pycurl.Curl, exchange: Exchange, number: int, message: str) -> None:
    """Makes the answer of what came; `number` is libcurl's error, 0 for none."""
    answer = exchange.answer
    answer.remote_address = handle.getinfo(pycurl.PRIMARY_IP) or ""
    is_cut = exchange.size > BODY_LIMIT
    status = handle.getinfo(pycurl.RESPONSE_CODE)
    _time(handle, exchange)
    if number and not is_cut:
        answer.error, answer.detail = _classified(handle, exchange, number, message)
    if not number and not exchange.is_headed:  # libcurl takes the end of the connection for its end
        answer.error, answer.detail = "reset", "The connection ended in the head of the answer."
    elif status and answer.error != "forbidden_address":
        answer.status = status
        answer.headers = tuple(_header(line) for line in exchange.head)
        encoding = next((v for n, v in answer.headers if n.lower() == "content-encoding"), "")
        answer.body, was_cut = wire.inflated(b"".join(exchange.parts)[:BODY_LIMIT], encoding)
        answer.is_cut = is_cut or was_cut
    elif not number:
        answer.error, answer.detail = "reset", "What came back is no answer."


def left(exchange: Exchange) -> float:
    """Seconds of its time limit that are left."""
    return exchange.started + exchange.request.timeout_seconds - time.monotonic()


def since(started: float) -> int:
    """Whole milliseconds."""
    return int((time.monotonic() - started) * 1000)


def _time(handle: pycurl.Curl, exchange: Exchange) -> None:
    """The phases, each in milliseconds since the start."""
    before = exchange.looked_up_ms
    phases = exchange.answer.phases
    for name, option in (
        ("connected_ms", pycurl.CONNECT_TIME),
        ("encrypted_ms", pycurl.APPCONNECT_TIME),
        ("answered_ms", pycurl.STARTTRANSFER_TIME),
    ):
        seconds = handle.getinfo(option)
        if seconds:
            phases[name] = before + int(seconds * 1000)
    if before:
        phases["looked_up_ms"] = before


def _classified(handle: pycurl.Curl, exchange: Exchange, number: int, message: str) -> tuple[str, str]:
    """The word for what went wrong, and a short text with no address of ours in it."""
    if exchange.forbidden:
        return "forbidden_address", exchange.forbidden
    if number == pycurl.E_COULDNT_CONNECT and handle.getinfo(pycurl.OS_ERRNO) != errno.ECONNREFUSED:
        return "refused", "The receiver cannot be reached."
    if number in _TLS:
        return "tls", message[:300] or "The certificate or encryption failed."
    return _KINDS.get(number, ("reset", "The connection broke."))


_KINDS = {
    pycurl.E_OPERATION_TIMEDOUT: ("timeout", "No complete answer in time."),
    pycurl.E_COULDNT_CONNECT: ("refused", "The connection was refused."),
    pycurl.E_COULDNT_RESOLVE_HOST: ("dns", "The host name has no address."),
    pycurl.E_URL_MALFORMAT: ("config", "The URL cannot be read; nothing is sent."),
}
ALWAYS: tuple[tuple[int, Any], ...] = (
    (pycurl.NOSIGNAL, 1),
    (pycurl.PROXY, ""),  # and not what the environment says
    (pycurl.NOPROXY, "*"),
    (pycurl.FOLLOWLOCATION, 0),
    (pycurl.PATH_AS_IS, 1),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    (pycurl.SSL_VERIFYPEER, 1),
    (pycurl.SSL_VERIFYHOST, 2),
    (pycurl.NETRC, pycurl.NETRC_IGNORED),
    # Every request brings its address. With a time limit libcurl would walk all it knows after each.
    (pycurl.DNS_CACHE_TIMEOUT, -1),
)
_TLS = {
    getattr(pycurl, name)
    for name in (
        *("E_SSL_CONNECT_ERROR", "E_PEER_FAILED_VERIFICATION", "E_SSL_CERTPROBLEM", "E_SSL_CIPHER"),
        *("E_SSL_CACERT", "E_SSL_CACERT_BADFILE", "E_SSL_ISSUER_ERROR", "E_SSL_INVALIDCERTSTATUS"),
        *(
            "E_SSL_PINNEDPUBKEYNOTMATCH",
            "E_USE_SSL_FAILED",
            "E_SSL_SHUTDOWN_FAILED",
            "E_SSL_ENGINE_INITFAILED",
        ),
    )
    if hasattr(pycurl, name)
}


def _header(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    return name.strip()[:200], value.strip()[:MOST_OF_A_HEADER]
