"""Looks up host names beside the network loop: each once, every address judged before any is used."""

import ipaddress
import queue
import threading
import time
from collections.abc import Callable

from delivery import guard

KEPT_SECONDS = 30.0  # addresses that were judged are used again for so long
LOOKERS = 16  # a name service that hangs binds one thread for each name asked
_MOST_KEPT = 50_000

Found = list[str] | Exception


class Names:
    """Addresses by (host, port). `tell` is called from a thread of ours when a look-up has ended."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._known: dict[tuple[str, int], tuple[float, list[str]]] = {}
        self._asked: queue.SimpleQueue[tuple[str, int] | None] = queue.SimpleQueue()
        self._found: queue.SimpleQueue[tuple[tuple[str, int], Found]] = queue.SimpleQueue()
        self._lookers = 0
        self._busy = 0

    def known(self, host: str, port: int) -> Found | None:
        """The addresses, if nothing has to be asked for them: judged lately, or written as an address."""
        kept = self._known.get((host, port))
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return None
        try:
            guard.check_address(str(address), port)
        except guard.Forbidden as error:
            return error
        return self._keep((host, port), [str(address)])

    def ask(self, host: str, port: int) -> None:
        """Has it looked up; `answers` will tell."""
        self._busy += 1
        if self._lookers < min(self._busy, LOOKERS):
            self._lookers += 1
            # Daemons: a name service that hangs must not keep the process from ending.
            threading.Thread(target=self._look_up, name="names", daemon=True).start()
        self._asked.put((host, port))

    def answers(self) -> list[tuple[tuple[str, int], Found]]:
        """What was found since the last call."""
        found = []
        while not self._found.empty():
            name, result = self._found.get()
            self._busy -= 1
            if isinstance(result, list):
                self._keep(name, result)
            found.append((name, result))
        return found

    def close(self) -> None:
        for _ in range(self._lookers):
            self._asked.put(None)

    def _keep(self, name: tuple[str, int], addresses: list[str]) -> list[str]:
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[name] = (time.monotonic() + KEPT_SECONDS, addresses)
        return addresses

    def _look_up(self) -> None:
        while (name := self._asked.get()) is not None:
            result: Found
            try:
                result = guard.resolve(*name)
            except Exception as error:
                result = error
            self._found.put((name, result))
            self._tell()
