"""10,000 endpoints, half of them dead or hanging: how fast the healthy half gets its deliveries.

A quarter refuses connections, a quarter accepts and never answers (a time limit of 20 s each). Measured is
the rate at which deliveries reach the healthy half until all have, against the same half alone; once with
nothing known of any endpoint, and once with what the engine has learned by then.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from benchmarks import receivers, scratch
from benchmarks.hands import Hand, hand
from benchmarks.receivers import Receiver
from benchmarks.scratch import Verdicts, scaled

HEALTHY = 5_000
EACH = 4  # deliveries of every endpoint
ROUNDS = 2
MOST_SECONDS = 45.0  # what hangs has timed out by then

Range = Sequence[int]  # the first id and the last


def main(kind: str = "postgres") -> None:
    verdicts = Verdicts()
    with ExitStack() as stack:
        healthy = stack.enter_context(receivers.answering())
        silent = stack.enter_context(receivers.hanging())
        dead_port = stack.enter_context(receivers.nobody())
        env = scratch.scratch_database(kind)
        print(f"{scratch.named(env)}; {receivers.capacity()}")
        with hand("benchmarks.workers", env) as worker:
            worker.ask("migrate")
            half = scaled(HEALTHY)
            well = worker.ask("endpoints", urls=receivers.urls(healthy.port, half), is_proven=False)
            ill = _ill(worker, silent.port, dead_port, half)
        alone, mixed = _rounds(env, healthy, half, well, [well, *ill])
    for name in ("cold", "warm"):
        ratio = median(m / a for a, m in zip(alone[name], mixed[name], strict=True))
        verdicts.at_least(f"fairness_{name}_{kind}", ratio, 0.8)
    verdicts.close()


def _ill(worker: Hand, silent: int, dead: int, half: int) -> list[Range]:
    """A quarter that hangs, and a quarter that is dead."""
    return [
        worker.ask("endpoints", urls=receivers.urls(port, half // 2), is_proven=False)
        for port in (silent, dead)
    ]


def _rounds(
    env: dict[str, str], receiver: Receiver, half: int, well: Range, all_of_them: list[Range]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    alone: dict[str, list[float]] = {"cold": [], "warm": []}
    mixed: dict[str, list[float]] = {"cold": [], "warm": []}
    for number in range(ROUNDS):
        for name, ranges, rates in (("alone", [well], alone), ("mixed", all_of_them, mixed)):
            with hand("benchmarks.workers", env) as worker:
                worker.ask("empty", forget=True)
                for state in ("cold", "warm"):
                    rate = _rate(worker, receiver, half, ranges)
                    rates[state].append(rate)
                    print(f"round {number + 1}, {name}, {state}: {rate:,.0f}/s to the healthy", flush=True)
                    if state == "cold":
                        worker.result()  # it has learned what is dead by then
                        worker.ask("empty")
                worker.kill()
    return alone, mixed


def _rate(worker: Hand, receiver: Receiver, half: int, ranges: list[Range]) -> float:
    """Queues for all, and looks on until the healthy ones have theirs; the worker goes on."""
    for first, last in ranges:
        worker.ask("deliveries", count=(last - first + 1) * EACH, first=first, last=last)
    wanted = receiver.requests + half * EACH
    start = time.monotonic()
    worker.begin("drain", seconds=MOST_SECONDS)
    while receiver.requests < wanted and time.monotonic() - start < MOST_SECONDS:
        time.sleep(0.01)
    took = time.monotonic() - start
    missing = max(wanted - receiver.requests, 0)
    if missing:
        print(f"  {missing} of {half * EACH} had not arrived after {took:.0f} s")
    return (half * EACH - missing) / took


if __name__ == "__main__":
    main(*sys.argv[1:])
