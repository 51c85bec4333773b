"""The second transport, on `requests`: against a stock `requests.Session` on as many threads.

Over TLS with a new connection for every delivery, and over plain connections that are kept. Both sides trust
the same bundle: certifi's, and the authority that signed the receiver's certificate.
"""

import asyncio
import multiprocessing
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import receivers
from benchmarks.scratch import Verdicts, scaled

THREADS = 32
ROUNDS = 3
TLS_OURS, TLS_STOCK = 1_000, 150
KEPT_OURS, KEPT_STOCK = 4_000, 2_000
BODY = b"x=" + b"y" * 498
HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Postrider"}
CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"


def main(kind: str = "") -> None:
    verdicts = Verdicts()
    with TemporaryDirectory() as folder, tls_receiver(Path(folder)) as tls, receivers.answering() as plain:
        _use_django(Path(folder))
        ratios = _compare(f"https://127.0.0.1:{tls}/hook", TLS_OURS, TLS_STOCK)
        verdicts.at_least("requests_transport_new_tls_connections", ratios, 10)
        ratios = _compare(f"http://127.0.0.1:{plain.port}/hook", KEPT_OURS, KEPT_STOCK)
        verdicts.at_least("requests_transport_keep_alive", ratios, 1.8)
    verdicts.close()


def _compare(url: str, many: int, few: int) -> float:
    """The median over rounds of our rate to that of a stock session."""
    sides: list[tuple[Callable[[str, int], float], int]] = [(_stock, few), (_ours, many)]
    for run, _ in sides:
        run(url, 2 * THREADS)
    ratios = []
    for number in range(ROUNDS):
        stock, ours = [run(url, scaled(count)) for run, count in sides]
        print(f"{url[:5]} round {number + 1}: stock {stock:,.0f}/s, ours {ours:,.0f}/s", flush=True)
        ratios.append(ours / stock)
    return median(ratios)


def _stock(url: str, count: int) -> float:
    import requests

    with requests.Session() as session, ThreadPoolExecutor(THREADS) as threads:
        for scheme in ("http://", "https://"):
            session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=THREADS))

        def post(_: int) -> int:
            return session.post(url, data=BODY, headers=HEADERS, timeout=(5, 20)).status_code

        start = time.perf_counter()
        assert set(threads.map(post, range(count))) == {200}
        return count / (time.perf_counter() - start)


def _ours(url: str, count: int) -> float:
    from delivery.transports import Request
    from delivery.transports.http_requests import RequestsTransport

    headers = tuple(HEADERS.items())
    request = Request("POST", url, headers, BODY, 20, url, headers)
    transport = RequestsTransport()
    start, waiting, out, done = time.perf_counter(), count, 0, 0
    while done < count:
        while waiting and out < transport.most:
            transport.start(str(waiting), request)
            waiting -= 1
            out += 1
        for _, answer in transport.finished(1):
            assert answer.status == 200, answer
            out -= 1
            done += 1
    took = time.perf_counter() - start
    transport.close()
    return count / took


def _use_django(folder: Path) -> None:
    """Settings, and the bundle that both sides read: of certifi, and the receiver's own authority."""
    import certifi

    bundle = folder / "bundle.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes() + (folder / "authority.pem").read_bytes())
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # a stock session would read these instead
        os.environ.pop(name, None)
    certifi.where = lambda: str(bundle)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="config.settings",
        POSTRIDER_DATA=str(folder),
        POSTRIDER_ALLOWED_NETWORKS="127.0.0.0/8",
        POSTRIDER_SEND_THREADS=str(THREADS),
    )
    import django

    django.setup()


@contextmanager
def tls_receiver(folder: Path) -> Iterator[int]:
    """A process that answers over TLS and closes each connection after its answer."""
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    process = multiprocessing.get_context("fork").Process(
        target=_serve, args=(listener, context), daemon=True
    )
    process.start()
    port = listener.getsockname()[1]
    listener.close()
    try:
        yield port
    finally:
        process.terminate()
        process.join(5)


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    class Answering(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self._transport = transport

        def data_received(self, data: bytes) -> None:
            if data.endswith(b"y"):  # the end of our one body
                self._transport.write(CLOSING)
                self._transport.close()

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, sock=listener, ssl=context)
        await server.serve_forever()

    asyncio.run(run())


if __name__ == "__main__":
    main(*sys.argv[1:])
