"""`deliver` at the command line: carries what is due, says what became of it, and exits."""

import io
import json
import signal
import time

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from delivery.models import Attempt, Delivery
from tests.exports.partners import Store, a_profile, a_sale, a_store, everything_stored, sweep_all
from tests.processes import Processes
from tests.receiver import Answer, Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("deliver", *arguments, stdout=out)
    except SystemExit as ending:
        return int(str(ending.code)), out.getvalue()
    return 0, out.getvalue()


def due(store: Store, count: int) -> None:
    for _ in range(count):
        a_sale(store)
    sweep_all()


def test_all_accepted(receiver: Receiver) -> None:
    a_profile(store := a_store(), receiver.url())
    due(store, 3)
    assert run() == (0, "3 delivered, 0 failed, 0 lost, 0 due\n")
    assert run("--json") == (0, '{"delivered": 0, "failed": 0, "lost": 0, "due": 0}\n')
    assert len(receiver.requests) == 3


def test_some_not_accepted(receiver: Receiver) -> None:
    receiver.answers("/bad", 500)
    store = a_store()
    for path in ("/good", "/bad"):
        a_profile(store, receiver.url(path))
    due(store, 2)
    status, out = run("--json")
    assert (status, json.loads(out)) == (1, {"delivered": 2, "failed": 2, "lost": 0, "due": 0})
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["delivered"] * 2 + ["waiting"] * 2


def test_a_dry_run_only_counts(receiver: Receiver) -> None:
    a_profile(store := a_store(), receiver.url())
    due(store, 2)
    before = everything_stored()
    assert run("--dry-run") == (0, "2 due\n")
    assert run("--dry-run", "--json") == (0, '{"due": 2}\n')
    assert everything_stored() == before and receiver.requests == []


def test_what_is_not_due_yet_stays(receiver: Receiver) -> None:
    receiver.answers("*", 500, 200)
    a_profile(store := a_store(), receiver.url())
    due(store, 1)
    assert run()[0] == 1
    assert run() == (0, "0 delivered, 0 failed, 0 lost, 0 due\n")
    Delivery.objects.update(due_at=timezone.now())
    assert run() == (0, "1 delivered, 0 failed, 0 lost, 0 due\n")
    assert list(Attempt.objects.values_list("number", "status")) == [(1, 500), (2, 200)]


def test_after_so_many_seconds_it_takes_nothing_new(receiver: Receiver) -> None:
    a_profile(store := a_store(), receiver.url())
    due(store, 2)
    status, out = run("--seconds", "0")
    assert (status, out) == (0, "0 delivered, 0 failed, 0 lost, 2 due\n")


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon"])
def test_seconds_that_are_none(seconds: str) -> None:
    with pytest.raises(CommandError, match="--seconds"):
        run(f"--seconds={seconds}")


def test_asked_to_stop_it_finishes_what_is_out(receiver: Receiver, processes: Processes) -> None:
    """Ctrl-C in the middle: what the receiver got is on record, the rest is still due."""
    receiver.answers("*", Answer(delay=0.3))
    a_profile(store := a_store(), receiver.url())
    due(store, 60)
    process = processes.start("deliver", "--json", POSTRIDER_SEND_THREADS="4")
    receiver.wait_for(4)
    process.interrupt()
    started = time.monotonic()
    process.wait(20)
    assert time.monotonic() - started < 10
    said = json.loads(process.output)
    assert 4 <= said["delivered"] == len(receiver.requests) < 60
    assert said["due"] == 60 - said["delivered"]
    assert Attempt.objects.count() == said["delivered"]


def test_it_leaves_the_signals_as_they_were(receiver: Receiver) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
