"""Whether the words of a URL are those of one: scheme, host, port, and nothing that misleads."""

import re
from urllib.parse import SplitResult, urlsplit

LONGEST = 2000

_CONTROL_OR_SPACE = re.compile(r"[\x00-\x20\x7f-\x9f]|\s")
_HOST = re.compile(r"[0-9A-Za-z_-]{1,63}(\.[0-9A-Za-z_-]{1,63})*\.?|\[[0-9A-Fa-f:.]+\]")
_UNREADABLE = "The URL cannot be read: check the host and the port (1 to 65535)."


def url_fault(url: str, *, instead_of_login: str, longest: int = LONGEST) -> str:
    """What is wrong with it, in a sentence; "" if nothing is. Where it leads is another question.

    `instead_of_login` says what carries the user name and password that may not stand in it.
    """
    if len(url) > longest:
        return f"The URL has {len(url):,} characters; at most {longest:,} are allowed."
    if _CONTROL_OR_SPACE.search(url):
        return "The URL has a space, a line break or a control character in it."
    if "\\" in url:
        return "The URL has a backslash in it; use / instead."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return _UNREADABLE
    return _UNREADABLE if port == 0 else _parts_fault(parts, instead_of_login)


def _parts_fault(parts: SplitResult, instead_of_login: str) -> str:
    if parts.scheme not in ("http", "https"):
        return "The URL must begin with https:// or http://."
    if "@" in parts.netloc:
        return f"Take the user name and password out of the URL: {instead_of_login}."
    if parts.fragment:
        return "Take away the # and what follows it: no server ever gets to see it."
    return _host_fault(parts)


def _host_fault(parts: SplitResult) -> str:
    if not parts.hostname:
        return "The URL names no host."
    host = parts.netloc.rsplit(":", 1)[0] if parts.port is not None else parts.netloc.rstrip(":")
    try:
        written = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        written = ""
    if len(written) > 253 or not _HOST.fullmatch(written):
        return f"“{host[:80]}” is not the name of a host."
    return ""
