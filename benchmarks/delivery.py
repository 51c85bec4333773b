"""The whole cycle with the second transport, `requests`: against a delivery at a time through the ORM.

The reference in the same run loads a due row, posts it with a `requests.Session`, saves it and creates its
attempt, on as many threads as the engine uses for sending. The fast transport has `cycle`.
"""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from benchmarks import filling, receivers, workers
from benchmarks.scratch import Verdicts, scaled, timed, use_scratch_database

ENDPOINTS = 64
ROUNDS = 3
ENGINE, NAIVE = 3000, 500


def main(kind: str = "postgres") -> None:
    verdicts = Verdicts()
    with receivers.answering() as receiver:
        os.environ["POSTRIDER_TRANSPORT"] = "requests"
        database = use_scratch_database(kind)
        first, last = filling.endpoints(receivers.urls(receiver.port, ENDPOINTS))
        ratios, statements, delivered = [], 0.0, 0.0
        filling.deliveries(500, first, last)
        workers.drain()  # warm
        for number in range(ROUNDS):
            filling.deliveries(scaled(NAIVE), first, last)
            naive = run_naive(receivers.urls(receiver.port, 1)[0])
            filling.deliveries(scaled(ENGINE), first, last)
            done = workers.drain()
            assert done["failed"] == 0, done
            print(
                f"{database}, round {number + 1}: a row at a time {naive:.0f}/s, engine {done['rate']:.0f}/s",
                flush=True,
            )
            ratios.append(done["rate"] / naive)
            statements += done["statements"]
            delivered += done["delivered"]
    verdicts.at_least(f"cycle_with_requests_against_row_at_a_time_{kind}", median(ratios), 1.5)
    # No bar: at this rate few outcomes come in the 50 ms after which they are written.
    print(f"{statements / delivered:.3f} statements per delivery")
    verdicts.close()


def run_naive(url: str) -> float:
    """Deliveries per second of the reference."""
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
        answer = local.session.post(url, data=filling.TEXT, timeout=10)
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
