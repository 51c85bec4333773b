"""The whole cycle, claim → send → settle, with `requests`: against a delivery at a time through the ORM.

The receiver is a process of its own on loopback that answers at once. The reference in the same run loads a
due row, posts it with a `requests.Session`, saves it and creates its attempt, on as many threads as the
engine uses for sending.
"""

import multiprocessing
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.scratch import Verdicts, memory_mb, timed, use_scratch_database

ENGINE, NAIVE = 6000, 600


def main(kind: str = "postgres") -> None:
    database = use_scratch_database(kind)
    verdicts = Verdicts()
    port, receiver = start_receiver()
    try:
        profile = make_profile(f"http://127.0.0.1:{port}/hook")
        queue_up(profile, 200)
        run_engine()  # warm
        queue_up(profile, NAIVE)
        naive = run_naive(port)
        queue_up(profile, ENGINE)
        before = memory_mb()
        ours, statements = run_engine()
        grown = memory_mb() / before
    finally:
        receiver.terminate()
    print(f"{database}: a row at a time {naive:.0f} deliveries/s, engine {ours:.0f} deliveries/s")
    print(f"statements per delivery {statements:.4f}, memory grew {grown:.3f} times")
    verdicts.at_least(f"cycle_with_requests_against_row_at_a_time_{kind}", ours / naive, 1.5)
    verdicts.at_most(f"statements_per_delivery_{kind}", statements, 0.05)
    verdicts.close()


def start_receiver() -> tuple[int, Any]:
    """A server that answers 200 to whatever comes, keeping connections alive."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    process = multiprocessing.get_context("fork").Process(target=_receive, args=(listener,), daemon=True)
    process.start()
    return listener.getsockname()[1], process


def _receive(listener: socket.socket) -> None:
    import asyncio

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                _, _, rest = head.partition(b"content-length:")
                if rest:
                    await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, sock=listener)
        await server.serve_forever()

    asyncio.run(run())


def make_profile(url: str) -> Any:
    from django.utils import timezone

    from customers.services import only_location
    from delivery.models import Endpoint
    from exports.models import ExportProfile

    endpoint = Endpoint.objects.create(channel="export", name="Bench")
    return ExportProfile.objects.create(
        location=only_location(), name="Bench", url=url, created_at=timezone.now(), endpoint=endpoint
    )


def queue_up(profile: Any, count: int) -> None:
    """Form posts of 500 bytes, due now."""
    from django.db import transaction
    from django.utils import timezone

    from delivery import queue
    from delivery.ids import new_id
    from exports.render import compiled

    head = compiled([], omit_empty=False)._head.replace('"GET"', '"POST"').replace('"query"', '"body"')
    content = f'{head}"{"x=" + "y" * 498}","holes":[]}}'
    rows = [
        queue.NewDelivery(
            new_id(), None, "export", profile.pk, "Bench", 1, "New Sale", profile.endpoint_id, content
        )
        for _ in range(count)
    ]
    with transaction.atomic():
        queue.put(rows, now=timezone.now())


def run_engine() -> tuple[float, float]:
    """Deliveries per second, and statements per delivery."""
    from django.db import connection

    from delivery import worker

    count = 0

    def counting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal count
        count += 1
        return execute(sql, params, many, context)

    with timed() as watch, connection.execute_wrapper(counting):
        tally = worker.drain()
    assert tally.failed == 0, tally
    return tally.delivered / watch.seconds, count / tally.delivered


def run_naive(port: int) -> float:
    """Deliveries per second of the reference."""
    import threading

    import requests
    from django.conf import settings
    from django.db import connections
    from django.utils import timezone

    from delivery.models import Attempt, Delivery

    ids = list(Delivery.objects.filter(due_at__isnull=False).values_list("pk", flat=True))
    local = threading.local()

    def one(pk: str) -> None:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        delivery = Delivery.objects.get(pk=pk)
        started = timezone.now()
        answer = local.session.post(f"http://127.0.0.1:{port}/hook", data="x=" + "y" * 498, timeout=10)
        delivery.state, delivery.due_at, delivery.finished_at = "delivered", None, timezone.now()
        delivery.attempts_made += 1
        delivery.save()
        Attempt.objects.create(
            delivery=delivery,
            number=1,
            started_at=started,
            duration_ms=1,
            method="POST",
            url=answer.url,
            request_headers="[]",
            status=answer.status_code,
            answer=answer.text,
        )

    with timed() as watch, ThreadPoolExecutor(settings.POSTRIDER_SEND_THREADS) as pool:
        list(pool.map(one, ids))
        pool.submit(connections.close_all)
    return len(ids) / watch.seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
