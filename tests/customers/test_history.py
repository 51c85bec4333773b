"""The history says what happened and what became of it: one line a delivery, always current."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.history import history, history_of_order
from exports import sweep
from exports.wording import describe
from orders import lifecycle
from tests.admin.store import BY, HOSTILE, Store, a_store, an_attempt, an_order, set_to

NOW = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
SOON = NOW + timedelta(hours=2, minutes=20)


@pytest.fixture
def store(db: None) -> Store:
    return a_store()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            {"state": "delivered", "due_at": None},
            "Order {} exported to 'Call centre partials' (Partial)",
        ),
        (
            {"state": "waiting", "attempts_made": 7, "due_at": SOON},
            "Order {} failed to export to export profile 'Call centre partials' ({}) "
            "due to error 404 Not Found: attempt 7, next 14:20",
        ),
        (
            {"state": "waiting", "due_at": SOON, "last_error": "refused", "last_detail": "It was refused."},
            "Order {} failed to export to export profile 'Call centre partials' ({}) "
            "due to error It was refused: attempt 1, next 14:20",
        ),
        (
            {"state": "waiting", "last_error": "dns", "last_detail": "", "attempts_made": 2, "due_at": NOW},
            "Order {} failed to export to export profile 'Call centre partials' ({}) "
            "due to error The host name has no address: attempt 2, next now",
        ),
        (
            {"state": "pending", "due_at": NOW},
            "Order {} is waiting to be exported to 'Call centre partials' (Partial)",
        ),
        (
            {"state": "pending", "due_at": SOON, "lease": True, "attempts_made": 0},
            "Order {} is being exported to 'Call centre partials' (Partial): attempt 1",
        ),
        (
            {"state": "waiting", "due_at": None},
            "Order {} waits to be exported to 'Call centre partials' (Partial): "
            "export profile 'Call centre partials' ({}) is switched off",
        ),
        (
            {"state": "failed", "due_at": None, "attempts_made": 3},
            "Order {} failed to export to export profile 'Call centre partials' ({}) "
            "due to error 404 Not Found: given up after attempt 3",
        ),
        (
            {"state": "cancelled", "due_at": None},
            "Order {} was not exported to 'Call centre partials' (Partial): cancelled",
        ),
        (
            {"state": "delivered", "due_at": SOON},
            "Order {} exported to 'Call centre partials' (Partial); it is being sent again",
        ),
    ],
)
def test_the_words_for_each_state(store: Store, columns: dict[str, object], expected: str) -> None:
    set_to(store.delivery, **columns)
    number = store.order.client_order_id
    assert describe(store.delivery, number, NOW) == expected.format(number, store.profile.pk)


def test_a_retry_on_another_day_says_which(store: Store) -> None:
    set_to(store.delivery, state="waiting", due_at=NOW + timedelta(days=1))
    assert f"next {NOW + timedelta(days=1):%d %b} 12:00" in describe(store.delivery, "X", NOW)


def test_newest_first_with_who_and_what(store: Store) -> None:
    lifecycle.complete_sale(store.order, by="api:shop-3")
    entries = [entry for entry in history(store.customer).entries if not entry.is_minor]
    assert [entry.text for entry in entries][-1] == "Customer created"
    sale = next(entry for entry in entries if entry.text == "New sale of 39.90")
    assert (sale.by, sale.order_number) == ("api:shop-3", store.order.client_order_id)
    assert [entry.event_id for entry in entries] == sorted(
        [entry.event_id for entry in entries], reverse=True
    )


def test_a_note_is_in_it_as_it_was_typed(store: Store) -> None:
    note = next(entry for entry in history(store.customer).entries if entry.is_note)
    assert (note.text, note.by) == (f"Called {HOSTILE}", BY)


def test_one_line_a_delivery_however_often_it_was_tried(store: Store) -> None:
    for number in range(2, 30):
        an_attempt(store.delivery, number)
    lines = [line for entry in history(store.customer).entries for line in entry.lines]
    assert [line.delivery_id for line in lines] == [store.delivery.pk]


def test_a_test_is_no_part_of_it(store: Store) -> None:
    set_to(store.delivery, is_test=True)
    assert not any(entry.lines for entry in history(store.customer).entries)


def test_what_has_a_delivery_is_never_small(store: Store) -> None:
    entries = history(store.customer).entries
    assert any(entry.is_minor for entry in entries)
    assert not any(entry.is_minor and entry.lines for entry in entries)


def test_test_card_orders_say_so(store: Store) -> None:
    order = an_order(store.location, store.customer, store.product)
    lifecycle.complete_sale(order, by=BY, payments=[lifecycle.Payment(card_type="TESTCARD")])
    sweep.run([store.profile])
    of_order = history_of_order(order.pk).entries
    assert of_order and all(entry.is_test_order and not entry.lines for entry in of_order)


def test_pages_join_without_gap_or_repeat(store: Store) -> None:
    for _ in range(10):
        lifecycle.update_cart(store.order, by=BY)
    whole = [entry.event_id for entry in history(store.customer, limit=500).entries]
    found, before = [], None
    while True:
        page = history(store.customer, before=before, limit=4)
        found += [entry.event_id for entry in page.entries]
        before = page.older_before
        if before is None:
            break
    assert found == whole


def test_three_statements_whatever_there_is(store: Store) -> None:
    for _ in range(20):
        an_order(store.location, store.customer, store.product)
    sweep.run([store.profile])
    with CaptureQueriesContext(connection) as queries:
        history(store.customer)
    assert len(queries) == 3
