"""A server below HTTP: it sends the bytes it is told, whole or piece by piece, whatever they are."""

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class BareServer:
    """Each connection gets the next of `scripts` (the last one stays): pieces of an answer, a pause between.

    With `is_eager` the first piece is sent without waiting for a request, as in a TLS handshake gone wrong.
    """

    scripts: list[Iterable[bytes]]
    pause: float = 0
    is_eager: bool = False
    keeps_open: bool = False
    is_stopped: threading.Event = field(default_factory=threading.Event)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def url(self, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            threading.Thread(target=self._answer, args=(line, script), daemon=True).start()

    def stop(self) -> None:
        self.is_stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _answer(self, line: socket.socket, script: Iterable[bytes]) -> None:
        with line, contextlib.suppress(OSError):
            if not self.is_eager:
                _read_request(line)
            for piece in script:
                line.sendall(piece)
                if self.pause and self.is_stopped.wait(self.pause):
                    return
            if self.keeps_open:
                self.is_stopped.wait(10)


def _read_request(line: socket.socket) -> None:
    """All of it: a server that closes with something unread resets the connection."""
    with line.makefile("rb") as stream:
        length = 0
        while (header := stream.readline().strip().lower()) != b"":
            if header.startswith(b"content-length:"):
                length = int(header.partition(b":")[2])
        stream.read(length)


@contextmanager
def bare_server(*scripts: Iterable[bytes], **options: float | bool) -> Iterator[BareServer]:
    """One that is up at an address of its own."""
    server = BareServer(list(scripts), **options)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server
    server.stop()
    thread.join(5)
