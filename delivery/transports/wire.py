"""What goes on the line for a request: the same bytes whatever carries them."""

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit

import requests

from delivery.transports import BODY_LIMIT, Request

_HAS_BODY = ("POST", "PUT", "PATCH")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_SPACE_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
MOST_HEADERS = 50  # of an answer
_SHORT = 200  # characters of a URL


class Malformed(ValueError):
    """A request that would say something else on the line than it seems to say; never sent."""


@dataclass(slots=True)
class Line:
    """A request as it is written. `body` None: no body and no Content-Length."""

    method: str
    url: str
    host: str
    port: int
    headers: dict[str, str]
    body: bytes | None


def written(request: Request) -> Line:
    """Raises Malformed: forms refuse all that too, but what is stored may be from elsewhere."""
    if not _is_token(request.method):
        raise Malformed("The method is not the name of one; nothing is sent.")
    # Most go where others went before. A long one has values in it: it comes once, and is not kept.
    read = _known_address if len(request.url) <= _SHORT else _address
    url, host, port = read(request.url)
    has_body = bool(request.body) or request.method in _HAS_BODY
    return Line(
        request.method, url, host, port, _headers(request, has_body), request.body if has_body else None
    )


def _address(url: str) -> tuple[str, str, int]:
    """The URL as it goes on the line, its host and its port."""
    if _SPACE_OR_CONTROL.search(url) or "\\" in url:
        raise Malformed("The URL has a space, a backslash or a control character in it; nothing is sent.")
    # A % that begins no escape would make some clients escape every % there is, those of our query too.
    url = _STRAY_PERCENT.sub("%25", url if url.isascii() else _as_ascii(url))
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Malformed("The URL cannot be read; nothing is sent.") from None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise Malformed("The URL is not one that can be sent to; nothing is sent.")
    return url, host, port


_known_address = lru_cache(maxsize=5000)(_address)


@lru_cache(maxsize=5000)
def _is_token(name: str) -> bool:
    return _TOKEN.fullmatch(name) is not None


def _headers(request: Request, has_body: bool) -> dict[str, str]:
    headers: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, value in request.headers:  # of two with the same name the last counts
        if not (_is_token(name) and _HEADER_VALUE.fullmatch(value)):
            raise Malformed("A header has a character in it that headers cannot have; nothing is sent.")
        headers[names.setdefault(name.lower(), name)] = value.strip()
    if "accept" not in names:
        headers["Accept"] = "*/*"
    if "accept-encoding" not in names:
        headers["Accept-Encoding"] = "identity"
    if has_body:
        headers[names.get("content-length", "Content-Length")] = str(len(request.body))
    return headers


def _as_ascii(url: str) -> str:
    """The URL as it goes on the line. What is ASCII in it stays: our query must arrive as it was frozen."""
    try:
        parts = urlsplit(url)
        origin = requests.PreparedRequest()
        origin.prepare_url(f"{parts.scheme}://{parts.netloc}", None)  # knows the rules for names of hosts
    except (ValueError, requests.RequestException):
        raise Malformed("The URL cannot be read; nothing is sent.") from None
    rest = url.partition(parts.netloc)[2]
    return f"{str(origin.url).rstrip('/')}{quote(rest, safe=_PRINTABLE)}"


def inflated(raw: bytes, encoding: str) -> tuple[bytes, bool]:
    """A compressed answer, which we did not ask for, unpacked as far as the limit: no bomb goes off."""
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return raw, False
    unpacker = zlib.decompressobj(wbits=47)  # finds out by itself whether gzip or zlib
    try:
        text = unpacker.decompress(raw, BODY_LIMIT)
    except zlib.error:
        return raw, False
    return text, bool(unpacker.unconsumed_tail)
