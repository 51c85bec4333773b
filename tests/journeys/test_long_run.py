"""A worker that has run for long takes no more than one that has begun; no answer fills its memory."""

import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection

from delivery.models import Attempt, Delivery
from exports import sweep
from exports.models import ExportProfile
from tests import passing
from tests.journeys import crashes, shop
from tests.processes import Process, Processes, wait_until
from tests.receiver import Answer, Hang, Huge, Reaction, Receiver, Request, Reset, redirect

pytestmark = pytest.mark.django_db(transaction=True)
MEGABYTE = 1 << 20
GIGABYTE = 1 << 30


@dataclass(frozen=True)
class Usage:
    """What a process has of the machine and of the database."""

    threads: int
    files: int
    connections: int
    memory: int  # megabytes
    most_memory: int


def usage(process: Process) -> Usage:
    proc = Path("/proc") / str(process.popen.pid)
    lines = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    return Usage(
        threads=int(lines["Threads"]),
        files=len(list((proc / "fd").iterdir())),
        connections=crashes.other_connections(),
        memory=int(lines["VmRSS"].split()[0]) // 1024,
        most_memory=int(lines["VmHWM"].split()[0]) // 1024,
    )


def partners(store: shop.Shop, receiver: Receiver, count: int, seconds: int) -> list[ExportProfile]:
    made = [
        shop.a_profile(store, f"Partner {n}", receiver.url(f"/{n}"), "partial", timeout_seconds=seconds)
        for n in range(count)
    ]
    for profile in made:
        shop.proven(profile)
    return made


def carried(profiles: list[ExportProfile]) -> None:
    """All that is due by now has been tried, and what is waiting has been made due, until nothing waits."""
    sweep.run(profiles)
    wait_until(_has_ended, 120, what="all to be delivered")


def _has_ended() -> bool:
    if not Delivery.objects.exclude(state="delivered").exists():
        return True
    passing.an_hour_passes()
    return False


def test_nothing_leaks(processes: Processes, receiver: Receiver) -> None:
    """3,000 deliveries, a third of whose attempts fail, in one process."""
    rng = random.Random(5)
    badly: list[Reaction] = [Answer(500), Answer(404), Reset(), redirect("/other"), Huge(300_000), Hang()]

    def decide(_: Request) -> Reaction:
        return rng.choice(badly) if rng.random() < 0.3 else Answer()

    receiver.decides(decide)
    store = shop.a_shop()
    profiles = partners(store, receiver, 4, seconds=1)
    worker = processes.start("deliver", "--stay")
    seen = []
    for _ in range(6):
        shop.many_partials(store, 125)
        carried(profiles)
        seen.append(usage(worker))
    worker.popen.terminate()
    assert worker.wait() == 0, worker.output

    print(*seen, f"{Attempt.objects.count()} attempts", sep="\n")
    first, last = seen[0], seen[-1]
    assert Delivery.objects.filter(state="delivered").count() == 3000
    assert Attempt.objects.exclude(error="").count() > 500
    assert last.threads <= first.threads + 2
    assert last.files <= first.files + 64  # connections that are kept alive
    assert last.connections == (1 if connection.vendor == "postgresql" else 0)
    assert last.memory <= first.memory + 32


def test_an_answer_without_end_is_read_to_its_limit(processes: Processes, receiver: Receiver) -> None:
    """Side by side, a gigabyte each, and some of which a few kilobytes unpack to a lot."""
    store = shop.a_shop()
    profiles = partners(store, receiver, 2, seconds=60)
    worker = processes.start("deliver", "--stay")
    shop.many_partials(store, 8)
    sweep.run(profiles[:1])
    wait_until(lambda: Delivery.objects.filter(state="delivered").count() == 8, what="the usual answers")
    before = usage(worker)
    receiver.answers("/0", Huge(GIGABYTE))
    receiver.answers("/1", Huge(GIGABYTE // 8, is_bomb=True))
    shop.many_partials(store, 8)
    sweep.run(profiles)
    wait_until(lambda: Delivery.objects.filter(state="delivered").count() == 32, 120, what="all answers")
    after = usage(worker)

    print(before, after, f"{max(receiver.taken) / 1e6:.1f} MB of a gigabyte", sep="\n")
    assert len(receiver.taken) == 8
    assert max(receiver.taken) < 32 * MEGABYTE  # what the two systems hold on the way
    assert after.most_memory <= before.most_memory + 48
    assert Attempt.objects.filter(is_answer_cut=True).count() == 8 + 16
    assert max(len(text) for text in Attempt.objects.values_list("answer", flat=True)) <= 64 * 1024
