"""The only place that opens connections to the outside: what is asked, what came back, who carries it."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from django.conf import settings

from delivery.success import SuccessRule

log = logging.getLogger(__name__)

# What an attempt failed with. A word, not a sentence: screens and filters make sentences of it.
ERRORS = {
    "timeout": "No complete answer in time",
    "dns": "The host name has no address",
    "refused": "The connection was refused",
    "reset": "The connection broke",
    "tls": "The certificate or encryption failed",
    "forbidden_address": "The address is not allowed",
    "redirect": "The address has moved",
    "status": "The receiver did not accept it",
    "gone": "The receiver says that nobody is there for this any more",
    "success_rule": "The receiver answered, but not with a yes",
    "config": "Something needed to send is missing",
    "internal": "An error inside Postrider",
}
BODY_LIMIT = 64 * 1024  # of an answer: read no further, store no more
MOST_OF_A_HEADER = 2000  # characters of a value that are kept


@dataclass(slots=True)
class Request:
    """One HTTP request, whole. `shown_*` are what may go on record: the same with secrets blotted."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout_seconds: float
    shown_url: str
    shown_headers: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...] = ()  # to be blotted wherever an answer repeats them
    success: SuccessRule | None = None  # what its answer must say beside a 2xx


@dataclass(slots=True)
class Answer:
    """What came back, or a word for why nothing did. Times in milliseconds since the start."""

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    is_cut: bool = False
    error: str = ""
    detail: str = ""
    remote_address: str = ""
    duration_ms: int = 0
    phases: dict[str, int] = field(default_factory=dict)


class Transport(Protocol):
    """Carries requests side by side. Never raises for what a receiver does: that is an Answer."""

    most: int  # that it can carry at once
    most_young: int  # of these, begun within the last moments
    most_unproven: int  # of these, to endpoints that may well hang

    @property
    def is_behind(self) -> bool:
        """Whether it has more to do than it gets done: what came now would wait for us alone."""
        ...

    def start(self, key: str, request: Request) -> None: ...

    def finished(self, timeout_seconds: float) -> Sequence[tuple[str, Answer]]:
        """Answers that have come since the last call; waits for the first at most so long."""
        ...

    def withdraw(self, keys: Collection[str]) -> Sequence[str]:
        """Takes back what of these has not begun, and says which: it is not sent or answered any more."""
        ...

    def close(self) -> None: ...


def make_transport() -> Transport:
    """The transport that POSTRIDER_TRANSPORT names; `requests` where libcurl cannot be loaded."""
    if settings.POSTRIDER_TRANSPORT == "pycurl":
        try:
            from delivery.transports.http_pycurl import PycurlTransport
        except ImportError:
            log.warning("pycurl is not installed: deliveries are carried by requests, which is slower.")
        else:
            return PycurlTransport()
    from delivery.transports.http_requests import RequestsTransport

    return RequestsTransport()
