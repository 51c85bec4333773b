"""Months on PostgreSQL: made ahead, moved into by finishing, taken out without anybody having to wait."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from delivery import partitions, pruning, queue, sets, settling
from delivery.models import Attempt, Delivery, Proof
from delivery.partitions import ATTEMPTS, DELIVERIES
from tests.delivery import aged
from tests.processes import Processes, database_url

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]
TODAY = timezone.now().astimezone(UTC).date()


@contextmanager
def somebody_reads(table: str) -> Iterator[None]:
    """Another connection with an open transaction that has read the table, as a dump would."""
    with closing(psycopg.connect(database_url())) as other:
        other.execute(f"SELECT 1 FROM {table} LIMIT 1")
        yield
        other.rollback()


@pytest.fixture
def no_new_months(transactional_db: None) -> Iterator[None]:
    """What a test that commits makes, it takes away: emptying tables does not drop them."""
    before = aged.months()
    yield
    for name in sorted(aged.months() - before):
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {name}")


def test_three_months_are_there_from_the_start() -> None:
    month = TODAY.replace(day=1)
    for _ in range(1 + partitions.AHEAD):
        assert {DELIVERIES.month(month), ATTEMPTS.month(month)} <= aged.months()
        month = (month + timedelta(days=31)).replace(day=1)
    assert partitions.make_ahead(TODAY) == 0


@pytest.mark.parametrize(
    ("today", "last"),
    [(date(2031, 12, 31), "2032_02"), (date(2032, 1, 31), "2032_03"), (date(2031, 11, 30), "2032_01")],
)
def test_months_are_made_ahead(today: date, last: str) -> None:
    assert partitions.make_ahead(today) == 6
    assert partitions.make_ahead(today) == 0
    assert max(aged.months()).endswith(last)


def test_a_clock_that_was_set_back_is_no_error() -> None:
    assert partitions.make_ahead(date(2021, 1, 15)) == 3  # of deliveries; attempts have a first month


def test_with_nothing_to_make_it_is_one_look_a_table(django_assert_num_queries: Callable[..., Any]) -> None:
    with django_assert_num_queries(2):
        partitions.make_ahead(TODAY)


def test_finishing_moves_it_to_its_month_and_asking_again_back() -> None:
    endpoint = aged.an_endpoint()
    [pk] = aged.deliveries(endpoint, 1, days=0, state="waiting")
    assert aged.lies_in(pk) == partitions.HOT
    queue.mend()
    [claimed] = queue.claim(5)
    assert settling.settle([settling.Settlement(claimed, "delivered", None)]) == {pk}
    assert aged.lies_in(pk) == DELIVERIES.month(TODAY.replace(day=1))
    Delivery.objects.filter(pk=pk).update(kept_on=None)
    assert aged.lies_in(pk) == partitions.HOT
    assert Delivery.objects.get(pk=pk).state == "delivered"


def test_it_can_be_saved_copied_and_deleted_as_any_table() -> None:
    endpoint = aged.an_endpoint()
    [pk] = aged.deliveries(endpoint, 1, days=0)
    delivery = Delivery.objects.get(pk=pk)
    delivery.kept_on = None
    delivery.save()
    assert aged.lies_in(pk) == partitions.HOT
    columns = ("delivery_id", "number", "started_at", "duration_ms", "method", "url", "request_headers")
    columns += (
        "error",
        "detail",
        "answer_headers",
        "answer",
        "is_answer_cut",
        "remote_address",
        "phases",
        "asked_by",
    )
    now = timezone.now()
    row = [pk, 1, now, 1, "GET", "https://x.test/", "[]", *[""] * 4, False, *[""] * 3]
    sets.append("delivery_attempt", columns, [row, row])
    ids = list(Attempt.objects.order_by("pk").values_list("pk", flat=True))
    assert aged.attempts([pk], days=70)[0] > ids[1] > ids[0]  # one sequence, whatever the month
    assert delivery.delete() == (4, {"delivery.Attempt": 3, "delivery.Delivery": 1})


def test_what_has_no_month_lies_in_the_rest_until_the_month_is_made() -> None:
    endpoint = aged.an_endpoint()
    far = date(2031, 5, 7)
    ids = aged.deliveries(endpoint, 3, days=0, kept_on=far)
    [other] = aged.deliveries(endpoint, 1, days=0, kept_on=date(2031, 6, 1))
    assert {aged.lies_in(pk) for pk in [*ids, other]} == {DELIVERIES.rest}
    assert partitions.make(DELIVERIES, [date(2031, 5, 1)]) == 1
    assert {aged.lies_in(pk) for pk in ids} == {"delivery_delivery_2031_05"}
    assert aged.lies_in(other) == DELIVERIES.rest


def test_what_would_take_too_long_to_move_ages_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "MOST_MOVED", 2)
    endpoint = aged.an_endpoint()
    old = aged.deliveries(endpoint, 3, days=200)
    assert partitions.make(DELIVERIES, [aged.month_of(200)]) == 0
    assert {aged.lies_in(pk) for pk in old} == {DELIVERIES.rest}
    assert pruning.prune(days=90).deliveries == 3
    assert set(Proof.objects.values_list("pk", flat=True)) == set(old)


def test_what_was_finished_before_moves_to_its_month(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.pruning.rows.BATCH", 2)
    endpoint = aged.an_endpoint()
    ids = aged.deliveries(endpoint, 5, days=60, kept_on=None)
    waiting = aged.deliveries(endpoint, 2, days=60, state="waiting")
    report = pruning.prune(days=90)
    assert report.moved == 5
    assert {aged.lies_in(pk) for pk in ids} == {DELIVERIES.month(aged.month_of(60))}
    assert {aged.lies_in(pk) for pk in waiting} == {partitions.HOT}
    assert {kept_on for (kept_on,) in Delivery.objects.filter(pk__in=ids).values_list("kept_on")} == {
        (timezone.now() - timedelta(days=60)).astimezone(UTC).date()
    }


def test_a_month_goes_whole_once_all_of_it_is_old() -> None:
    endpoint = aged.an_endpoint()
    aged.with_months(200)
    month = DELIVERIES.month(aged.month_of(200))
    old = aged.deliveries(endpoint, 3, days=200)
    first, end = aged.month_of(200), (aged.month_of(200) + timedelta(days=31)).replace(day=1)
    aged.deliveries(endpoint, 1, days=200, kept_on=first)
    on_its_last_day = (
        datetime.combine(end, datetime.min.time(), UTC) + timedelta(days=90) - timedelta(seconds=1)
    )
    assert pruning.prune(days=90, now=on_its_last_day).months == []
    report = pruning.prune(days=90, now=on_its_last_day + timedelta(seconds=1))
    assert report.months == [month] and report.deliveries == report.proofs_written == 4
    assert month not in aged.months() and not Delivery.objects.filter(pk__in=old).exists()


def test_a_month_of_attempts_goes_whole() -> None:
    far = date(2031, 5, 1)
    partitions.make(ATTEMPTS, [far])
    aged.attempts(["x"], days=-(date(2031, 5, 9) - TODAY).days)
    report = pruning.prune(days=90, now=datetime(2031, 12, 1, tzinfo=UTC))
    assert "delivery_attempt_2031_05" in report.months and not Attempt.objects.exists()


def test_a_run_that_was_killed_half_way_through_a_month_is_finished_by_the_next() -> None:
    endpoint = aged.an_endpoint()
    aged.with_months(200)
    month = DELIVERIES.month(aged.month_of(200))
    old = aged.deliveries(endpoint, 4, days=200)
    assert partitions.detach(DELIVERIES, month)
    assert not Delivery.objects.exists() and partitions.going(DELIVERIES) == [f"{month}_going"]
    report = pruning.prune(days=90)
    assert report.months == [month]
    assert set(Proof.objects.values_list("pk", flat=True)) == set(old)
    assert partitions.going(DELIVERIES) == []


def test_nothing_that_a_worker_may_want_goes_with_a_month() -> None:
    """It cannot get there but by somebody's hand; if it does, it is put back."""
    endpoint = aged.an_endpoint()
    aged.with_months(200)
    ids = aged.deliveries(endpoint, 3, days=200)
    changes = {"state": "waiting"}, {"due_at": timezone.now()}
    for pk, change in zip(ids, changes, strict=False):
        Delivery.objects.filter(pk=pk).update(**change)
    assert pruning.prune(days=90).deliveries == 1
    assert set(Delivery.objects.values_list("pk", flat=True)) == set(ids[:2])
    assert {aged.lies_in(pk) for pk in ids[:2]} == {partitions.HOT}


def test_somebody_elses_table_is_left_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE delivery_delivery_2020_01 (LIKE delivery_delivery)")
    pruning.prune(days=90)
    assert "delivery_delivery_2020_01" in aged.months()


def test_who_reads_for_long_keeps_a_month_but_makes_nobody_wait(
    no_new_months: None, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_TRIES", 2)
    endpoint = aged.an_endpoint()
    aged.with_months(200)
    month = DELIVERIES.month(aged.month_of(200))
    old = aged.deliveries(endpoint, 2, days=200)
    with somebody_reads("delivery_delivery"):
        assert partitions.make(DELIVERIES, [date(2031, 5, 1)]) == 0
        report = pruning.prune(days=90)
        assert report.postponed == [month] and report.months == []
        assert set(Delivery.objects.values_list("pk", flat=True)) == set(old)
        done = processes.run("prune")
        assert (done.returncode, f"{month} is in use" in done.stdout) == (1, True)
    assert pruning.prune(days=90).months == [month]


def test_the_migration_goes_back_and_forth_with_what_there_is(no_new_months: None) -> None:
    endpoint = aged.an_endpoint()
    ids = aged.deliveries(endpoint, 2, days=3) + aged.deliveries(endpoint, 2, days=3, state="waiting")
    numbers = aged.attempts(ids, days=3)
    everything = [Delivery.objects.order_by("pk"), Attempt.objects.order_by("pk")]
    before = [list(rows.values()) for rows in everything]
    try:
        call_command("migrate", "delivery", "0002", verbosity=0)
        assert aged.months() == set()
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM delivery_delivery ORDER BY id")
            assert [pk for (pk,) in cursor.fetchall()] == sorted(ids)
            cursor.execute("SELECT id FROM delivery_attempt ORDER BY id")
            assert [pk for (pk,) in cursor.fetchall()] == numbers
    finally:
        call_command("migrate", verbosity=0)
    assert [list(rows.values()) for rows in everything] != before  # finished ones wait for the first pruning
    pruning.prune()
    assert [list(rows.values()) for rows in everything] == before
    assert aged.attempts(ids[:1], days=0)[0] > max(numbers)


def test_the_lists_find_their_indexes_on_every_partition() -> None:
    wanted = [index.name for index in Delivery._meta.indexes]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'delivery_delivery'::regclass")
        [partitions_count] = cursor.fetchone()
        for name in wanted:
            cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass", [name])
            assert cursor.fetchone() == (partitions_count,), name
