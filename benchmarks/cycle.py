"""The whole cycle, claim → send → settle, one worker: against a bare pycurl multi loop.

Signature, guard, record, attempts and counts are on; 64 endpoints, each a host of its own, that bear more at
once than there ever is. The bare loop sends the same bytes to the same receiver over as many connections.
With SQLite beside PostgreSQL; then 200,000 deliveries in one go, for statements and for what a worker holds.

`--profile FILE` writes where the worker's time goes, after a round of each.
"""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from statistics import median

from benchmarks import receivers, scratch
from benchmarks.hands import Hand, hand
from benchmarks.receivers import Receiver
from benchmarks.scratch import Verdicts, scaled

ENDPOINTS = 64
AT_ONCE = 1000  # of the bare loop: what it does best with when the receiver takes its time
ROUNDS, ROUND = 3, 20_000
LONG = 200_000
MOST_SECONDS_IN_ALL = 120.0
MOST_SECONDS = 20.0  # of a round; the rate is that of what was carried by then


class Side:
    """The engine on one database, with its endpoints at one receiver."""

    def __init__(self, name: str, worker: Hand, receiver: Receiver) -> None:
        self.name, self.worker, self.receiver = name, worker, receiver
        self.first, self.last = worker.ask("endpoints", urls=receivers.urls(receiver.port, ENDPOINTS))
        self.rates: list[float] = []
        self.run(1000)

    def run(self, count: int, *, seconds: float = MOST_SECONDS, profile: str = "") -> dict[str, float]:
        self.worker.ask("deliveries", count=count, first=self.first, last=self.last)
        done: dict[str, float] = self.worker.ask("drain", seconds=seconds, profile=profile)
        if done["failed"] or done["lost"]:
            print(f"  {self.name}: {done['failed']} attempts failed, {done['lost']} were lost")
        if done["delivered"] < count:
            self.worker.ask("empty")
        return done

    def round(self) -> float:
        done = self.run(scaled(ROUND))
        self.rates.append(done["rate"])
        print(f"  {self.name}: {done['rate']:,.0f}/s, worker CPU {done['cpu_us']:.0f} µs", flush=True)
        return done["rate"]


class Bare:
    """The reference at one receiver."""

    def __init__(self, name: str, loop: Hand, receiver: Receiver, at_once: int = AT_ONCE) -> None:
        self._loop, self._receiver, self._at_once = loop, receiver, at_once
        self._like = receiver.first_request.decode("latin-1")
        self.name = name
        before = receiver.requests, receiver.bytes
        self._run(1000)
        size = (receiver.bytes - before[1]) / (receiver.requests - before[0])
        assert abs(size - len(self._like)) < 3, f"{size} bytes each instead of {len(self._like)}"

    def _run(self, count: int) -> dict[str, float]:
        urls = receivers.urls(self._receiver.port, ENDPOINTS)
        done: dict[str, float] = self._loop.ask(
            "send", urls=urls, like=self._like, count=count, concurrency=self._at_once
        )
        return done

    def round(self) -> float:
        done = self._run(scaled(ROUND))
        print(f"  {self.name}: {done['rate']:,.0f}/s, CPU {done['cpu_us']:.0f} µs", flush=True)
        return done["rate"]


def main(kind: str = "postgres", *options: str) -> None:
    kinds = ["postgres", "sqlite"] if kind == "postgres" else [kind]
    verdicts = Verdicts()
    with ExitStack() as stack:
        quick = stack.enter_context(receivers.answering())
        slow = stack.enter_context(receivers.answering(0.05))
        print(receivers.capacity())
        envs = {one: scratch.scratch_database(one) for one in kinds}
        workers = {one: stack.enter_context(hand("benchmarks.workers", env)) for one, env in envs.items()}
        for worker in workers.values():
            worker.ask("migrate")
        sides = [Side(scratch.named(envs[one]), workers[one], quick) for one in kinds]
        behind = Side(f"{sides[0].name}, 50 ms", workers[kinds[0]], slow)
        loop = stack.enter_context(hand("benchmarks.bare"))
        if options and options[0] == "--profile":
            profile(sides[0], Bare("bare", loop, quick), envs[kinds[0]], options[1])
            return
        compare(sides, loop, quick, verdicts)
        compare_slow(behind, loop, slow, verdicts)
        worker = stack.enter_context(hand("benchmarks.workers", envs[kinds[0]]))
        long_run(Side(sides[0].name, worker, quick), verdicts)
    verdicts.close()


def compare(sides: list[Side], loop: Hand, receiver: Receiver, verdicts: Verdicts) -> None:
    """Rounds of each in turn; of the ratios of each round the median."""
    bare = Bare(f"bare loop, {AT_ONCE} at once", loop, receiver)
    fewer = Bare(f"bare loop, {ENDPOINTS} at once", loop, receiver, ENDPOINTS)
    ratios, ratios_to_fewer, between = [], [], []
    before = receiver.requests, receiver.bytes, receiver.cpu_seconds
    for number in range(ROUNDS):
        print(f"round {number + 1}, receiver answers at once")
        reference, other = bare.round(), fewer.round()
        rates = [side.round() for side in sides]
        ratios.append(rates[0] / reference)
        ratios_to_fewer.append(rates[0] / other)
        between.append(rates[-1] / rates[0])
    requests, size, cpu = receiver.requests - before[0], receiver.bytes - before[1], receiver.cpu_seconds
    print(f"{size / requests:.1f} bytes a request; receiver CPU {(cpu - before[2]) / requests * 1e6:.0f} µs")
    print(f"against the bare loop with {ENDPOINTS} at once: {median(ratios_to_fewer):.3g}")
    name = sides[0].name.lower()
    verdicts.at_least(f"cycle_against_bare_loop_{name}", median(ratios), 0.6)
    if len(sides) > 1:
        verdicts.at_least("cycle_on_sqlite_against_postgresql", median(between), 0.7)


def compare_slow(side: Side, loop: Hand, receiver: Receiver, verdicts: Verdicts) -> None:
    bare = Bare(f"bare loop, {AT_ONCE} at once, 50 ms", loop, receiver)
    ratios = []
    for number in range(ROUNDS):
        print(f"round {number + 1}, receiver takes 50 ms")
        reference = bare.round()
        ratios.append(side.round() / reference)
    name = side.name.partition(",")[0].lower()
    verdicts.at_least(f"cycle_against_bare_loop_50ms_{name}", median(ratios), 0.6)


def long_run(side: Side, verdicts: Verdicts) -> None:
    """Many in one go, in a process that has done nothing else."""
    connections = side.receiver.connections
    done = side.run(scaled(LONG), seconds=MOST_SECONDS_IN_ALL)
    (memory, threads, files), (memory_then, threads_then, files_then) = done["held_early"], done["held"]  # type: ignore[misc]
    print(
        f"{done['delivered']:,} in one go, {done['rate']:,.0f}/s. After the first 10,000 and at the end: "
        f"memory {memory:.1f} and {memory_then:.1f} MB, threads {threads} and {threads_then}, "
        f"open files {files} and {files_then}; {side.receiver.connections - connections} connections opened"
    )
    verdicts.at_most("statements_per_delivery", done["statements"] / done["delivered"], 0.05)
    verdicts.at_most(f"worker_memory_over_{done['delivered']}", memory_then / memory, 1.1)


def profile(side: Side, bare: Bare, env: Mapping[str, str], path: str) -> None:
    bare.round()
    side.round()
    if side.name == "PostgreSQL":
        before = scratch.cpu_of_server(env)
        done = side.run(scaled(ROUND))
        used = (scratch.cpu_of_server(env) - before) / done["delivered"] * 1e6
        print(f"  PostgreSQL CPU {used:.0f} µs a delivery, filling included")
    side.run(scaled(ROUND), profile=path)


if __name__ == "__main__":
    main(*sys.argv[1:])
