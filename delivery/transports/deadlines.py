"""Hard time limits for blocking sockets: one thread that cuts connections when their time is up.

A socket's own time limit starts anew with every byte, so a receiver that sends a byte a second would hold
a thread for ever, in the TLS handshake, the headers or the body. Cutting the connection ends all three.
"""

import contextlib
import heapq
import itertools
import socket
import threading
import time


class Deadline:
    """The end of one exchange. Connections that serve it register themselves."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds
        self.has_passed = False
        self.is_over = False
        self._line: socket.socket | None = None
        self._lock = threading.Lock()

    @property
    def remaining(self) -> float:
        """Seconds left, never nothing: a time limit of zero would mean none to a socket."""
        return max(self.at - time.monotonic(), 0.001)

    def watch(self, line: socket.socket) -> None:
        """From now on this is the connection to be cut."""
        with self._lock:
            self._let_go()
            # A handle of our own: an answer that ends with its connection is still read when the
            # connection's own handles have been closed.
            self._line = line.dup()
            if self.has_passed:
                _cut(self._line)

    def done(self) -> None:
        """The exchange ended by itself; its connection may go on to serve another."""
        with self._lock:
            self.is_over = True
            self._let_go()

    def expire(self) -> None:
        with self._lock:
            if not self.is_over:
                self.has_passed = True
                if self._line is not None:
                    _cut(self._line)

    def _let_go(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


class Watchman:
    """Keeps all deadlines of one transport."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Deadline]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._is_closed = False
        threading.Thread(target=self._keep, name="deadlines", daemon=True).start()

    def deadline(self, seconds: float) -> Deadline:
        """A new deadline, kept from now on."""
        deadline = Deadline(seconds)
        with self._changed:
            heapq.heappush(self._heap, (deadline.at, next(self._count), deadline))
            self._changed.notify()
        return deadline

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _keep(self) -> None:
        with self._changed:
            while not self._is_closed:
                now = time.monotonic()
                while self._heap and (self._heap[0][2].is_over or self._heap[0][0] <= now):
                    heapq.heappop(self._heap)[2].expire()
                self._changed.wait(self._heap[0][0] - now if self._heap else None)


def _cut(line: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        line.shutdown(socket.SHUT_RDWR)
