"""A transaction that commits late, when runs have passed its time, has its events taken all the same."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from delivery.models import Event
from exports import sweep
from exports.models import ExportProfile
from orders.models import Campaign
from tests.journeys import shop
from tests.journeys.shop import Shop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
URL = "http://127.0.0.1:9/hook"
SALE = "order.sale"


@pytest.fixture
def store() -> Shop:
    return shop.a_shop()


@pytest.fixture
def profile(store: Shop) -> ExportProfile:
    """One that has run before, and has a position in the log."""
    profile = shop.a_profile(store, "Sales", URL, "new_sale")
    shop.a_sale(store)
    assert queued_by(profile) == 1
    return profile


def test_events_of_an_open_transaction_are_taken_by_the_next_run(store: Shop, profile: ExportProfile) -> None:
    with open_transaction(lambda: shop.a_sale(store)) as commit:
        shop.a_sale(store)
        shop.a_sale(store)
        queued_by(profile)  # may take nothing, or what is later; what counts is below
        commit()
    queued_by(profile)
    assert shop.taken_by(profile) == shop.events_of(SALE)
    assert len(shop.events_of(SALE)) == 4
    assert queued_by(profile) == 0


def test_run_takes_what_is_before_the_open_transaction(store: Shop, profile: ExportProfile) -> None:
    before = shop.a_sale(store)
    with open_transaction(lambda: shop.a_sale(store)):
        assert queued_by(profile) == 1
        assert shop.taken_by(profile)[-1] == Event.objects.get(type=SALE, order=before).pk


def test_transaction_that_began_early_and_writes_late(store: Shop, profile: ExportProfile) -> None:
    """Its transaction is older than others' events, its event is younger."""
    go_on = threading.Event()

    def work() -> None:
        Campaign.objects.create(location=store.location, name="Long job")
        begun.set()
        assert go_on.wait(30)
        shop.a_sale(store)

    begun = threading.Event()
    with open_transaction(work, begun=begun) as commit:
        shop.a_sale(store)
        queued_by(profile)
        go_on.set()
        commit()
    queued_by(profile)
    events = list(Event.objects.filter(type=SALE).order_by("id"))
    assert events[-1].tx_id < events[-2].tx_id, "The test did not arrange what it is about."
    assert shop.taken_by(profile) == [event.pk for event in events]


def test_first_run_of_a_profile_beside_an_open_transaction(store: Shop) -> None:
    """The profile has no position yet: the run must not place it behind what it cannot see."""
    profile = shop.a_profile(store, "Sales", URL, "new_sale")
    with open_transaction(lambda: shop.a_sale(store)) as commit:
        shop.a_sale(store)
        queued_by(profile)
        commit()
    queued_by(profile)
    assert shop.taken_by(profile) == shop.events_of(SALE)
    assert len(shop.events_of(SALE)) == 2


def test_transaction_that_is_rolled_back_holds_nothing_up(store: Shop, profile: ExportProfile) -> None:
    def work() -> None:
        shop.a_sale(store)
        transaction.set_rollback(True)

    with open_transaction(work) as end:
        shop.a_sale(store)
        end()
    assert queued_by(profile) == 1
    assert shop.taken_by(profile) == shop.events_of(SALE)


def test_runs_while_events_keep_coming(store: Shop, profile: ExportProfile) -> None:
    """Writers commit between any two statements of a run."""
    is_over = threading.Event()

    def write() -> None:
        try:
            while not is_over.is_set():
                shop.a_sale(store)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as writers:
        writing = [writers.submit(write) for _ in range(2)]
        for _ in range(25):
            queued_by(profile)
        is_over.set()
    assert all(one.exception() is None for one in writing)
    queued_by(profile)
    assert shop.taken_by(profile) == shop.events_of(SALE)
    assert not Event.objects.filter(tx_id=0).exists(), "A run took the new for what a restore left."


def test_events_after_a_restore_into_a_new_cluster(store: Shop, profile: ExportProfile) -> None:
    """There transaction ids start low again: all that the dump brought seems to be of the future."""
    shop.a_sale(store)  # not yet taken when the dump was made
    as_if_restored(1_000_000)
    shop.a_sale(store)
    assert queued_by(profile) == 2
    assert shop.taken_by(profile) == shop.events_of(SALE)
    shop.a_sale(store)
    assert queued_by(profile) == 1
    assert queued_by(profile) == 0
    assert shop.taken_by(profile) == shop.events_of(SALE)


def as_if_restored(transactions: int) -> None:
    """The old cluster had come so much further."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_event SET tx_id = tx_id + %s", [transactions])
        cursor.execute("UPDATE exports_exportprofile SET swept_tx = swept_tx + %s", [transactions])


def queued_by(profile: ExportProfile) -> int:
    """A run; how much it queued."""
    [report] = sweep.run([profile])
    assert not report.error
    return report.queued


@contextmanager
def open_transaction(
    work: Callable[[], object], *, begun: threading.Event | None = None
) -> Iterator[Callable[[], None]]:
    """Work done in a transaction on another connection, which ends at a call, or with the block.

    When the block begins the work is done, or as far as to have set `begun`.
    """
    ready, may_end = begun or threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                work()
                ready.set()
                assert may_end.wait(30)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        running = other.submit(run)

        def end() -> None:
            may_end.set()
            running.result(30)

        assert ready.wait(30)
        try:
            yield end
        finally:
            end()
