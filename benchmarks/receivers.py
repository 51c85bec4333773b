"""Receivers on loopback, each a process of its own: one that answers, one that hangs, a place without.

They speak as little HTTP as a sender can notice, on a bare epoll loop: what is measured is the sender. Every
address of 127.0.0.0/8 leads to each of them, so one can stand for thousands of hosts.
"""

import contextlib
import multiprocessing
import os
import re
import resource
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_char, c_double, c_longlong
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_SIZE = 16_384


@dataclass
class Receiver:
    """A running one. Its numbers may be read at any time."""

    port: int
    process: BaseProcess
    _numbers: Any
    _moments: Any
    _sample: Any

    @property
    def requests(self) -> int:
        """Whole requests that came in. Raises RuntimeError if somebody has ended it."""
        if not self.process.is_alive():
            raise RuntimeError(f"The receiver ended with {self.process.exitcode}.")
        return int(self._numbers[0])

    @property
    def bytes(self) -> int:
        """How long these were."""
        return int(self._numbers[1])

    @property
    def connections(self) -> int:
        """Opened so far."""
        return int(self._numbers[2])

    @property
    def last_at(self) -> float:
        """`time.monotonic()` of when the last request was whole."""
        return float(self._moments[0])

    @property
    def first_request(self) -> bytes:
        """The first request as it came."""
        return bytes(self._sample.raw[: self._numbers[3]])

    @property
    def cpu_seconds(self) -> float:
        """What its process has used."""
        return cpu_seconds(self.process.pid or 0)


@contextmanager
def answering(delay: float = 0) -> Iterator[Receiver]:
    """Answers 200 to each request, after so many seconds."""
    with _running(delay) as receiver:
        yield receiver


@contextmanager
def hanging() -> Iterator[Receiver]:
    """Accepts connections, reads, and never says anything."""
    with _running(None) as receiver:
        yield receiver


@contextmanager
def nobody() -> Iterator[int]:
    """A port at which connections are refused, and which nobody else can take meanwhile."""
    with socket.socket() as held:
        held.bind(("0.0.0.0", 0))
        yield held.getsockname()[1]


def hosts(count: int) -> list[str]:
    """So many addresses, all of this machine."""
    return [f"127.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(1, count + 1)]


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, all its threads together."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def blast(port: int, *, seconds: float = 1.0, connections: int = 64, size: int = 900) -> float:
    """Requests per second that a receiver takes from a sender which does nothing but write and read."""
    head = b"POST /hook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\nX-Fill: "
    request = head + b"x" * (size - len(head) - 504) + b"\r\n\r\n" + b"y" * 500
    lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    poll = select.epoll()
    for line in lines:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(line.fileno(), select.EPOLLIN)
        os.write(line.fileno(), request)
    done, start = 0, time.monotonic()
    while time.monotonic() - start < seconds:
        for descriptor, _ in poll.poll(1):
            os.read(descriptor, 4096)
            os.write(descriptor, request)
            done += 1
    taken = time.monotonic() - start
    for line in lines:
        line.close()
    return done / taken


@contextmanager
def _running(delay: float | None) -> Iterator[Receiver]:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")  # nobody outside reaches it
    listener.bind(("0.0.0.0", 0))
    listener.listen(4096)
    numbers, moments = multiprocessing.RawArray(c_longlong, 4), multiprocessing.RawArray(c_double, 1)
    sample = multiprocessing.RawArray(c_char, _SAMPLE_SIZE)
    process = multiprocessing.get_context("fork").Process(
        target=_serve, args=(listener, delay, numbers, moments, sample, os.getpid()), daemon=True
    )
    process.start()
    port = listener.getsockname()[1]
    listener.close()
    try:
        yield Receiver(port, process, numbers, moments, sample)
    finally:
        process.terminate()
        process.join(5)


def _serve(
    listener: socket.socket, delay: float | None, numbers: Any, moments: Any, sample: Any, parent: int
) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listener.setblocking(False)
    _Loop(listener, delay, numbers, moments, sample).run(parent)


class _Loop:
    """The receiver's own process."""

    def __init__(
        self, listener: socket.socket, delay: float | None, numbers: Any, moments: Any, sample: Any
    ) -> None:
        self._listener = listener
        self._delay = delay
        self._numbers, self._moments, self._sample = numbers, moments, sample
        self._poll = select.epoll()
        self._poll.register(listener.fileno(), select.EPOLLIN)
        self._lines: dict[int, socket.socket] = {}
        self._begun: dict[int, bytes] = {}  # what is there of a request, by descriptor
        self._due: deque[tuple[float, socket.socket]] = deque()

    def run(self, parent: int) -> None:
        listening = self._listener.fileno()
        while True:
            events = self._poll.poll(self._patience(), 1024)
            if not events and os.getppid() != parent:
                return
            for descriptor, _ in events:
                if descriptor == listening:
                    self._accept()
                else:
                    self._read(descriptor)
            if self._due:
                self._answer_due()

    def _patience(self) -> float:
        return max(self._due[0][0] - time.monotonic(), 0) if self._due else 1.0

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            for _ in range(256):
                line, _ = self._listener.accept()
                line.setblocking(False)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._lines[line.fileno()] = line
                self._poll.register(line.fileno(), select.EPOLLIN)
                self._numbers[2] += 1

    def _read(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, 262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._begun.pop(descriptor, None)
            self._lines.pop(descriptor).close()  # epoll forgets it with that
            return
        if self._begun:
            data = self._begun.pop(descriptor, b"") + data
        while data:
            end = _whole(data)
            if not end:
                self._begun[descriptor] = data
                return
            self._note(data if end == len(data) else data[:end])
            data = data[end:]
            self._answer(descriptor)

    def _note(self, request: bytes) -> None:
        numbers = self._numbers
        if not numbers[0]:
            self._sample.raw = request[:_SAMPLE_SIZE].ljust(_SAMPLE_SIZE, b"\0")
            numbers[3] = min(len(request), _SAMPLE_SIZE)
        numbers[0] += 1
        numbers[1] += len(request)
        self._moments[0] = time.monotonic()

    def _answer(self, descriptor: int) -> None:
        if self._delay:
            self._due.append((time.monotonic() + self._delay, self._lines[descriptor]))
        elif self._delay is not None:
            with contextlib.suppress(OSError):
                os.write(descriptor, ANSWER)

    def _answer_due(self) -> None:
        now, due = time.monotonic(), self._due
        while due and due[0][0] <= now:
            with contextlib.suppress(OSError):  # it has gone meanwhile
                due.popleft()[1].send(ANSWER)


def _whole(data: bytes) -> int:
    """How long the first request is; 0: there is more to come."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return 0
    found = _LENGTH.search(data, 0, end)
    end += 4 + (int(found[1]) if found else 0)
    return end if end <= len(data) else 0


def urls(receiver_port: int, count: int) -> list[str]:
    """The addresses of so many endpoints at one receiver, each a host of its own."""
    return [f"http://{host}:{receiver_port}/hook" for host in hosts(count)]


def capacity() -> str:
    """What one takes from a sender that does nothing else, in words; one of its own, so that none is warm."""
    with answering() as receiver:
        rate = blast(receiver.port)
        cpu = receiver.cpu_seconds / receiver.requests * 1e6
    return f"a receiver takes at least {rate:,.0f} requests/s, with {cpu:.0f} µs of CPU each"
