"""Counts: what is added is there, exactly, whoever adds at the same time and whatever is folded meanwhile."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from delivery import counts
from delivery.counts import Counted
from delivery.models import Count
from delivery.transports import ERRORS

NOON = datetime(2026, 5, 4, 12, 34, 56, 789, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.django_db
def test_what_is_counted_adds_up() -> None:
    counts.add([Counted("export", "queued", 3), Counted("export", "queued", 4)], now=NOON)
    counts.add([Counted("export", "queued"), Counted("hook", "queued", 2, 1.5)], now=NOON + HOUR)
    assert counts.totals() == {("export", "queued"): (8, 0), ("hook", "queued"): (2, 1.5)}
    assert counts.by_hour(since=NOON - HOUR) == {
        NOON.replace(minute=0, second=0, microsecond=0): {("export", "queued"): (7, 0)},
        NOON.replace(hour=13, minute=0, second=0, microsecond=0): {
            ("export", "queued"): (1, 0),
            ("hook", "queued"): (2, 1.5),
        },
    }


@pytest.mark.django_db
def test_a_batch_is_one_statement_and_one_row_for_each_thing_and_hour() -> None:
    many = [counts.attempt("export", "timeout" if number % 2 else "", 0.25) for number in range(1000)]
    for _ in range(2):
        with CaptureQueriesContext(connection) as statements:
            counts.add(many, now=NOON)
        assert len(statements) == 1
    with CaptureQueriesContext(connection) as statements:
        counts.add([], now=NOON)
        counts.add([Counted("export", "queued", 0)], now=NOON)
    assert len(statements) == 0
    assert Count.objects.count() == 2
    assert counts.totals() == {
        ("export", "attempt.ok"): (1000, 250),
        ("export", "attempt.timeout"): (1000, 250),
    }
    with CaptureQueriesContext(connection) as statements:
        counts.totals()
    assert len(statements) == 1


@pytest.mark.django_db
def test_what_is_rolled_back_was_not() -> None:
    with transaction.atomic():
        counts.add([Counted("export", "queued", 5)], now=NOON)
        transaction.set_rollback(True)
    assert counts.totals() == {}


@pytest.mark.django_db
def test_every_word_fits_its_column() -> None:
    length = Count._meta.get_field("what").max_length or 0
    words = [counts.attempt("export", error, 1) for error in ["", *ERRORS]]
    words += [counts.lag("export", limit) for limit in counts.LAG_LIMITS if limit < float("inf")]
    words += [Counted("export", what) for what in (counts.QUEUED, *counts.FINISHED, counts.SWEEP_QUEUED)]
    assert all(len(one.what) <= length for one in words)
    counts.add(words, now=NOON)
    assert len(counts.totals()) == len(words)


@pytest.mark.parametrize(
    ("seconds", "what"),
    [
        (-3, "lag.0.1"),
        (0, "lag.0.1"),
        (0.1, "lag.0.1"),
        (0.11, "lag.1"),
        (900, "lag.900"),
        (900.1, "lag.1800"),
        (3601, "lag.inf"),
        (1e9, "lag.inf"),
    ],
)
def test_a_lag_falls_under_the_first_limit_that_it_does_not_exceed(seconds: float, what: str) -> None:
    assert counts.lag("export", seconds) == Counted("export", what, 1, max(seconds, 0))


def test_what_waits_is_what_was_queued_and_is_not_finished() -> None:
    sums = {
        ("export", "queued"): (10, 0.0),
        ("export", "delivered"): (4, 0.0),
        ("export", "failed"): (1, 0.0),
        ("export", "cancelled"): (2, 0.0),
        ("export", "attempt.ok"): (4, 9.0),
        ("hook", "queued"): (1, 0.0),
    }
    assert counts.waiting(sums) == {"export": 3, "hook": 1}


# --- folding -----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_folding_keeps_the_totals_in_one_row_for_each_thing() -> None:
    for hour in range(60):
        counts.add([Counted("export", "queued", 2, 0.5), Counted("hook", "queued")], now=NOON + hour * HOUR)
    before = counts.totals()
    edge = (NOON + 50 * HOUR).replace(minute=0, second=0, microsecond=0)
    assert counts.fold(edge) == 100
    assert counts.totals() == before
    assert Count.objects.count() == 2 + 20
    assert sorted(counts.by_hour(since=NOON)) == [edge + hour * HOUR for hour in range(10)]
    assert counts.fold(edge) == 0
    assert counts.fold(NOON + 1000 * HOUR) == 20
    assert counts.totals() == before
    assert Count.objects.count() == 2
    assert counts.by_hour(since=datetime(1969, 1, 1, tzinfo=UTC)) == {}


class TestWhateverHappens(TestCase):
    """Any adding and folding, in any order, against a counter in memory."""

    steps = st.lists(
        st.one_of(
            st.tuples(
                st.integers(0, 80),  # hours from noon
                st.lists(
                    st.tuples(
                        st.sampled_from(["export", "hook"]),
                        st.sampled_from([counts.QUEUED, "lag.0.1", counts.SWEEP]),
                        st.integers(0, 10**9),
                        st.integers(0, 1000),
                    ),
                    max_size=6,
                ),
            ),
            st.integers(-5, 90),
        ),
        max_size=12,
    )

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(steps=steps)
    def test_totals_are_those_of_a_counter(self, steps: list[object]) -> None:
        numbers: Counter[tuple[str, str]] = Counter()
        seconds: Counter[tuple[str, str]] = Counter()
        for step in steps:
            if isinstance(step, int):
                counts.fold(NOON + step * HOUR)
                continue
            assert isinstance(step, tuple)
            hour, found = step
            counts.add([Counted(*one) for one in found], now=NOON + hour * HOUR)
            for channel, what, number, took in found:
                if number:
                    numbers[channel, what] += number
                    seconds[channel, what] += took
        assert counts.totals() == {key: (number, seconds[key]) for key, number in numbers.items()}


# --- several at once ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_who_count_the_same_at_once_lose_nothing_and_wait_in_no_circle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each in another order, all in one row: the worst that can happen to processes whose shards coincide."""
    monkeypatch.setattr(counts, "SHARDS", 1)
    whats = [f"attempt.{word}" for word in ERRORS]
    errors: list[Exception] = []

    def count(number: int) -> None:
        try:
            for turn in range(15):
                mine = whats[number:] + whats[:number]
                found = [Counted("export", what) for what in (mine if turn % 2 else mine[::-1])]
                with transaction.atomic():
                    counts.add(found, now=NOON)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=count, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):  # somebody folds all the time
        counts.fold(NOON + HOUR)
    for thread in threads:
        thread.join()
    assert not errors
    assert counts.totals() == {("export", what): (6 * 15, 0) for what in whats}
