"""The transport on `requests`: threads, pooled connections, every limit of time and size enforced."""

import queue
import socket
import ssl
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import requests
from django.conf import settings
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, ReadTimeoutError
from urllib3.exceptions import SSLError as PoolSSLError

from delivery import guard
from delivery.transports import BODY_LIMIT, MOST_OF_A_HEADER, Answer, Request, wire
from delivery.transports.deadlines import Deadline, Watchman
from delivery.transports.pinned import PinnedAdapter, exchange

IN_HAND = 8  # per thread


class RequestsTransport:
    """Carries each request on a thread of a pool."""

    def __init__(self) -> None:
        threads = settings.POSTRIDER_SEND_THREADS
        # So many are in hand that threads never wait for the next claim; what hangs may bind half of them.
        self.most = self.most_young = IN_HAND * threads
        self.most_unproven = max(threads // 2, 1)
        self._adapter = PinnedAdapter(threads)
        self._watchman = Watchman()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="send")
        self._done: queue.SimpleQueue[tuple[str, Answer]] = queue.SimpleQueue()
        self._futures: dict[str, Future[None]] = {}

    @property
    def is_behind(self) -> bool:
        return False  # what is in hand is bounded by the threads

    def start(self, key: str, request: Request) -> None:
        self._futures[key] = self._threads.submit(self._carry, key, request)

    def finished(self, timeout_seconds: float) -> Sequence[tuple[str, Answer]]:
        try:
            answers = [self._done.get(timeout=timeout_seconds)]
        except queue.Empty:
            return []
        while not self._done.empty():
            answers.append(self._done.get())
        for key, _ in answers:
            del self._futures[key]
        return answers

    def withdraw(self, keys: Collection[str]) -> Sequence[str]:
        withdrawn = [key for key in keys if key in self._futures and self._futures[key].cancel()]
        for key in withdrawn:
            del self._futures[key]
        return withdrawn

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._adapter.close()
        self._watchman.close()

    def _carry(self, key: str, request: Request) -> None:
        answer = Answer()
        started = time.monotonic()
        deadline = self._watchman.deadline(request.timeout_seconds)
        try:
            self._exchange(request, answer, deadline)
        except Exception as error:
            answer.error, answer.detail = _classified(error, deadline)
        finally:
            deadline.done()
        answer.remote_address = exchange.remote_address
        answer.duration_ms = _since(started)
        self._done.put((key, answer))

    def _exchange(self, request: Request, answer: Answer, deadline: Deadline) -> None:
        exchange.deadline = deadline
        exchange.remote_address = ""
        exchange.connect_seconds = settings.POSTRIDER_CONNECT_SECONDS
        started = time.monotonic()
        timeout = (settings.POSTRIDER_CONNECT_SECONDS, request.timeout_seconds)
        response = self._adapter.send(_prepared(request), stream=True, timeout=timeout)
        answer.phases["answered_ms"] = _since(started)
        answer.status = response.status_code
        headers = list(response.headers.items())[: wire.MOST_HEADERS]
        answer.headers = tuple((name[:200], value[:MOST_OF_A_HEADER]) for name, value in headers)
        raw, answer.is_cut = _read(response)
        if deadline.has_passed:
            raise TimeoutError
        answer.body, was_cut = wire.inflated(raw, response.headers.get("Content-Encoding", ""))
        answer.is_cut = answer.is_cut or was_cut


def _prepared(request: Request) -> requests.PreparedRequest:
    """Prepared by hand, because preparing rewrites URLs and takes half the time."""
    line = wire.written(request)
    prepared = requests.PreparedRequest()
    prepared.prepare_hooks(None)
    prepared.method, prepared.url, prepared.body = line.method, line.url, line.body
    prepared.headers = CaseInsensitiveDict(line.headers)
    return prepared


def _read(response: requests.Response) -> tuple[bytes, bool]:
    """The first BODY_LIMIT bytes as they came, and whether there were more."""
    raw: Any = response.raw
    if not hasattr(raw, "release_conn"):
        return response.content[:BODY_LIMIT], len(response.content) > BODY_LIMIT
    if response.status_code < 200:
        raw.close()  # interim: what follows on this connection is not the answer to the next request
        return b"", False
    parts: list[bytes] = []
    size = 0
    while size <= BODY_LIMIT:
        part = raw.read(16 * 1024, decode_content=False)
        if not part:
            raw.release_conn()
            return b"".join(parts), False
        parts.append(part)
        size += len(part)
    raw.close()  # the rest is not wanted: the connection cannot be used again
    return b"".join(parts)[:BODY_LIMIT], True


# The first that fits names the error; None: the exception's own text may be shown.
_KINDS: tuple[tuple[tuple[type[BaseException], ...], str, str | None], ...] = (
    ((wire.Malformed,), "config", None),
    ((guard.Forbidden,), "forbidden_address", None),
    ((NameResolutionError, socket.gaierror), "dns", "The host name has no address."),
    ((ReadTimeoutError, TimeoutError), "timeout", "No complete answer in time."),
    ((PoolSSLError, ssl.SSLError), "tls", None),
    ((ConnectionRefusedError,), "refused", "The connection was refused."),
    ((NewConnectionError,), "refused", "The receiver cannot be reached."),
    ((requests.RequestException, HTTPError, OSError), "reset", "The connection broke."),
)


def _classified(error: Exception, deadline: Deadline) -> tuple[str, str]:
    """The word for what went wrong, and a short text with no address of ours in it."""
    if deadline.has_passed:
        return "timeout", "No complete answer in time."
    causes = list(_causes(error))
    for types, word, text in _KINDS:
        for cause in causes:
            if isinstance(cause, types):
                return word, text or str(cause)[:300]
    return "internal", f"{type(error).__name__}: {error}"[:300]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all that it wraps, outermost first; `requests` and urllib3 wrap by arguments too."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or one in seen:
            continue
        seen.append(one)
        yield one
        inner = [argument for argument in one.args if isinstance(argument, BaseException)]
        waiting += [
            *inner,
            getattr(one, "reason", None) if isinstance(getattr(one, "reason", None), BaseException) else None,
        ]
        waiting += [one.__cause__, one.__context__]


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
