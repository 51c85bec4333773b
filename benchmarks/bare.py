"""The reference: a bare pycurl multi loop, which sends and looks at nothing but whether it was accepted.

It sends the very bytes that the engine was seen to send, each request with its own URL, headers and body,
over connections that are kept. Handles are used again, as libcurl's documentation advises.
"""

import resource
import select
import time
from typing import Any

import pycurl

from benchmarks import hands


class Loop:
    """libcurl's multi interface on epoll."""

    def __init__(self, concurrency: int) -> None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, concurrency * 2)
        self._poll = select.epoll()
        self._timer: float | None = None
        self._parts: list[bytes] = []
        self._idle = [self._handle() for _ in range(concurrency)]

    def send(self, urls: list[str], headers: list[list[bytes]], body: bytes) -> int:
        """Sends them all; how many were accepted."""
        waiting = iter(range(len(headers)))
        accepted = out = 0
        number: int | None = next(waiting, None)
        while number is not None or out:
            while self._idle and number is not None:
                handle = self._idle.pop()
                handle.setopt(pycurl.URL, urls[number % len(urls)])
                handle.setopt(pycurl.HTTPHEADER, headers[number])
                handle.setopt(pycurl.POSTFIELDS, body)
                self._multi.add_handle(handle)
                out += 1
                number = next(waiting, None)
            self._turn()
            left = 1
            while left:
                left, well, badly = self._multi.info_read(256)
                for handle in well:
                    accepted += handle.getinfo(pycurl.RESPONSE_CODE) == 200
                for handle in (*well, *(one[0] for one in badly)):
                    self._multi.remove_handle(handle)
                    self._idle.append(handle)
                    out -= 1
            self._parts.clear()
        return accepted

    def _handle(self) -> pycurl.Curl:
        handle = pycurl.Curl()
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.PROXY, "")
        handle.setopt(pycurl.POST, 1)
        handle.setopt(pycurl.TIMEOUT_MS, 20_000)
        handle.setopt(pycurl.WRITEFUNCTION, self._parts.append)
        return handle

    def _turn(self) -> None:
        wait = 1.0 if self._timer is None else max(self._timer - time.monotonic(), 0)
        for descriptor, events in self._poll.poll(wait):
            mask = (pycurl.CSELECT_IN if events & ~select.EPOLLOUT else 0) | (
                pycurl.CSELECT_OUT if events & select.EPOLLOUT else 0
            )
            self._multi.socket_action(descriptor, mask)
        if self._timer is not None and self._timer <= time.monotonic():
            self._timer = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def _watch(self, event: int, descriptor: int, multi: Any, data: Any) -> None:
        if event == pycurl.POLL_REMOVE:
            try:
                self._poll.unregister(descriptor)
            except OSError:
                return
            return
        mask = (select.EPOLLIN if event & pycurl.POLL_IN else 0) | (
            select.EPOLLOUT if event & pycurl.POLL_OUT else 0
        )
        try:
            self._poll.modify(descriptor, mask)
        except FileNotFoundError:
            self._poll.register(descriptor, mask)

    def _set_timer(self, milliseconds: int) -> None:
        self._timer = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000


_loops: dict[int, Loop] = {}


def send(*, urls: list[str], like: str, count: int, concurrency: int) -> dict[str, float]:
    """Sends so many requests like the one given, which is a whole request as it came in."""
    headers, body = _requests(like.encode("latin-1"), count)
    loop = _loops.setdefault(concurrency, Loop(concurrency))
    start, cpu = time.perf_counter(), time.process_time()
    accepted = loop.send(urls, headers, body)
    seconds = time.perf_counter() - start
    assert accepted == count, f"{accepted} of {count}"
    return {"rate": count / seconds, "cpu_us": (time.process_time() - cpu) / count * 1e6}


def _requests(like: bytes, count: int) -> tuple[list[list[bytes]], bytes]:
    """Their headers, each with an id of its own, and the body of all."""
    head, _, body = like.partition(b"\r\n\r\n")
    lines = [
        line
        for line in head.split(b"\r\n")[1:]
        if not line.lower().startswith((b"host:", b"content-length:"))
    ]
    names = {line.partition(b":")[0].lower() for line in lines}
    lines += [name + b":" for name in (b"Accept", b"Expect", b"Content-Type") if name.lower() not in names]
    at = next((n for n, line in enumerate(lines) if line.lower().startswith(b"webhook-id:")), len(lines))
    before, after = lines[:at], lines[at + 1 :]
    return [[*before, b"webhook-id: %024x" % number, *after] for number in range(count)], body


if __name__ == "__main__":
    hands.serve({"send": send})
