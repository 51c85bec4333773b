"""Many moves in one transaction: the same rules, rows and events as one by one; and facts of the past."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from delivery.models import Event
from orders import lifecycle
from orders.lifecycle import MOVES, Case, Line, MoveRefused, Payment, Work
from orders.models import Order
from tests.orders.shop import BY, TABLES, Shop, ago, everything, in_state

LIVES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "sold and returned": [
        ("complete_sale", {"payments": [Payment(Decimal("60"), card_type="VISA"), Payment(Decimal("40"))]}),
        ("ship", {"tracking_number": "1Z"}),
        ("deliver", {}),
        ("issue_rma", {"rma_number": "R-1"}),
        ("receive_rma", {}),
        ("refund", {"amount": "10.00", "reason": "Späti 😀"}),
        ("charge_back", {"amount": "20.00", "reason_code": "4837"}),
        ("revert_chargeback", {}),
        ("refund", {}),
    ],
    "declined, saved, cancelled": [
        ("decline", {"reason": "Insufficient funds", "is_soft": True}),
        ("complete_sale", {}),
        ("cancel_order", {"reason": "Out of stock"}),
        ("refund", {}),
    ],
    "held": [("hold_for_qa", {"payment": Payment(card_last4="0000")}), ("approve_qa", {}), ("ship", {})],
    "fraud": [("hold_for_qa", {}), ("decline_qa", {"reason": "Fraud"})],
    "a cart that changes": [
        ("update_cart", {"lines": []}),
        ("update_cart", {"city": "Łódź"}),
        ("cancel_order", {}),
    ],
    "a subscription": [
        ("complete_sale", {}),
        ("prebill", {}),
        ("rebill", {}),
        ("decline_rebill", {"reason": "Card expired"}),
        ("fail_recycle", {}),
        ("reactivate", {}),
        ("pause", {}),
        ("cancel_subscription", {}),
    ],
}


def test_the_lives_have_every_move_but_those_of_items() -> None:
    assert {name for life in LIVES.values() for name, _ in life} == set(MOVES) - {
        "add_upsell",
        "start_subscription",
    }


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_a_batch_is_the_same_as_its_moves_one_by_one(
    shop: Shop, life: list[tuple[str, dict[str, Any]]]
) -> None:
    start = ago(hours=3)
    moments = [start + timedelta(minutes=minute) for minute in range(1, len(life) + 1)]
    singly = shop.partial(at=start)
    for at, (name, details) in zip(moments, life, strict=True):
        subject = singly.subscriptions.get() if MOVES[name].of_subscription else singly
        MOVES[name](subject, by=BY, at=at, **details)
    together = shop.partial(at=start)
    with lifecycle.batch(by=BY) as work:
        case = work.load([together.pk])[together.pk]
        for at, (name, details) in zip(moments, life, strict=True):
            whose = {"subscription": case.subscriptions[0]} if MOVES[name].of_subscription else {}
            MOVES[name].on(work, case, at=at, **whose, **details)
    written = _written(singly)
    assert written["Event"] and written["Order"]
    assert _written(together) == written


def test_a_batch_takes_as_many_statements_for_many_orders_as_for_few(shop: Shop) -> None:
    def statements(count: int) -> int:
        orders = [in_state(shop, "complete").pk for _ in range(count)]
        with (
            CaptureQueriesContext(
                connection,
            ) as captured,
            lifecycle.batch(by=BY) as work,
        ):
            for case in work.load(orders).values():
                lifecycle.refund.on(work, case, amount="1")
                lifecycle.ship.on(work, case)
        return len(captured)

    few = statements(2)
    assert statements(12) == few < 30


def test_a_refused_move_leaves_the_rest_of_its_batch(shop: Shop) -> None:
    orders = [in_state(shop, state) for state in ("complete", "declined", "complete")]
    refused = []
    with lifecycle.batch(by=BY) as work:
        for case in work.load(order.pk for order in orders).values():
            try:
                lifecycle.refund.on(work, case, amount="60", reason="Damaged")
            except MoveRefused:
                refused.append(case.order.pk)
    assert refused == [orders[1].pk]
    assert list(Order.objects.order_by("pk").values_list("refunded", flat=True)) == [60, 0, 60]
    assert Event.objects.filter(type="order.refunded").count() == 2


@pytest.mark.parametrize(
    ("name", "details"),
    [
        ("refund", {"reason": "x" * 201}),
        ("charge_back", {"note": "\x00"}),
        ("ship", {"tracking_number": "x" * 101}),
        ("add_upsell", {"lines": []}),
        ("cancel_order", {"reason": "\x00"}),
    ],
)
@pytest.mark.parametrize("is_past", [False, True])
def test_what_a_refused_move_began_is_not_written_with_the_batch(
    shop: Shop, name: str, details: dict[str, Any], is_past: bool
) -> None:
    order = in_state(shop, "partial" if is_past and name == "ship" else "complete")
    before = everything()
    with lifecycle.batch(by=BY, past=is_past) as work:
        case = work.load([order.pk])[order.pk]
        with pytest.raises(MoveRefused):
            MOVES[name].on(work, case, **details)
    assert everything() == before


def test_an_error_leaves_nothing_of_a_batch(shop: Shop) -> None:
    order = in_state(shop, "complete")
    before = everything()
    with pytest.raises(ZeroDivisionError), lifecycle.batch(by=BY) as work:
        lifecycle.refund.on(work, work.load([order.pk])[order.pk], amount="1")
        1 / 0  # noqa: B018
    assert everything() == before


def test_events_of_a_batch_are_in_the_order_in_which_things_happened(shop: Shop) -> None:
    first, second = shop.partial(), shop.partial()
    with lifecycle.batch(by=BY) as work:
        cases = work.load([first.pk, second.pk])
        lifecycle.complete_sale.on(work, cases[first.pk], at=ago(minutes=5))
        lifecycle.complete_sale.on(work, cases[second.pk], at=ago(minutes=9))
    sales = Event.objects.filter(type="order.sale").order_by("pk")
    assert [event.order_id for event in sales] == [second.pk, first.pk]


# --- facts of the past ---------------------------------------------------------------------------------


def test_real_orders_ship_before_they_are_approved(shop: Shop) -> None:
    order = shop.partial(at=ago(days=9))
    case = _past(
        order, lambda work, case: lifecycle.ship.on(work, case, at=ago(days=8), tracking_number="1Z")
    )
    assert case.order.status == "PARTIAL"
    _past(order, lambda work, case: lifecycle.complete_sale.on(work, case, at=ago(days=7)))
    order.refresh_from_db()
    assert (order.status, order.fulfillments.get().status) == ("COMPLETE", "SHIPPED")
    assert order.oddities == ["Mark as shipped: Only a complete order is shipped; this one is partial."]


def test_a_parcel_that_arrived_before_it_left(shop: Shop) -> None:
    order = in_state(shop, "complete")
    delivered, shipped = ago(minutes=40), ago(minutes=30)
    _past(order, lambda work, case: lifecycle.deliver.on(work, case, at=delivered))
    _past(order, lambda work, case: lifecycle.ship.on(work, case, at=shipped))
    parcel = order.fulfillments.get()
    assert (parcel.status, parcel.delivered_at, parcel.shipped_at) == ("DELIVERED", delivered, shipped)


def test_a_fact_that_is_dated_before_its_order_says_so(shop: Shop) -> None:
    order = shop.partial(at=ago(days=2))
    _past(order, lambda work, case: lifecycle.complete_sale.on(work, case, at=ago(days=3)))
    order.refresh_from_db()
    assert order.oddities == ["Complete the sale: dated before the order itself."]
    assert order.updated_at == order.created_at  # the newest date that is known of it


def test_cancelled_after_it_was_shipped_stands_as_a_fact(shop: Shop) -> None:
    order = in_state(shop, "shipped")
    with pytest.raises(MoveRefused, match="RMA"):
        lifecycle.cancel_order(order, by=BY)
    _past(order, lambda work, case: lifecycle.cancel_order.on(work, case, at=ago(minutes=1)))
    order.refresh_from_db()
    assert (order.status, order.oddities) == ("CANCELLED", ["Cancelled after it was shipped."])


@pytest.mark.parametrize(
    ("state", "amount"),
    [
        *(("complete", amount) for amount in ("100.01", "0", "-1", "NaN")),
        *((state, amount) for state in ("declined", "refunded") for amount in ("1", None)),
    ],
)
@pytest.mark.parametrize("name", ["refund", "charge_back"])
def test_rules_of_money_hold_for_the_past_too(shop: Shop, name: str, state: str, amount: str | None) -> None:
    order = in_state(shop, state)
    before = everything()
    with pytest.raises(MoveRefused):
        _past(order, lambda work, case: MOVES[name].on(work, case, at=ago(days=400), amount=amount))
    assert everything() == before


@pytest.mark.parametrize("name", sorted(set(MOVES) - {"ship", "deliver"}))
def test_only_parcels_may_move_out_of_order(name: str) -> None:
    assert not MOVES[name].is_lenient


def test_history_is_muted_and_so_is_all_of_a_quiet_batch(shop: Shop) -> None:
    order = in_state(shop, "complete")
    last = Event.objects.order_by("-pk").values_list("pk", flat=True)[0]
    _past(order, lambda work, case: lifecycle.refund.on(work, case, at=ago(hours=23.9), amount="1"))
    _past(order, lambda work, case: lifecycle.refund.on(work, case, at=ago(hours=24.1), amount="1"))
    with lifecycle.batch(by=BY, past=True, quiet=True) as work:
        lifecycle.refund.on(work, work.load([order.pk])[order.pk], amount="1")
    told = Event.objects.filter(pk__gt=last, type="order.refunded").order_by("pk")
    assert [event.muted for event in told] == ["", "old", "quiet"]


def test_awaited_payments_are_settled_by_the_sale(shop: Shop) -> None:
    voucher = Payment(Decimal("40"), pay_source="VOUCHER", external_id="P-2")
    slip = Payment(Decimal("60"), pay_source="BOLETO", external_id="P-1")
    with lifecycle.batch(by=BY, past=True) as work:
        line = Line(shop.cream, Decimal("100"))
        case = lifecycle.create_partial_in(
            work,
            location=shop.location,
            customer=shop.customer,
            lines=[line],
            awaited=[slip],
            at=ago(hours=3),
        )
    order = case.order
    assert [(row.response, row.pay_source) for row in order.transactions.all()] == [("PENDING", "BOLETO")]
    assert Order.objects.get(pk=order.pk).paid == 0
    lifecycle.complete_sale(order, by=BY, payments=[slip, voucher])
    rows = order.transactions.order_by("pk")
    assert [(row.response, row.external_id) for row in rows] == [("SUCCESS", "P-1"), ("SUCCESS", "P-2")]
    assert Order.objects.get(pk=order.pk).paid == 100


def _past(order: Order, act: Callable[[Work, Case], None]) -> Case:
    with lifecycle.batch(by=BY, past=True) as work:
        case = work.load([order.pk])[order.pk]
        act(work, case)
    return case


# Numbers that are drawn anew for every row.
DRAWN = {
    *("id", "client_order_id", "client_txn_id", "client_purchase_id", "public_id", "tx_id", "recorded_at"),
    *("original_order_id", "subscription_id", "transaction", "subscription", "fulfillment"),
}


def _written(order: Order) -> dict[str, list[Any]]:
    """Every row of the order and of its rebills: what it says, without the numbers drawn for it."""
    ids = [order.pk, *order.rebills.order_by("pk").values_list("pk", flat=True)]
    written: dict[str, list[Any]] = {}
    for model in TABLES:
        rows = model._default_manager.filter(**{"pk__in" if model is Order else "order_id__in": ids})
        written[model.__name__] = [_said(row, ids) for row in rows.order_by("pk").values()]
    return written


def _said(row: dict[str, Any], ids: list[int]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in DRAWN}
    if "order_id" in kept:
        kept["order_id"] = ids.index(kept["order_id"])
    for name in ("data", "resource", "old"):
        if name in kept:
            kept[name] = _said(kept[name], ids)
    for name in ("items", "fulfillments"):
        if name in kept:
            kept[name] = [_said(one, ids) for one in kept[name]]
    return kept
