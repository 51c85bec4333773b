"""The fast transport: libcurl's multi interface, thousands of exchanges side by side on one thread."""

import errno
import logging
import queue
import resource
import select
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Collection, Sequence
from typing import Any

import certifi
import pycurl
from django.conf import settings

from delivery import guard
from delivery.transports import BODY_LIMIT, Answer, Request, wire
from delivery.transports.exchange import ALWAYS, Exchange, fill, land, left, since
from delivery.transports.names import Found, Names

log = logging.getLogger(__name__)
_LINGER_SECONDS = 1.0  # at most between two looks at the clock
_HANDLES_KEPT = 2048
_CONNECTIONS_KEPT = 1024  # idle ones, to be used again
_AT_A_TURN = 128  # requests that are begun before we look who is ready
_MANY, _GATHER_SECONDS = 64, 0.002  # with more out than that, those who are ready are gathered for so long
_LAG_SECONDS = 0.1  # a turn of the loop that takes longer is a sign of too much to do


class PycurlTransport:
    """Hands requests to a thread that runs libcurl, and takes their answers from it."""

    def __init__(self) -> None:
        self.most = min(settings.POSTRIDER_CONNECTIONS, _open_files() - 100)
        # What waits longer than a moment only waits: it costs a socket and no work.
        self.most_young = min(2048, self.most)
        self.most_unproven = self.most * 3 // 4
        self._unbegun: dict[str, Request] = {}
        self._coming: deque[str] = deque()
        self._done: queue.SimpleQueue[list[tuple[str, Answer]]] = queue.SimpleQueue()
        self._nudge_in, self._nudge_out = socket.socketpair()
        self._nudge_in.setblocking(False)
        self._nudge_out.setblocking(False)
        self._is_nudged = False
        self._is_closed = False
        self._busy_since: float | None = None  # the turn that the loop is in
        self._loop = _Loop(self)
        self._thread = threading.Thread(target=self._loop.run, name="curl", daemon=True)
        self._thread.start()

    @property
    def is_behind(self) -> bool:
        since = self._busy_since
        return bool(self._coming) or (since is not None and time.monotonic() - since > _LAG_SECONDS)

    def start(self, key: str, request: Request) -> None:
        self._unbegun[key] = request
        self._coming.append(key)
        self.nudge()

    def finished(self, timeout_seconds: float) -> Sequence[tuple[str, Answer]]:
        try:
            answers = self._done.get(timeout=timeout_seconds)
        except queue.Empty:
            return []
        while not self._done.empty():
            answers += self._done.get()
        return answers

    def withdraw(self, keys: Collection[str]) -> Sequence[str]:
        return [key for key in keys if self._unbegun.pop(key, None) is not None]

    def close(self) -> None:
        self.withdraw(list(self._unbegun))
        self._is_closed = True
        self.nudge(force=True)
        self._thread.join()
        self._nudge_in.close()
        self._nudge_out.close()

    def nudge(self, *, force: bool = False) -> None:
        """Wakes the loop; once until it has woken."""
        if force or not self._is_nudged:
            self._is_nudged = True
            try:
                self._nudge_in.send(b"\0")
            except OSError as error:  # full: it will wake; closed: nobody is there to wake
                if error.errno not in (errno.EAGAIN, errno.EBADF, errno.EPIPE):
                    raise


class _Loop:
    """What only the thread touches: libcurl's handles, their sockets, and who waits for a place."""

    def __init__(self, owner: PycurlTransport) -> None:
        self._owner = owner
        self._names = Names(owner.nudge)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, min(owner.most, _CONNECTIONS_KEPT))
        self._poll = select.epoll()
        self._poll.register(owner._nudge_out.fileno(), select.EPOLLIN)
        self._timer: float | None = None
        self._idle: list[pycurl.Curl] = []
        self._out: dict[pycurl.Curl, Exchange] = {}
        self._at_host: dict[tuple[str, int], int] = defaultdict(int)
        self._queued_at: dict[tuple[str, int], deque[str]] = {}
        self._asking: dict[tuple[str, int], list[Exchange]] = {}
        self._landed: list[tuple[str, Answer]] = []  # in this turn

    def run(self) -> None:
        try:
            while not self._owner._is_closed or self._out or self._asking:
                self._turn()
        except Exception:
            log.exception("The network loop ended; what it carried is sent again later.")
            self._fail_all()
        finally:
            self._end()

    def _turn(self) -> None:
        if len(self._out) > _MANY:
            time.sleep(_GATHER_SECONDS)
        ready = self._poll.poll(self._patience())
        self._owner._busy_since = time.monotonic()
        self._serve(ready)
        self._owner._busy_since = None

    def _serve(self, ready: Sequence[tuple[int, int]]) -> None:
        """Whoever is ready comes first, so that nobody's time runs out while it has something for us."""
        for descriptor, events in ready:
            if descriptor == self._owner._nudge_out.fileno():
                # In this order: what is said in between is seen below, and who says something later wakes us.
                self._owner._nudge_out.recv(4096)
                self._owner._is_nudged = False
                continue
            mask = (pycurl.CSELECT_IN if events & ~select.EPOLLOUT else 0) | (
                pycurl.CSELECT_OUT if events & select.EPOLLOUT else 0
            )
            self._multi.socket_action(descriptor, mask)
        if self._timer is not None and self._timer <= time.monotonic():
            self._timer = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._land()
        for name, found in self._names.answers():
            for exchange in self._asking.pop(name, ()):
                self._go(exchange, found)
        self._give_up_asking()
        for _ in range(min(len(self._owner._coming), _AT_A_TURN)):
            self._take_up(self._owner._coming.popleft())
        self._hand_over()

    def _hand_over(self) -> None:
        """All of a turn together: each time wakes the other thread."""
        if self._landed:
            self._owner._done.put(self._landed)
            self._landed = []

    def _patience(self) -> float:
        """Seconds until there is something to do by the clock."""
        if self._owner._coming:
            return 0
        wait = 0.1 if self._asking else _LINGER_SECONDS
        return wait if self._timer is None else min(max(self._timer - time.monotonic(), 0), wait)

    # --- on its way out ------------------------------------------------------------------------------

    def _take_up(self, key: str) -> None:
        """Begins with a request, or lets it wait for a place at its host, where others can take it back."""
        request = self._owner._unbegun.get(key)
        if request is None:
            return
        try:
            line = wire.written(request)
        except wire.Malformed as error:
            if self._owner._unbegun.pop(key, None) is not None:
                self._landed.append((key, Answer(error="config", detail=str(error))))
            return
        host = (line.host, line.port)
        if self._at_host[host] >= settings.POSTRIDER_HOST_CONNECTIONS:
            self._queued_at.setdefault(host, deque()).append(key)
            return
        if self._owner._unbegun.pop(key, None) is None:
            return
        self._at_host[host] += 1
        self._look_up(Exchange(key, request, line, time.monotonic()))

    def _look_up(self, exchange: Exchange) -> None:
        host = exchange.host
        found = self._names.known(*host)
        if found is not None:
            self._go(exchange, found)
        elif host in self._asking:
            self._asking[host].append(exchange)
        else:
            self._asking[host] = [exchange]
            self._names.ask(*host)

    def _give_up_asking(self) -> None:
        for waiting in self._asking.values():
            for exchange in list(waiting):
                if left(exchange) <= 0:
                    waiting.remove(exchange)
                    self._fail(exchange, "timeout", "The name service did not answer in time.")

    def _go(self, exchange: Exchange, found: Found) -> None:
        if isinstance(found, guard.Forbidden):
            self._fail(exchange, "forbidden_address", str(found))
        elif isinstance(found, OSError | UnicodeError):
            self._fail(exchange, "dns", "The host name has no address.")
        elif isinstance(found, Exception):
            self._fail(exchange, "internal", f"{type(found).__name__}: {found}"[:300])
        elif left(exchange) <= 0:
            self._fail(exchange, "timeout", "No complete answer in time.")
        else:
            exchange.looked_up_ms = since(exchange.started)
            handle = self._idle.pop() if self._idle else self._new_handle()
            try:
                fill(handle, exchange, found)
                self._out[handle] = exchange
                self._multi.add_handle(handle)
            except (pycurl.error, UnicodeError, ValueError) as error:
                self._out.pop(handle, None)
                handle.close()
                self._fail(exchange, "config", f"libcurl refuses the request: {error}"[:300])

    def _new_handle(self) -> pycurl.Curl:
        handle = pycurl.Curl()
        for option, value in ALWAYS:
            handle.setopt(option, value)
        handle.setopt(pycurl.CAINFO, certifi.where())
        handle.setopt(pycurl.CONNECTTIMEOUT_MS, max(int(settings.POSTRIDER_CONNECT_SECONDS * 1000), 1))
        handle.setopt(pycurl.OPENSOCKETFUNCTION, lambda purpose, address: self._open(handle, address))
        handle.setopt(pycurl.HEADERFUNCTION, lambda line: self._hear(handle, line))
        handle.setopt(pycurl.WRITEFUNCTION, lambda part: self._read(handle, part))
        return handle

    # --- what libcurl calls --------------------------------------------------------------------------

    def _watch(self, event: int, descriptor: int, multi: Any, data: Any) -> None:
        if event == pycurl.POLL_REMOVE:
            try:
                self._poll.unregister(descriptor)
            except OSError:  # closed already, and forgotten by the kernel with that
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

    def _open(self, handle: pycurl.Curl, address: Any) -> Any:
        """The last look, at the very address that is about to be connected to."""
        family, kind, protocol, where = address
        try:
            if family not in (socket.AF_INET, socket.AF_INET6):
                raise guard.Forbidden("Only addresses of the Internet are connected to.")
            guard.check_address(_text(where[0]), where[1], self._out[handle].line.host)
        except guard.Forbidden as error:
            self._out[handle].forbidden = str(error)
            return pycurl.SOCKET_BAD
        return socket.socket(family, kind, protocol)

    def _hear(self, handle: pycurl.Curl, line: bytes) -> int | None:
        exchange = self._out[handle]
        exchange.head_size += len(line)
        if line.startswith(b"HTTP/"):
            exchange.head.clear()  # what came before was interim
            exchange.is_headed = False
        elif not line.strip():
            exchange.is_headed = True
        elif len(exchange.head) < wire.MOST_HEADERS:
            exchange.head.append(line)
        return None if exchange.head_size <= BODY_LIMIT else 0  # 0: break off

    def _read(self, handle: pycurl.Curl, part: bytes) -> int | None:
        exchange = self._out[handle]
        exchange.size += len(part)
        exchange.parts.append(part)
        return None if exchange.size <= BODY_LIMIT else 0  # 0: break off, the rest is not wanted

    # --- on its way back -----------------------------------------------------------------------------

    def _land(self) -> None:
        while True:
            more, well, badly = self._multi.info_read(256)
            for handle in well:
                self._finish(handle, 0, "")
            for handle, number, message in badly:
                self._finish(handle, number, message)
            if not more:
                return

    def _finish(self, handle: pycurl.Curl, number: int, message: str) -> None:
        exchange = self._out.pop(handle)
        self._multi.remove_handle(handle)
        land(handle, exchange, number, message)
        if len(self._idle) < _HANDLES_KEPT:
            self._idle.append(handle)
        else:
            handle.close()
        self._done(exchange)

    def _fail(self, exchange: Exchange, error: str, detail: str) -> None:
        exchange.answer.error, exchange.answer.detail = error, detail
        self._done(exchange)

    def _done(self, exchange: Exchange) -> None:
        """Its answer is there; whoever waited for its place begins."""
        exchange.answer.duration_ms = since(exchange.started)
        self._landed.append((exchange.key, exchange.answer))
        host = exchange.host
        self._at_host[host] -= 1
        if not self._at_host[host]:
            del self._at_host[host]
        if waiting := self._queued_at.get(host):
            self._owner._coming.append(waiting.popleft())
            if not waiting:
                del self._queued_at[host]

    # --- the end -------------------------------------------------------------------------------------

    def _fail_all(self) -> None:
        asking = [exchange for waiting in self._asking.values() for exchange in waiting]
        ended = Answer(error="internal", detail="The network loop ended; see the log.")
        self._landed += [(exchange.key, ended) for exchange in [*self._out.values(), *asking]]
        self._hand_over()
        self._asking.clear()

    def _end(self) -> None:
        for handle in list(self._out):
            self._multi.remove_handle(handle)
        for handle in [*self._out, *self._idle]:
            handle.close()
        self._out.clear()
        self._multi.close()
        self._poll.close()
        self._names.close()


def _text(address: Any) -> str:
    return address.decode() if isinstance(address, bytes) else str(address)


def _open_files() -> int:
    """How many sockets this process may have: as many as the system lets it ask for, within reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.POSTRIDER_CONNECTIONS + 512
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return int(soft)
