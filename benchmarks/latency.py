"""From the commit of a sale to the bytes at the receiver, in an idle system: against one bare POST.

A real `manage.py qcluster` runs beside a shop that records a sale or a contact now and then; an immediate
profile tells its partner of sales, a postback config of contacts. Clocks are of one machine. Both databases,
one after the other.
"""

import http.client
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from statistics import median, quantiles

from benchmarks import receivers, scratch
from benchmarks.hands import Hand, hand
from benchmarks.receivers import Receiver
from benchmarks.scratch import Verdicts, scaled

SALES = 50
PAUSES = (0.2, 0.6)  # seconds of idleness before each
MOST_SECONDS = 60.0


def main(kind: str = "") -> None:
    verdicts = Verdicts()
    for one in [kind] if kind else ["postgres", "sqlite"]:
        with ExitStack() as stack:
            receiver = stack.enter_context(receivers.answering())
            env = scratch.scratch_database(one)
            shop = stack.enter_context(hand("benchmarks.shop", env))
            shop.ask("open", url=f"http://127.0.0.1:{receiver.port}/hook")
            stack.enter_context(running_cluster(env))
            exported, posted_back, bare = measure(shop, receiver)
        tell(scratch.named(env), exported, posted_back, bare)
        verdicts.at_most(f"latency_p50_ms_over_a_bare_post_{one}", median(exported) - median(bare), 100)
        verdicts.at_most(
            f"postback_latency_p50_ms_over_a_bare_post_{one}", median(posted_back) - median(bare), 100
        )
    verdicts.close()


def measure(shop: Hand, receiver: Receiver) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds from each sale, each contact, and each bare request, until the receiver had it whole."""
    chance = random.Random(20)
    for _ in range(3):  # until everything has been imported and every connection is there
        told(shop, "sell", receiver)
        told(shop, "meet", receiver)
        time.sleep(1)
    exported, posted_back, bare = [], [], []
    for _ in range(max(scaled(SALES), 5)):
        time.sleep(chance.uniform(*PAUSES))
        exported.append(told(shop, "sell", receiver))
        time.sleep(chance.uniform(*PAUSES))
        posted_back.append(told(shop, "meet", receiver))
        time.sleep(chance.uniform(*PAUSES))
        bare.append(posted(receiver))
    return exported, posted_back, bare


def told(shop: Hand, what: str, receiver: Receiver) -> float:
    before = receiver.requests
    committed_at = shop.ask(what)
    arrived(receiver, before)
    return (receiver.last_at - committed_at) * 1000


def posted(receiver: Receiver) -> float:
    """A connection of its own, as the first delivery to a partner has."""
    before, start = receiver.requests, time.monotonic()
    line = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
    line.request("POST", "/hook", b"y" * 500, {"Content-Type": "application/json"})
    line.getresponse().read()
    line.close()
    arrived(receiver, before)
    return (receiver.last_at - start) * 1000


def arrived(receiver: Receiver, before: int) -> None:
    end = time.monotonic() + MOST_SECONDS
    while receiver.requests == before:
        if time.monotonic() > end:
            raise RuntimeError(f"Nothing arrived within {MOST_SECONDS:.0f} s.")
        time.sleep(0.001)


def tell(database: str, exported: list[float], posted_back: list[float], bare: list[float]) -> None:
    measured = (("commit to wire", exported), ("commit to postback", posted_back), ("bare POST", bare))
    for name, some in measured:
        p99 = quantiles(some, n=100, method="inclusive")[98]
        print(
            f"{database}, {name}: p50 {median(some):.1f} ms, p99 {p99:.1f} ms ({len(some)} times)", flush=True
        )


@contextmanager
def running_cluster(env: Mapping[str, str]) -> Iterator[None]:
    """`manage.py qcluster` as operators start it."""
    cluster = subprocess.Popen(
        [sys.executable, "manage.py", "qcluster"],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        cluster.terminate()
        try:
            cluster.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(cluster.pid, signal.SIGKILL)
            cluster.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
