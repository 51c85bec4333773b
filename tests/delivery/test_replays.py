"""Sending many again: each exactly once, at a pace, and on from where it stopped whatever stopped it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from delivery import partitions, replays, waking
from delivery.models import Delivery, Endpoint, Replay
from delivery.replays import Filter
from tests.delivery import aged

pytestmark = pytest.mark.django_db


def never() -> bool:
    return False


def sent_again(which: Filter, **settings: Any) -> set[str]:
    """The deliveries that a replay of the filter asks for."""
    before = asked_for()
    replay = replays.start(which, by="test", per_second=10_000, **settings)
    replays.walk(replay, should_stop=never)
    assert replay.finished_at is not None
    return asked_for() - before


def asked_for() -> set[str]:
    return set(Delivery.objects.filter(asked_by="test").values_list("pk", flat=True))


def test_by_default_what_waits_and_what_failed() -> None:
    endpoint = aged.an_endpoint()
    wanted = aged.deliveries(endpoint, 2, days=1, state="waiting")
    wanted += aged.deliveries(endpoint, 2, days=1, state="failed")
    for state in ("pending", "delivered", "cancelled"):
        aged.deliveries(endpoint, 2, days=1, state=state)
    aged.deliveries(endpoint, 2, days=1, state="failed", is_test=True)
    assert sent_again(Filter()) == set(wanted)


@pytest.mark.parametrize("state", replays.STATES)
def test_by_state(state: str) -> None:
    endpoint = aged.an_endpoint()
    made = {one: aged.deliveries(endpoint, 2, days=1, state=one) for one in replays.STATES}
    assert sent_again(Filter(states=(state,))) == set(made[state])


def test_by_endpoint_error_and_time() -> None:
    endpoint, other = aged.an_endpoint(), aged.an_endpoint("Other")
    old = aged.deliveries(endpoint, 2, days=9, state="failed", last_error="dns")
    new = aged.deliveries(endpoint, 2, days=1, state="waiting", last_error="timeout")
    there = aged.deliveries(other, 2, days=9, state="failed", last_error="timeout")
    middle = (timezone.now() - timedelta(days=5)).isoformat()
    for which, wanted in (
        (Filter(endpoint_id=endpoint.pk), old + new),
        (Filter(error="timeout"), new + there),
        (Filter(since=middle), new),
        (Filter(until=middle), old + there),
        (Filter(until=middle, endpoint_id=other.pk, error="timeout"), there),
        (Filter(until=middle, since=middle), []),
    ):
        assert sent_again(which) == set(wanted), which
        Delivery.objects.update(asked_by="")


def test_tests_only_if_they_are_asked_for() -> None:
    tests = aged.deliveries(aged.an_endpoint(), 2, days=1, state="failed", is_test=True)
    assert sent_again(Filter(with_tests=True)) == set(tests)


def test_it_is_another_attempt_of_the_same() -> None:
    endpoint = aged.an_endpoint()
    [pk] = aged.deliveries(endpoint, 1, days=1)
    before = Delivery.objects.get()
    sent_again(Filter(states=("delivered",)))
    after = Delivery.objects.get()
    assert (after.state, after.content, after.finished_at) == (
        "delivered",
        before.content,
        before.finished_at,
    )
    assert after.due_at is not None and after.due_at <= timezone.now()
    assert (after.asked_by, after.is_late, after.kept_on) == ("test", True, None)
    endpoint.refresh_from_db()
    assert endpoint.ready_at is not None and endpoint.ready_at <= timezone.now()
    if connection.vendor == "postgresql":
        assert aged.lies_in(pk) == partitions.HOT


def test_what_is_out_or_held_is_passed_over() -> None:
    endpoint, held = aged.an_endpoint(), aged.an_endpoint("Held", is_held=True)
    later = timezone.now() + timedelta(minutes=1)
    aged.leased(aged.deliveries(endpoint, 1, days=1, state="waiting"), until=later)
    aged.deliveries(held, 2, days=1, state="failed")
    lost = aged.deliveries(endpoint, 1, days=1, state="waiting")
    aged.leased(lost, until=timezone.now() - timedelta(hours=1))
    replay = replays.start(Filter(), by="test", per_second=1000)
    replays.walk(replay, should_stop=never)
    assert asked_for() == set(lost)
    assert (replay.asked, replay.passed_over, replay.total) == (1, 3, 4)
    held.refresh_from_db()
    assert held.ready_at is None


def test_who_sleeps_is_not_woken() -> None:
    later = timezone.now() + timedelta(hours=1)
    endpoint = aged.an_endpoint(asleep_since=timezone.now(), asleep_until=later, ready_at=later)
    aged.deliveries(endpoint, 1, days=1, state="failed")
    assert len(sent_again(Filter())) == 1
    endpoint.refresh_from_db()
    assert endpoint.ready_at == endpoint.asleep_until == later


def test_what_is_made_later_is_not_meant() -> None:
    endpoint = aged.an_endpoint()
    old = aged.deliveries(endpoint, 1, days=1, state="failed")
    replay = replays.start(Filter(), by="test", per_second=1000)
    aged.deliveries(endpoint, 2, days=-1, state="failed")
    replays.walk(replay, should_stop=never)
    assert asked_for() == set(old)


def test_chosen_ones_whatever_they_are() -> None:
    endpoint = aged.an_endpoint()
    ids = [
        pk
        for state in ("pending", "delivered", "failed")
        for pk in aged.deliveries(endpoint, 2, days=1, state=state)
    ]
    chosen = [*ids[::2], "000000000000000000000000", "ffffffffffffffffffffffff"]
    replay = replays.start(Filter(ids=tuple(chosen)), by="test", per_second=1)
    while replays.step(replay, 1):
        pass
    assert asked_for() == set(ids[::2])
    assert (replay.total, replay.asked, replay.passed_over) == (5, 3, 2)


def test_each_step_goes_on_after_the_last() -> None:
    endpoints = [aged.an_endpoint(f"Partner {number}") for number in range(3)]
    ids = [
        pk
        for one in endpoints
        for state in ("failed", "waiting")
        for pk in aged.deliveries(one, 4, days=1, state=state)
    ]
    replay = replays.start(Filter(), by="test", per_second=1000)
    steps = []
    while replays.step(replay, 5):
        steps.append(replay.asked)
        Delivery.objects.filter(asked_by="test").update(asked_by="done", due_at=None, state="failed")
    assert steps == [5, 10, 15, 20, 24] and replay.total == 24
    assert Delivery.objects.filter(asked_by="done").count() == len(ids)
    assert replays.step(replay, 5) is False and replay.asked == 24


def test_a_step_that_fails_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    aged.deliveries(aged.an_endpoint(), 2, days=1, state="failed")
    replay = replays.start(Filter(), by="test", per_second=1000)

    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(waking, "after_commit", fail)
    with pytest.raises(RuntimeError), transaction.atomic():
        replays.step(replay, 5)
    replay.refresh_from_db()
    assert (replay.asked, replay.cursor) == (0, "") and asked_for() == set()


def test_it_keeps_its_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a clock of our own: never ahead of so many a second."""
    now, stamps = 0.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("delivery.replays.time.monotonic", lambda: now)
    monkeypatch.setattr("delivery.replays.time.sleep", sleep)
    aged.deliveries(aged.an_endpoint(), 35, days=1, state="failed")
    replay = replays.start(Filter(), by="test", per_second=10)
    replays.walk(replay, should_stop=never, progress=lambda done: stamps.append((done, round(now, 3))))
    assert stamps == [(10, 0), (20, 1), (30, 2), (35, 3)]


def test_told_to_stop_it_stops_between_two_steps() -> None:
    aged.deliveries(aged.an_endpoint(), 10, days=1, state="failed")
    replay = replays.start(Filter(), by="test", per_second=3)
    looks = iter([False, True])
    replays.walk(replay, should_stop=lambda: next(looks, True))
    assert replay.finished_at is None and replay.asked == 3 == len(asked_for())
    replays.walk(Replay.objects.get(), should_stop=never)
    assert len(asked_for()) == 10


def test_the_cluster_asks_for_as_much_as_the_pace_allows() -> None:
    aged.deliveries(aged.an_endpoint(), 130, days=1, state="failed")
    replay = replays.start(Filter(), by="test", per_second=1, is_in_background=True)
    replays.start(Filter(), by="somebody at a terminal", per_second=1)
    assert 60 <= int(replays.carry_on().split()[0]) <= 70
    assert replays.carry_on().startswith("0") or len(asked_for()) <= 72
    Replay.objects.filter(pk=replay.pk).update(created_at=timezone.now() - timedelta(minutes=10))
    replays.carry_on()
    replay.refresh_from_db()
    assert len(asked_for()) == 130 == replay.asked and replay.finished_at is not None
    assert replays.carry_on() == "0 asked for again"


def test_a_summary_counts_without_changing() -> None:
    endpoint = aged.an_endpoint()
    aged.deliveries(endpoint, 3, days=9, state="failed")
    aged.deliveries(endpoint, 2, days=1, state="waiting")
    found = replays.summary(Filter())
    assert found.by_state == {"waiting": 2, "failed": 3} and found.total == 5 and not found.is_bounded
    assert found.oldest is not None and found.newest is not None
    assert (found.newest - found.oldest).days in (7, 8)
    assert replays.summary(Filter(states=("cancelled",))) == replays.Summary({}, None, None)


def test_a_summary_counts_no_further_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MOST_COUNTED", 2)
    aged.deliveries(aged.an_endpoint(), 3, days=1, state="failed")
    found = replays.summary(Filter())
    assert found.total == 2 and found.is_bounded


def test_what_a_replay_is_for_is_read_back_as_it_was() -> None:
    since = datetime(2026, 5, 4, tzinfo=UTC).isoformat()
    for which in (
        Filter(),
        Filter(states=("delivered",), endpoint_id=5, since=since, until=since, error="dns", with_tests=True),
        Filter(ids=("a", "b")),
        Filter(ids=()),
    ):
        assert replays.filter_of(Replay.objects.get(pk=replays.start(which, by="x").pk)) == which


def test_an_empty_choice_is_nothing() -> None:
    aged.deliveries(aged.an_endpoint(), 2, days=1, state="failed")
    assert sent_again(Filter(ids=())) == set()


def test_a_delivery_that_was_pruned_cannot_be_sent_again() -> None:
    aged.deliveries(aged.an_endpoint(), 2, days=200, state="failed")
    replay = replays.start(Filter(), by="test", per_second=1000)
    call_command("prune", "--json")
    replays.walk(replay, should_stop=never)
    assert replay.asked == 0 and not Endpoint.objects.exclude(ready_at=None).exists()
