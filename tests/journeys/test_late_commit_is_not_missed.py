"""A transaction that commits late, when runs have passed its time, has its events taken all the same."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from customers import services as customers
from delivery.models import Event
from exports import services, sweep
from exports.models import ExportProfile
from exports.sweep import log as event_log
from orders.models import Campaign
from tests.journeys import crashes, shop
from tests.journeys.shop import Shop
from tests.processes import wait_until

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


def test_first_run_of_a_profile_beside_an_open_transaction() -> None:
    """It has no position yet, and the oldest event that it could start from cannot be seen."""
    with time_machine.travel(timezone.now() - timedelta(days=3)):
        store = shop.a_shop()
    profile = shop.a_profile(store, "Sales", URL, "new_sale")
    with open_transaction(lambda: shop.a_sale(store)) as commit:
        shop.a_sale(store)
        queued_by(profile)
        commit()
    queued_by(profile)
    assert shop.taken_by(profile) == shop.events_of(SALE)
    assert len(shop.events_of(SALE)) == 2


def test_route_that_is_added_during_a_first_run_reaches_back(store: Shop) -> None:
    """The run passes the events of the new route without knowing it, and must not say that they are done."""
    profile = shop.a_profile(store, "Sales", URL, "partial")
    shop.a_sale(store)
    partial = shop.a_partial(store)
    with ThreadPoolExecutor(1) as other:
        with crashes.nobody_writes("exports_export"):
            running = other.submit(run_and_leave, profile)
            wait_until(crashes.waiting_for_us, what="the run to wait for us")
            services.add_route(profile, customer_type="new_sale", by=shop.BY)
        assert running.result(30) == 1
    assert queued_by(profile) == 1
    assert shop.taken_by(profile, "partial") == [partial.pk]
    assert shop.taken_by(profile, "new_sale") == shop.events_of(SALE)


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
    with writers(lambda: shop.a_sale(store)):
        for _ in range(15):
            queued_by(profile)
    queued_by(profile)
    assert shop.taken_by(profile) == shop.events_of(SALE)


def test_new_events_are_not_taken_for_those_of_a_restore(store: Shop, profile: ExportProfile) -> None:
    """Whenever they are committed while a run looks whether there are any."""
    with writers(lambda: customers.add_note(store.customer, "Called.", by=shop.BY)):
        for _ in range(500):
            event_log.mend_after_restore()
    assert not Event.objects.filter(tx_id=0).exists()


@contextmanager
def writers(write: Callable[[], object]) -> Iterator[None]:
    """While the block runs, two others write and commit as often as they can."""
    is_over = threading.Event()

    def run() -> None:
        try:
            while not is_over.is_set():
                write()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as others:
        running = [others.submit(run) for _ in range(2)]
        try:
            yield
        finally:
            is_over.set()
    assert [one.exception() for one in running] == [None, None]


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


def run_and_leave(profile: ExportProfile) -> int:
    """A run on another connection."""
    try:
        return queued_by(profile)
    finally:
        connection.close()


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
