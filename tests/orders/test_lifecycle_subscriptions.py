"""Recurring purchases: every move from every state; a rebill makes an order, the purchase stays the same."""

from datetime import timedelta

import pytest

from delivery.models import Event
from orders import lifecycle
from orders.lifecycle import MOVES, MoveRefused
from orders.models import Order, Subscription
from tests.orders.shop import (
    BY,
    SUBSCRIPTION_STATES,
    Shop,
    ago,
    events_after,
    everything,
    in_state,
    last_event,
    subscription_in,
)

# Move: the states from which it may be made, what it records, the status after it.
TABLE: dict[str, tuple[tuple[str, ...], list[str], str]] = {
    "prebill": (("active",), ["subscription.prebilled"], "ACTIVE"),
    "rebill": (
        ("active", "recycling"),
        ["order.created", "order.recurring", "transaction.created", "subscription.updated"],
        "ACTIVE",
    ),
    "decline_rebill": (
        ("active", "recycling"),
        ["transaction.created", "subscription.rebill_declined"],
        "RECYCLE_BILLING",
    ),
    "fail_recycle": (("recycling",), ["subscription.recycle_failed"], "RECYCLE_FAILED"),
    "pause": (("active",), ["subscription.paused"], "PAUSED"),
    "reactivate": (("paused", "given up", "cancelled"), ["subscription.reactivated"], "ACTIVE"),
    "cancel_subscription": (
        ("active", "paused", "recycling", "given up"),
        ["subscription.cancelled"],
        "CANCELLED",
    ),
}


def test_the_table_has_every_move() -> None:
    assert set(TABLE) == {name for name, move in MOVES.items() if move.of_subscription}


@pytest.mark.parametrize(
    ("name", "state"), [(name, state) for name, row in TABLE.items() for state in row[0]]
)
def test_a_move_that_may_be_made(shop: Shop, name: str, state: str) -> None:
    subscription = subscription_in(shop, state)
    before, at = last_event(), ago(minutes=5)
    MOVES[name](subscription, by=BY, at=at)
    _, expected, status = TABLE[name]
    assert events_after(before) == expected
    for event in Event.objects.filter(pk__gt=before):
        assert (event.occurred_at, event.by, event.customer_id) == (at, BY, shop.customer.pk)
        if event.type.startswith("subscription."):
            assert (event.data["subscription"], event.order_id) == (subscription.pk, subscription.order_id)
    stored = Subscription.objects.get(pk=subscription.pk)
    assert (stored.status, stored.updated_at) == (status, at)
    assert (stored.client_purchase_id, stored.order_id) == (
        subscription.client_purchase_id,
        subscription.order_id,
    )


@pytest.mark.parametrize(
    ("name", "state"),
    [(name, state) for name, row in TABLE.items() for state in SUBSCRIPTION_STATES if state not in row[0]],
)
def test_a_move_that_may_not_be_made_leaves_nothing(shop: Shop, name: str, state: str) -> None:
    subscription = subscription_in(shop, state)
    before = everything()
    with pytest.raises(MoveRefused, match=r"^An? .* subscription cannot be .*\.$"):
        MOVES[name](subscription, by=BY)
    assert everything() == before


def test_a_sale_begins_a_subscription_for_each_recurring_item(shop: Shop) -> None:
    order = in_state(shop, "complete")
    subscription = order.subscriptions.get()
    assert (subscription.product, str(subscription.price)) == (shop.club, "40.10")
    assert (subscription.billing_cycle, subscription.billing_interval_days) == (1, 30)
    assert order.ordered_at is not None
    assert subscription.next_bill_date == (order.ordered_at + timedelta(days=30)).date()
    assert len(subscription.client_purchase_id) == 10


def test_a_rebill_makes_an_order_and_keeps_the_purchase(shop: Shop) -> None:
    subscription = subscription_in(shop, "active")
    original, at = subscription.order, ago(minutes=5)
    lifecycle.rebill(subscription, by=BY, at=at)
    made = Order.objects.exclude(pk=original.pk).get()
    assert (made.original_order, made.type, made.status) == (original, "RECURRING", "COMPLETE")
    assert (str(made.total), str(made.paid), str(made.refunded)) == ("40.10", "40.10", "0.00")
    assert (made.created_at, made.ordered_at, made.updated_at) == (at, at, at)
    assert made.client_order_id != original.client_order_id
    assert (made.customer, made.campaign, made.email) == (shop.customer, shop.campaign, original.email)
    assert [(item.product, str(item.price)) for item in made.items.all()] == [(shop.club, "40.1000")]
    assert not made.subscriptions.exists()  # the purchase stays with the order that began it
    subscription.refresh_from_db()
    assert (subscription.billing_cycle, subscription.order) == (2, original)
    assert subscription.next_bill_date == (at + timedelta(days=30)).date()
    row = made.transactions.get()
    assert (row.subscription, row.billing_cycle, str(row.amount)) == (subscription, 2, "40.10")
    assert (row.card_type, row.card_last4) == ("VISA", "1111")
    event = Event.objects.get(type="order.recurring")
    assert (event.order, event.data["amount"]) == (made, "40.10")
    assert str(lifecycle.refund(made, by=BY).refunded) == "40.10"
    original.refresh_from_db()
    assert (str(original.refunded), str(original.paid)) == ("0.00", "100.00")


def test_the_way_down_and_up_again(shop: Shop) -> None:
    subscription = subscription_in(shop, "active")
    lifecycle.decline_rebill(subscription, by=BY, reason="Card expired")
    lifecycle.decline_rebill(subscription, by=BY, reason="Card expired")
    lifecycle.fail_recycle(subscription, by=BY)
    at = ago(minutes=1)
    lifecycle.reactivate(subscription, by=BY, at=at)
    subscription.refresh_from_db()
    assert (subscription.status, subscription.billing_cycle) == ("ACTIVE", 1)
    assert subscription.next_bill_date == (at + timedelta(days=30)).date()
    tries = subscription.transactions.order_by("pk")
    assert [(row.response, row.response_text, row.billing_cycle) for row in tries] == [
        ("SOFT_DECLINE", "Card expired", 2),
        ("SOFT_DECLINE", "Card expired", 2),
    ]
    subscription.order.refresh_from_db()
    assert str(subscription.order.paid) == "100.00"


def test_a_cancelled_one_says_why_and_bills_no_more(shop: Shop) -> None:
    subscription = subscription_in(shop, "cancelled")
    assert (subscription.cancel_reason, subscription.next_bill_date) == ("Too expensive", None)
    assert Event.objects.get(type="subscription.cancelled").data["reason"] == "Too expensive"


def test_started_afterwards_only_for_a_recurring_product_and_once(shop: Shop) -> None:
    order = in_state(shop, "complete")
    cream, club = order.items.select_related("product").order_by("pk")
    for item, reason in ((cream, "not a recurring product"), (club, "already")):
        with pytest.raises(MoveRefused, match=reason):
            lifecycle.start_subscription(order, by=BY, item=item)
    lifecycle.cancel_subscription(order.subscriptions.get(), by=BY)
    lifecycle.start_subscription(order, by=BY, item=club)
    assert sorted(order.subscriptions.values_list("status", flat=True)) == ["ACTIVE", "CANCELLED"]
