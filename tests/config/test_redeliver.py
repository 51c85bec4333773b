"""`redeliver` at the command line: what it refuses, what it says, and that it asks for each exactly once."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from delivery.models import Attempt, Delivery, Replay
from exports.models import ExportProfile
from tests.delivery import aged
from tests.exports.partners import everything_stored
from tests.journeys import crashes, shop
from tests.processes import Process, Processes, wait_until
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("redeliver", *arguments, stdout=out)
    except SystemExit as ending:
        return int(str(ending.code)), out.getvalue()
    return 0, out.getvalue()


def asked_for() -> set[str]:
    return set(Delivery.objects.filter(asked_by__startswith="command:").values_list("pk", flat=True))


def test_it_asks_for_what_was_said() -> None:
    endpoint, other = aged.an_endpoint(), aged.an_endpoint("Other")
    wanted = aged.deliveries(endpoint, 3, days=1, state="failed", last_error="timeout")
    aged.deliveries(endpoint, 1, days=1, state="failed", last_error="dns")
    aged.deliveries(other, 1, days=1, state="failed", last_error="timeout")
    aged.deliveries(endpoint, 1, days=1)
    status, out = run("--endpoint", str(endpoint.pk), "--error", "timeout", "--pace", "1000", "--yes")
    assert (status, asked_for()) == (0, set(wanted))
    assert "3 asked for again." in out
    status, out = run("--endpoint", str(other.pk), "--yes", "--json", "--pace", "1000")
    said = json.loads(out)
    assert (said["total"], said["asked"], said["passed_over"], said["is_finished"]) == (1, 1, 0, True)


def test_by_profile() -> None:
    profile = shop.a_profile(shop.a_shop(), "Partner", "http://127.0.0.1:9/x", "partial")
    wanted = aged.deliveries(profile.endpoint, 2, days=1, state="failed")
    aged.deliveries(aged.an_endpoint(), 2, days=1, state="failed")
    run("--profile", str(profile.pk), "--yes", "--pace", "1000")
    assert asked_for() == set(wanted)


def test_what_was_delivered_only_if_it_is_said() -> None:
    endpoint = aged.an_endpoint()
    delivered = aged.deliveries(endpoint, 2, days=1)
    assert run("--all", "--yes")[1] == "No delivery matches.\n"
    run("--state", "delivered", "--yes", "--pace", "1000")
    assert asked_for() == set(delivered)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_times() -> None:
    endpoint = aged.an_endpoint()
    aged.deliveries(endpoint, 1, days=9, state="failed")
    wanted = aged.deliveries(endpoint, 1, days=5, state="failed")
    aged.deliveries(endpoint, 1, days=1, state="failed")
    since, until = (timezone.now() - timedelta(days=days) for days in (7, 3))
    run("--since", f"{since:%Y-%m-%d}", "--until", until.isoformat(), "--yes", "--pace", "1000")
    assert asked_for() == set(wanted)


def test_a_dry_run_only_counts() -> None:
    endpoint = aged.an_endpoint()
    aged.deliveries(endpoint, 3, days=9, state="failed")
    aged.deliveries(endpoint, 1, days=1, state="waiting")
    before = everything_stored()
    status, out = run("--all", "--dry-run")
    assert status == 0 and "4 deliveries (1 waiting, 3 failed), made between" in out and "Dry run" in out
    said = json.loads(run("--all", "--dry-run", "--json")[1])
    assert (said["total"], said["by_state"]) == (4, {"waiting": 1, "failed": 3})
    assert said["oldest"] < said["newest"] and not said["is_bounded"]
    assert everything_stored() == before


def test_not_all_could_be_asked_for() -> None:
    aged.deliveries(aged.an_endpoint(is_held=True), 2, days=1, state="failed")
    status, out = run("--all", "--yes")
    assert status == 1 and "2 passed over" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--all"),
        (["--tests"], "--all"),
        (["--profile", "99"], "no export profile 99"),
        (["--endpoint", "99"], "no endpoint 99"),
        (["--endpoint", "99999999999999999999999"], "no endpoint"),
        (["--profile", "1", "--endpoint", "1"], "one endpoint"),
        (["--since", "yesterday"], "“yesterday” is no time"),
        (["--since", "\x1b[2J"], "\\x1b[2J"),
        (["--until", "9999-12-31"], "is no time"),
        (["--since", "0001-01-01"], "is no time"),
        (["--since", "2026-05-04", "--until", "2026-05-04"], "before"),
        (["--state", "pending"], "--state"),
        (["--state", "nonsense"], "--state"),
        (["--error", "nonsense"], "--error"),
        (["--all", "--pace", "0"], "--pace"),
        (["--all", "--pace=-1"], "--pace"),
        (["--all", "--pace", "nan"], "--pace"),
        (["--all", "--pace", "inf"], "--pace"),
        (["--resume", "99"], "no replay 99"),
        (["--resume", "1", "--all"], "leave the others out"),
        (["--all"], "Say --yes"),
    ],
)
def test_what_is_refused(arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    aged.deliveries(aged.an_endpoint(), 2, days=1, state="failed")
    with pytest.raises(CommandError) as refusal:
        run(*arguments)
    assert words in str(refusal.value)
    assert asked_for() == set() and not Replay.objects.exists()


def test_refusals_have_their_exit_status(processes: Processes) -> None:
    for arguments in ([], ["--state", "nonsense"], ["--all", "--pace", "0"]):
        done = processes.run("redeliver", *arguments)
        assert done.returncode == 2 and done.stderr and not done.stdout


def test_one_that_is_finished_is_not_resumed() -> None:
    aged.deliveries(aged.an_endpoint(), 1, days=1, state="failed")
    run("--all", "--yes", "--pace", "1000")
    with pytest.raises(CommandError, match="is finished: 1 were asked for"):
        run("--resume", str(Replay.objects.get().pk))


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_stops_it_and_resume_goes_on(processes: Processes) -> None:
    ids = aged.deliveries(aged.an_endpoint(), 50, days=1, state="failed")
    process = processes.start("redeliver", "--all", "--yes", "--pace", "5")
    wait_until(lambda: asked_for() or process.popen.poll() is not None)
    process.interrupt()
    assert process.wait() == 1
    replay = Replay.objects.get()
    assert f"Stopped. Go on with: redeliver --resume {replay.pk}" in process.output
    assert 0 < len(asked_for()) == replay.asked < 50
    done = processes.run("redeliver", "--resume", str(replay.pk), "--pace", "1000")
    assert (done.returncode, asked_for()) == (0, set(ids)), done.stderr


@pytest.mark.django_db(transaction=True)
def test_killed_anywhere_each_is_sent_once_more(processes: Processes, receiver: Receiver) -> None:
    """SIGKILL, and again in the resumed run; workers send meanwhile. Each goes out exactly once more."""
    profile = shop.many_deliveries(shop.a_shop(), receiver.url("/"), 120)
    assert processes.run("deliver").returncode == 0
    first = crashes.ids(receiver.requests)
    assert len(first) == len(set(first)) == 120

    run_until_it_has_begun(
        processes, "--profile", str(profile.pk), "--state", "delivered", "--yes", "--pace", "30"
    )
    replay = Replay.objects.get()
    assert processes.run("deliver").returncode == 0
    run_until_it_has_begun(processes, "--resume", str(replay.pk), "--pace", "40")
    assert processes.run("redeliver", "--resume", str(replay.pk), "--pace", "1000").returncode == 0
    assert processes.run("deliver").returncode == 0

    replay.refresh_from_db()
    assert (replay.asked, replay.passed_over, replay.finished_at is not None) == (120, 0, True)
    assert sorted(crashes.ids(receiver.requests)) == sorted(first * 2)
    assert set(Delivery.objects.values_list("state", "attempts_made")) == {("delivered", 2)}
    assert set(Attempt.objects.filter(number=2).values_list("asked_by", flat=True)) == {replay.by}


def run_until_it_has_begun(processes: Processes, *arguments: str) -> None:
    before = sum(Replay.objects.values_list("asked", flat=True))
    process = processes.start("redeliver", *arguments)
    wait_until(lambda: has_begun(process, before), what="the first to be asked for")
    assert process.popen.poll() is None, process.output
    crashes.kill(process)


def has_begun(process: Process, before: int) -> bool:
    return sum(Replay.objects.values_list("asked", flat=True)) > before or process.popen.poll() is not None


def test_a_profile_is_found_by_its_endpoint() -> None:
    """One endpoint per target: what the filter rests on."""
    assert ExportProfile._meta.get_field("endpoint").unique


def test_an_answer_at_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    wanted = aged.deliveries(aged.an_endpoint(), 2, days=1, state="failed")
    asked: list[Any] = []
    answers = iter(["", "n", "y"])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or next(answers))
    for _ in range(2):
        with pytest.raises(CommandError, match="Nothing was asked for"):
            run("--all")
    assert run("--all", "--pace", "1000")[0] == 0 and asked_for() == set(wanted)
    assert all("2 deliveries (2 failed)" in question for question in asked)
