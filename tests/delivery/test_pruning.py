"""`prune`: what is old goes in small steps and leaves a proof; what is not finished stays."""

import hashlib
import io
import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from delivery import pruning
from delivery.models import Attempt, Count, Delivery, Proof
from delivery.pruning import rows
from tests.delivery import aged
from tests.exports.partners import everything_stored
from tests.journeys import crashes
from tests.processes import Process, Processes, wait_until

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("prune", *arguments, stdout=out)
    except SystemExit as ending:
        return int(str(ending.code)), out.getvalue()
    return 0, out.getvalue()


def kept() -> set[str]:
    return set(Delivery.objects.values_list("pk", flat=True))


def proven() -> set[str]:
    return set(Proof.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("has_months", [True, False])
def test_what_goes_and_what_stays(has_months: bool) -> None:
    endpoint = aged.an_endpoint()
    if has_months:
        aged.with_months(200, 95, 89)
    old = aged.deliveries(endpoint, 3, days=200)
    old += aged.deliveries(endpoint, 2, days=200, state="failed", last_error="status")
    old += aged.deliveries(endpoint, 1, days=200, state="cancelled")
    tests = aged.deliveries(endpoint, 2, days=200, is_test=True)
    young = aged.deliveries(endpoint, 2, days=89)
    unfinished = aged.deliveries(endpoint, 2, days=1000, state="waiting")
    unfinished += aged.deliveries(endpoint, 2, days=1000, state="pending", due_at=None)
    asked = aged.deliveries(endpoint, 1, days=200, due_at=timezone.now(), kept_on=None)

    report = pruning.prune(days=90)

    assert kept() == {*young, *unfinished, *asked}
    assert proven() == set(old)
    assert (report.deliveries, report.proofs_written) == (len(old) + len(tests), len(old))
    assert report.is_done and not report.postponed
    again = pruning.prune(days=90)
    assert (again.deliveries, again.proofs_written, again.months) == (0, 0, [])


def test_what_was_finished_before_there_were_days_goes_too() -> None:
    endpoint = aged.an_endpoint()
    old = aged.deliveries(endpoint, 2, days=200, kept_on=None)
    old += aged.deliveries(endpoint, 1, days=200, kept_on=None, finished_at=None, state="cancelled")
    young = aged.deliveries(endpoint, 2, days=10, kept_on=None)
    pruning.prune(days=90)
    assert (kept(), proven()) == (set(young), set(old))


def test_it_counts_from_when_it_was_finished() -> None:
    endpoint = aged.an_endpoint()
    late = timezone.now() - timedelta(days=5)
    ids = aged.deliveries(endpoint, 1, days=200, finished_at=late, kept_on=late.date())
    pruning.prune(days=90)
    assert kept() == set(ids)


def test_one_that_was_sent_again_lately_stays() -> None:
    """It was delivered long ago; what people look at is the attempt of last week."""
    ids = aged.deliveries(aged.an_endpoint(), 1, days=200, kept_on=timezone.now().date() - timedelta(days=7))
    pruning.prune(days=90)
    assert kept() == set(ids)


def test_a_proof_says_what_it_was() -> None:
    endpoint = aged.an_endpoint("Call centre")
    event = aged.an_event()
    columns: dict[str, Any] = {"event": event, "target_id": 7, "reason": "new_sale", "attempts_made": 3}
    [pk] = aged.deliveries(endpoint, 1, days=200, **columns)
    finished_at = Delivery.objects.get().finished_at
    pruning.prune(days=90)
    proof = Proof.objects.get()
    assert (proof.pk, proof.event, proof.channel, proof.target_id) == (pk, event, "export", 7)
    assert (proof.target_name, proof.reason, proof.state) == ("Call centre", "new_sale", "delivered")
    assert (proof.attempts_made, proof.created_at, proof.finished_at) == (3, finished_at, finished_at)
    assert proof.content_sha256 == hashlib.sha256(aged.CONTENT.encode()).hexdigest()


def test_a_proof_is_renewed_if_it_was_sent_again_meanwhile() -> None:
    """A run had written the proof, and was killed; then somebody asked for another attempt."""
    endpoint = aged.an_endpoint()
    [pk] = aged.deliveries(endpoint, 1, days=200, state="failed")
    rows.write_proofs([pk], "delivery_delivery")
    assert Proof.objects.get().state == "failed"
    Delivery.objects.update(state="delivered", attempts_made=2)
    pruning.prune(days=90)
    assert (Proof.objects.get().state, Proof.objects.get().attempts_made) == ("delivered", 2)


def test_attempts_go_by_their_own_age() -> None:
    endpoint = aged.an_endpoint()
    waiting = aged.deliveries(endpoint, 2, days=200, state="waiting")
    aged.attempts(waiting, days=150)
    stay = aged.attempts(waiting, days=3)
    report = pruning.prune(days=90)
    assert report.attempts == 2
    assert list(Attempt.objects.order_by("pk").values_list("pk", flat=True)) == stay
    assert kept() == set(waiting)


def test_proofs_go_when_their_time_is_over(settings: Any) -> None:
    endpoint = aged.an_endpoint()
    older, younger = aged.deliveries(endpoint, 1, days=500), aged.deliveries(endpoint, 1, days=300)
    assert pruning.prune(days=90).proofs_written == 2 and proven() == set(younger)
    settings.POSTRIDER_KEEP_PROOF_DAYS = 200
    assert pruning.prune(days=90).proofs_deleted == 1 and proven() == set()
    assert older


def test_old_hours_are_folded() -> None:
    for days in (100, 50, 1):
        hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=days)
        Count.objects.create(hour=hour, channel="export", what="queued", number=days)
    pruning.prune()
    assert sorted(Count.objects.values_list("number", flat=True)) == [1, 150]


def test_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BATCH", 7)
    endpoint = aged.an_endpoint()
    between = aged.deliveries(endpoint, 20, days=210, state="waiting")
    old = aged.deliveries(endpoint, 30, days=200) + aged.deliveries(endpoint, 30, days=190, kept_on=None)
    aged.attempts(old, days=190)
    young = aged.deliveries(endpoint, 20, days=5)
    steps: list[int] = []
    pruning.prune(days=90, progress=lambda report: steps.append(report.deliveries))
    assert kept() == {*between, *young} and proven() == set(old) and not Attempt.objects.exists()
    assert all(after - before <= 7 for before, after in zip([0, *steps], steps, strict=False))


def test_no_statement_takes_everything(django_assert_max_num_queries: Any) -> None:
    """Statements grow with the batches, not with the rows."""
    endpoint = aged.an_endpoint()
    aged.deliveries(endpoint, 900, days=200)
    with django_assert_max_num_queries(40):
        pruning.prune(days=90)


def test_when_the_time_is_up_the_next_run_goes_on() -> None:
    endpoint = aged.an_endpoint()
    old = aged.deliveries(endpoint, rows.BATCH + 5, days=200)
    report = pruning.prune(days=90, seconds=0)
    assert not report.is_done and report.deliveries == rows.BATCH
    assert pruning.prune(days=90, seconds=60).is_done
    assert kept() == set() and proven() == set(old)


def test_the_daily_task() -> None:
    aged.deliveries(aged.an_endpoint(), 2, days=200)
    assert pruning.task() == "2 deliveries and 0 attempts pruned"


def test_it_is_scheduled() -> None:
    from importlib import import_module

    from django.apps import apps
    from django_q.models import Schedule

    Schedule.objects.all().delete()
    for _ in range(2):
        import_module("config.migrations.0002_prune").schedule_prune(apps, None)
    schedule = Schedule.objects.get()
    assert (schedule.func, schedule.cron) == ("delivery.pruning.task", "17 3 * * *")


def test_the_command() -> None:
    endpoint = aged.an_endpoint()
    old = aged.deliveries(endpoint, 2, days=50)
    assert run() == (
        0,
        "Older than 90 days: 0 deliveries, 0 attempts; 0 proofs written, 0 deleted.\n",
    )
    status, out = run("--days", "40", "--json")
    said = json.loads(out)
    assert (status, said["deliveries"], said["proofs_written"], said["days"]) == (0, 2, 2, 40)
    assert proven() == set(old)


def test_a_dry_run_changes_nothing() -> None:
    endpoint = aged.an_endpoint()
    old = aged.deliveries(endpoint, 3, days=200) + aged.deliveries(endpoint, 1, days=200, kept_on=None)
    aged.attempts(old, days=200)
    before = everything_stored()
    status, out = run("--dry-run")
    assert status == 0 and "4 deliveries, 4 attempts" in out and "Dry run" in out
    said = json.loads(run("--dry-run", "--json")[1])
    assert (said["deliveries"], said["attempts"], said["dry_run"]) == (4, 4, True)
    assert everything_stored() == before


@pytest.mark.parametrize("days", ["0", "-1", "401", "9" * 30, "soon", ""])
def test_days_that_are_none(days: str) -> None:
    with pytest.raises(CommandError) as refusal:
        run(f"--days={days}")
    assert refusal.value.returncode in (1, 2) and "--days" in str(refusal.value)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_months", [pytest.param(True, marks=pytest.mark.postgres), False])
def test_killed_it_has_lost_nothing(processes: Processes, has_months: bool) -> None:
    """SIGKILL while it works: what is gone has its proof, and the next run does the rest."""
    endpoint = aged.an_endpoint()
    if has_months:
        aged.with_months(200)
    old = aged.deliveries(endpoint, 12_000, days=200)
    waiting = aged.deliveries(endpoint, 5, days=200, state="waiting")
    for _ in range(2):
        process = processes.start("prune")
        wait_until(partial(has_begun, process, Proof.objects.count()))
        crashes.kill(process)
        assert kept() | proven() == {*old, *waiting}
        if not has_months:
            assert not kept() & proven()
    done = processes.run("prune", "--json")
    assert done.returncode == 0, done.stderr
    assert kept() == set(waiting) and proven() == set(old)


def has_begun(process: Process, before: int) -> bool:
    """Or is at its end already."""
    return Proof.objects.count() > before or process.popen.poll() is not None


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_at_once(processes: Processes) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [pruning._KEY])
        done = processes.run("prune")
        cursor.execute("SELECT pg_advisory_unlock(%s)", [pruning._KEY])
    assert done.returncode == 1 and "Another process prunes" in done.stderr
    assert processes.run("prune").returncode == 0
