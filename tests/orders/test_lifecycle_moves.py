"""Every move of an order, from every state: where it may be made, what it records, what a refusal leaves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from delivery.models import Event
from orders import lifecycle
from orders.lifecycle import MOVES, Line, MoveRefused
from orders.models import Order
from tests.orders.shop import BY, STATES, Shop, ago, events_after, everything, in_state, last_event

DONE = ("complete", "shipped", "delivered", "rma issued", "returned", "partly refunded", "charged back")
UNSHIPPED = ("complete", "partly refunded", "charged back")
PAID_AND_KEPT = (*(state for state in DONE if state != "charged back"), "cancelled")


@dataclass(frozen=True)
class Row:
    """What a move does where it may be made; `status` None: the order's status stays."""

    states: tuple[str, ...]
    events: list[str]
    status: str | None = None
    details: Callable[[Shop, Order], dict[str, Any]] = field(default=lambda shop, order: {})


def _now_recurring(shop: Shop, order: Order) -> dict[str, Any]:
    shop.cream.is_recurring = True
    shop.cream.save()
    return {"item": order.items.select_related("product").get(product=shop.cream)}


SALE = ["transaction.created", "order.sale", "subscription.created", "subscription.started"]
TABLE = {
    "update_cart": Row(
        ("partial",),
        ["order.updated", "order.partial"],
        details=lambda shop, order: {"lines": [Line(shop.cream, order.total)]},
    ),
    "complete_sale": Row(("partial", "declined"), SALE, "COMPLETE"),
    "add_upsell": Row(
        DONE,
        ["transaction.created", "order.upsell"],
        details=lambda shop, order: {"lines": [Line(shop.cream, order.total)]},
    ),
    "decline": Row(("partial",), ["transaction.created", "order.declined"], "DECLINED"),
    "hold_for_qa": Row(("partial",), ["transaction.created", "order.qa_pending"], "PENDING"),
    "approve_qa": Row(("held",), ["order.qa_approved", *SALE, "accountvault.created"], "COMPLETE"),
    "decline_qa": Row(("held",), ["transaction.created", "order.qa_declined", "order.declined"], "DECLINED"),
    "cancel_order": Row(("partial", "declined", *UNSHIPPED), ["order.cancelled"], "CANCELLED"),
    "refund": Row(
        PAID_AND_KEPT,
        ["transaction.created", "order.refunded"],
        details=lambda shop, order: {"amount": "1.00"},
    ),
    "charge_back": Row(PAID_AND_KEPT, ["transaction.updated", "transaction.created", "order.charged_back"]),
    "revert_chargeback": Row(("charged back",), ["transaction.updated", "order.chargeback_reverted"]),
    "ship": Row(UNSHIPPED, ["fulfillment.shipped"]),
    "deliver": Row(("shipped",), ["fulfillment.delivered"]),
    "issue_rma": Row(("shipped", "delivered"), ["rma.issued"]),
    "receive_rma": Row(("rma issued",), ["rma.received"]),
    "start_subscription": Row(DONE, ["subscription.created", "subscription.started"], details=_now_recurring),
}
BILLED = ("complete_sale", "approve_qa")
CANCELS_THE_MEMBERSHIP = {("cancel_order", state) for state in UNSHIPPED}


def test_the_table_has_every_move() -> None:
    assert set(TABLE) == {name for name, move in MOVES.items() if not move.of_subscription}


@pytest.mark.parametrize(
    ("name", "state"), [(name, state) for name, row in TABLE.items() for state in row.states]
)
def test_a_move_that_may_be_made(shop: Shop, name: str, state: str) -> None:
    row, order = TABLE[name], in_state(shop, state)
    details, before, at = row.details(shop, order), last_event(), ago(minutes=5)
    after = MOVES[name](order, by=BY, at=at, **details)
    expected = ["subscription.cancelled"] if (name, state) in CANCELS_THE_MEMBERSHIP else []
    assert events_after(before) == [*expected, *row.events]
    for event in Event.objects.filter(pk__gt=before):
        assert (event.occurred_at, event.by, event.muted) == (at, BY, "")
        assert (event.order_id, event.customer_id, event.location_id) == (
            order.pk,
            shop.customer.pk,
            shop.location.pk,
        )
    stored = Order.objects.get(pk=order.pk)
    assert stored.status == after.status == (row.status or order.status)
    assert stored.updated_at == at
    assert {name: getattr(stored, name) for name in _columns()} == {
        name: getattr(after, name) for name in _columns()
    }


@pytest.mark.parametrize(
    ("name", "state"),
    [(name, state) for name, row in TABLE.items() for state in STATES if state not in row.states],
)
def test_a_move_that_may_not_be_made_leaves_nothing(shop: Shop, name: str, state: str) -> None:
    order = in_state(shop, state)
    details = TABLE[name].details(shop, order)
    before = everything()
    with pytest.raises(MoveRefused) as refused:
        MOVES[name](order, by=BY, **details)
    assert everything() == before
    sentence = str(refused.value)
    assert sentence.endswith(".") and sentence[0].isupper() and "\n" not in sentence


def test_create_partial(shop: Shop) -> None:
    before, at = last_event(), ago(hours=3)
    order = shop.partial(at=at, external_order_id="X-1", custom_fields={"colour": "grün"})
    assert events_after(before) == ["order.created", "order.partial"]
    assert set(Event.objects.filter(pk__gt=before).values_list("occurred_at", "by")) == {(at, BY)}
    stored = Order.objects.get(pk=order.pk)
    assert (stored.status, str(stored.total), str(stored.shipping_total)) == ("PARTIAL", "100.00", "10.00")
    assert (stored.paid, stored.created_at, stored.updated_at, stored.ordered_at) == (0, at, at, None)
    assert (stored.first_name, stored.email, stored.phone) == ("Ada", "ada@example.com", "555 0100")
    assert stored.custom_fields == {"colour": "grün"}
    assert [(item.name, item.quantity, str(item.price)) for item in stored.items.all()] == [
        ("Cream", 2, "24.9500"),
        ("Club", 1, "40.1000"),
    ]


def test_the_dates_of_the_order_are_those_of_its_moves(shop: Shop) -> None:
    order = shop.partial()
    moments = {}
    for minutes, name in enumerate(
        ("complete_sale", "ship", "deliver", "issue_rma", "receive_rma", "refund")
    ):
        moments[name] = ago(minutes=30 - minutes)
        MOVES[name](order, by=BY, at=moments[name])
    order.refresh_from_db()
    parcel = order.fulfillments.get()
    assert (order.ordered_at, order.refunded_at) == (moments["complete_sale"], moments["refund"])
    assert (parcel.shipped_at, parcel.delivered_at, parcel.returned_at) == (
        moments["ship"],
        moments["deliver"],
        moments["receive_rma"],
    )
    assert (parcel.status, parcel.rma_number) == ("RETURNED", f"RMA-{order.client_order_id}")
    assert order.updated_at == moments["refund"]


def test_a_time_that_has_not_come_is_refused(shop: Shop) -> None:
    order = in_state(shop, "partial")
    before = everything()
    with pytest.raises(MoveRefused, match="in the future"):
        lifecycle.complete_sale(order, by=BY, at=ago(minutes=-10))
    with pytest.raises(MoveRefused, match="in the future"):
        shop.partial(at=ago(days=-1))
    assert everything() == before


def test_a_clock_a_little_ahead_is_forgiven(shop: Shop) -> None:
    order = lifecycle.complete_sale(in_state(shop, "partial"), by=BY, at=ago(minutes=-3))
    assert order.ordered_at is not None and order.ordered_at <= ago(minutes=-0.1)


def test_a_new_cart_takes_the_place_of_the_old_one(shop: Shop) -> None:
    order = shop.partial()
    old = set(order.items.values_list("pk", flat=True))
    order = lifecycle.update_cart(order, by=BY, lines=[Line(shop.cream, order.total, 3)], city="Łódź")
    stored = Order.objects.get(pk=order.pk)
    assert (str(stored.total), str(stored.shipping_total), stored.city) == ("300.00", "0.00", "Łódź")
    assert old.isdisjoint(stored.items.values_list("pk", flat=True)) and stored.items.count() == 1
    lifecycle.update_cart(order, by=BY, lines=[])
    assert Order.objects.get(pk=order.pk).total == 0 and not order.items.exists()


def test_a_decline_that_is_saved(shop: Shop) -> None:
    order = in_state(shop, "declined")
    assert (order.decline_reason, order.paid) == ("Insufficient funds", 0)
    order = lifecycle.complete_sale(order, by=BY)
    assert (order.is_decline_save, order.decline_reason, str(order.paid)) == (True, "", "100.00")
    assert [row.response for row in order.transactions.all()] == ["HARD_DECLINE", "SUCCESS"]


@pytest.mark.parametrize("mark", [{"card_type": "TestCard"}, {"card_last4": "0000"}])
@pytest.mark.parametrize("name", ["complete_sale", "decline", "hold_for_qa"])
def test_a_test_card_marks_the_order(shop: Shop, name: str, mark: dict[str, str]) -> None:
    payment = lifecycle.Payment(**mark)
    details: dict[str, Any] = {"payments": [payment]} if name == "complete_sale" else {"payment": payment}
    MOVES[name](shop.partial(), by=BY, **details)
    assert Order.objects.get().is_test


def test_no_other_card_marks_it(shop: Shop) -> None:
    assert not in_state(shop, "complete").is_test
    assert shop.partial(is_test=True).is_test  # unless the intake says so


def test_while_held_only_qa_pending_goes_out(shop: Shop) -> None:
    from exports.customer_types import BY_EVENT_TYPE

    before = last_event()
    order = in_state(shop, "held")
    routed = [kind for kind in events_after(before) if kind in BY_EVENT_TYPE and kind != "order.partial"]
    assert routed == ["order.qa_pending"]
    assert [row.type for row in order.transactions.all()] == ["AUTHORIZE"] and order.paid == 0


def test_qa_approval_captures_and_qa_decline_voids(shop: Shop) -> None:
    approved = lifecycle.approve_qa(in_state(shop, "held"), by=BY)
    assert [(row.type, str(row.amount), row.card_last4) for row in approved.transactions.all()] == [
        ("AUTHORIZE", "100.00", "1111"),
        ("CAPTURE", "100.00", "1111"),
    ]
    assert (str(approved.paid), approved.fulfillments.count()) == ("100.00", 1)
    declined = lifecycle.decline_qa(in_state(shop, "held"), by=BY, reason="Fraud")
    assert [row.type for row in declined.transactions.all()] == ["AUTHORIZE", "VOID"]
    assert (declined.decline_reason, declined.paid) == ("Fraud", 0)


def test_a_cancelled_order_ships_nothing_and_bills_nothing(shop: Shop) -> None:
    order = in_state(shop, "cancelled")
    assert [parcel.status for parcel in order.fulfillments.all()] == ["CANCELLED"]
    assert [(one.status, one.next_bill_date) for one in order.subscriptions.all()] == [("CANCELLED", None)]
    assert (order.cancel_reason, str(order.paid), str(order.refunded)) == ("Out of stock", "100.00", "0.00")


def _columns() -> list[str]:
    return [field.attname for field in Order._meta.concrete_fields]
