"""The partners' server as a process: notes every request in a file before it answers, and answers badly.

python -m tests.torture.receiver FOLDER SEED. It listens where FOLDER/address says (an address, a port, and
one for TLS), notes in FOLDER/requests, and answers well as soon as there is a file FOLDER/calm.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import random
import socket
import ssl
import struct
import sys
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import trustme

from tests.torture.partners import KINDS, MIXED

BADLY = 0.7  # of the answers, until it is calm
GIGABYTE = 1 << 30
SLOW_SECONDS = 0.7
LOST = {kind.name for kind in KINDS if kind.is_lost}
FRESH = {"webhook-timestamp", "webhook-signature"}  # made anew for each attempt
WHOLE = b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s"
Writer = asyncio.StreamWriter


class Receiver:
    """See the module."""

    def __init__(self, folder: Path, seed: str) -> None:
        self.folder, self.rng = folder, random.Random(seed)
        self.notes = os.open(folder / "requests", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.bomb = _bomb()

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, EOFError):
            while await self._answer_one(reader, writer):
                pass
        writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: Writer) -> bool:
        """Whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.strip().split("\r\n")
        headers = [(name.lower(), value.strip()) for name, value in (one.split(":", 1) for one in lines)]
        body = await reader.readexactly(int(dict(headers).get("content-length", 0)))
        how = self._how(line.split(" ")[1].strip("/"))
        self._note(line, headers, body, how, writer.get_extra_info("peername")[0])
        sent = await getattr(self, "_" + how.replace("-", "_"))(writer)
        if sent is not None:
            self._write({"sent": sent, "how": how})
        return how not in ("hangs", "drips", "resets", "sends-a-gigabyte")

    def _how(self, partner: str) -> str:
        """How this request is answered."""
        if partner.startswith("is-slow"):
            return "is-slow"
        if partner in LOST:
            return "fails"
        if (self.folder / "calm").exists() or self.rng.random() > BADLY:
            return "accepts"
        return self.rng.choice(MIXED) if partner == "mixes" else partner

    def _note(self, line: str, headers: list[tuple[str, str]], body: bytes, how: str, by: str) -> None:
        same = [line, *[f"{name}: {value}" for name, value in headers if name not in FRESH]]
        said = hashlib.sha256("\n".join(same).encode() + b"\n\n" + body).hexdigest()
        made = {
            "id": dict(headers).get("webhook-id", ""),
            "body": hashlib.sha256(body).hexdigest(),
            "said": said,
            "is_yes": how in ("accepts", "is-slow"),
            "by": by,
        }
        self._write(made)

    def _write(self, note: dict[str, object]) -> None:
        os.write(self.notes, json.dumps(note).encode() + b"\n")

    # --- the ways of answering -----------------------------------------------------------------------

    async def _accepts(self, writer: Writer) -> None:
        await _whole(writer, "200 OK", "TAKEN")

    async def _is_slow(self, writer: Writer) -> None:
        await asyncio.sleep(SLOW_SECONDS)
        await _whole(writer, "200 OK", "TAKEN")

    async def _fails(self, writer: Writer) -> None:
        await _whole(writer, "500 Internal Server Error", "no")

    async def _is_busy(self, writer: Writer) -> None:
        await _whole(writer, "429 Too Many Requests", "later", f"Retry-After: {self.rng.randint(1, 5)}")

    async def _is_away(self, writer: Writer) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
        await _whole(writer, "503 Service Unavailable", "later", f"Retry-After: {date}")

    async def _redirects(self, writer: Writer) -> None:
        await _whole(writer, "302 Found", "", "Location: /accepts")

    async def _says_error(self, writer: Writer) -> None:
        await _whole(writer, "200 OK", "ERROR")

    async def _hangs(self, writer: Writer) -> None:
        await asyncio.sleep(10)  # longer than anybody waits

    async def _drips(self, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(1)

    async def _resets(self, writer: Writer) -> None:
        line: socket.socket = writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _sends_a_gigabyte(self, writer: Writer) -> int:
        """How much of it could be sent."""
        writer.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: %d\r\n\r\n" % GIGABYTE)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < GIGABYTE and not writer.is_closing():
                writer.write(b"x" * 65536)
                await writer.drain()
                sent += 65536
        return sent

    async def _sends_a_bomb(self, writer: Writer) -> None:
        head = b"HTTP/1.1 500 Internal Server Error\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(self.bomb) + self.bomb)
        await writer.drain()


async def _whole(writer: Writer, status: str, body: str, *headers: str) -> None:
    lines = "".join(f"{header}\r\n" for header in headers)
    writer.write(WHOLE % (status.encode(), lines.encode(), len(body), body.encode()))
    await writer.drain()


def _bomb() -> bytes:
    """A gigabyte of zeros, gzipped: the same compressed megabyte again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    megabyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + megabyte * 1024 + packer.flush() + bytes(8)


async def _run(folder: Path, seed: str) -> None:
    receiver = Receiver(folder, seed)
    address, *ports = (folder / "address").read_text().split()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("elsewhere.example").configure_cert(context)  # nobody trusts it, nor the name
    for port, tls in zip(ports, (None, context), strict=True):
        await asyncio.start_server(receiver.serve, address, int(port), ssl=tls, backlog=1024)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), sys.argv[2]))
