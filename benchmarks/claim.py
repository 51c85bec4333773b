"""The claim of 500: by how much waits, by how many endpoints there are, and beside a dead one with a million.

Each case has a database of its own on the same server; claims of the cases take turns. What is claimed stays
claimed, as in earnest; what is compared are medians.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from benchmarks import scratch
from benchmarks.hands import Hand, all_at_once, hand
from benchmarks.scratch import Verdicts, scaled

ROUNDS = 15
SIZE = 500


@dataclass(frozen=True)
class Case:
    """What waits in one database: for so many endpoints, and for one more that sleeps."""

    name: str
    waiting: int
    endpoints: int
    asleep: int = 0


CASES = (
    Case("few", 10_000, 100),
    Case("million", 1_000_000, 100),
    Case("endpoints_100", 100_000, 100),
    Case("endpoints_500", 100_000, 500),
    Case("endpoints_10000", 100_000, 10_000),
    Case("asleep_ten", 10_000, 100, 10),
    Case("asleep_million", 10_000, 100, 1_000_000),
)
# What is compared with what.
PAIRS = (
    ("claim_with_1000000_waiting", "million", "few"),
    ("claim_with_10000_endpoints", "endpoints_10000", "endpoints_100"),
    ("claim_beside_a_dead_endpoint_with_1000000", "asleep_million", "asleep_ten"),
)


def main(kind: str = "postgres") -> None:
    verdicts = Verdicts()
    env = scratch.scratch_database(kind)
    with ExitStack() as stack:
        workers = {}
        for case in CASES:
            own = scratch.another_database(env, f"bench_{case.name}")
            workers[case.name] = stack.enter_context(hand("benchmarks.workers", own))
        all_at_once(list(workers.values()), "migrate")
        for case in CASES:
            with scratch.timed() as watch:
                _fill(workers[case.name], case)
            print(f"{case}: filled in {watch.seconds:.0f} s", flush=True)
        times = _claims(workers)
    typical = {name: median(some) for name, some in times.items()}
    for case in CASES:
        print(f"{case.name}: {typical[case.name]:.1f} ms for a claim of {SIZE}")
    print(f"10,000 endpoints against 500: {typical['endpoints_10000'] / typical['endpoints_500']:.3g}")
    for name, much, little in PAIRS:
        verdicts.at_most(f"{name}_{kind}", typical[much] / typical[little], 1.3)
    verdicts.close()


def _fill(worker: Hand, case: Case) -> None:
    urls = [f"http://127.0.0.1:9/{number}" for number in range(case.endpoints)]
    first, last = worker.ask("endpoints", urls=urls, has_secrets=False)
    waiting = max(scaled(case.waiting), (ROUNDS + 2) * SIZE)
    worker.ask("deliveries", count=waiting, first=first, last=last, events=1000)
    if case.asleep:
        (one, _) = worker.ask("endpoints", urls=["http://127.0.0.1:9/asleep"], has_secrets=False)
        worker.ask("send_to_sleep", endpoint_id=one)
        worker.ask("deliveries", count=scaled(case.asleep), first=one, last=one, events=1000)


def _claims(workers: dict[str, Hand]) -> dict[str, Sequence[float]]:
    """Milliseconds of each claim; the first of each case only warms."""
    times: dict[str, list[float]] = {name: [] for name in workers}
    for number in range(ROUNDS + 1):
        for name, worker in workers.items():
            done = worker.ask("claim", limit=SIZE)
            assert done["claimed"] >= SIZE * 0.8, (name, done)
            if number:
                times[name].append(done["ms"] * SIZE / done["claimed"])
    return dict(times)


if __name__ == "__main__":
    main(*sys.argv[1:])
