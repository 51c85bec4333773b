"""Money that goes back: never more than was paid, whoever asks, however they write the amount."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from delivery.models import Event
from orders import lifecycle
from orders.lifecycle import Line, MoveRefused, Payment
from orders.models import Order
from tests.orders.shop import BY, Shop, a_shop, ago, everything, in_state
from tests.processes import wait_until

NO_AMOUNTS = [
    *("0", "0.00", "0.004", "-1", "-0.01", "NaN", "sNaN", "-NaN", "Infinity", "-Infinity", "1e400", "-1e400"),
    *(
        "1e-400",
        "10,00",
        "ten",
        "",
        " ",
        "1 0",
        "0x10",
        "💶",
        "\x00",
        "\ud800",
        "9" * 5000,
        "1e999999999999999999",
    ),
    *(float("nan"), float("inf"), True, False, [], {}, b"10", Decimal("NaN")),
]


@pytest.mark.parametrize("amount", [*NO_AMOUNTS, "100.01", "100.005", 1e9, "9999999999.99"])
@pytest.mark.parametrize("name", ["refund", "charge_back"])
def test_an_amount_that_is_none_or_too_much(shop: Shop, name: str, amount: Any) -> None:
    order = in_state(shop, "complete")
    before = everything()
    with pytest.raises(MoveRefused) as refused:
        lifecycle.MOVES[name](order, by=BY, amount=amount)
    assert everything() == before
    assert len(str(refused.value).encode()) < 250  # it can be shown, and is short


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("declined", "Nothing was paid for this order (it is declined), so nothing can go back."),
        ("partial", "Nothing was paid for this order (it is partial), so nothing can go back."),
        ("held", "Nothing was paid for this order (it is held for QA), so nothing can go back."),
        ("refunded", "All that was paid has gone back already."),
        ("charged back", "All that was paid has gone back already."),
    ],
)
def test_a_refund_of_nothing_says_why(shop: Shop, state: str, reason: str) -> None:
    with pytest.raises(MoveRefused) as refused:
        lifecycle.refund(in_state(shop, state), by=BY, amount="1")
    assert str(refused.value) == reason


@pytest.mark.parametrize("amount", ["10", " 10.00 ", 10, Decimal("10.000"), "9.995", "1e1", 10.0])
def test_an_amount_as_people_and_programs_write_it(shop: Shop, amount: Any) -> None:
    order = lifecycle.refund(in_state(shop, "complete"), by=BY, amount=amount)
    assert str(order.refunded) == "10.00"


def test_in_parts_and_then_in_full(shop: Shop) -> None:
    order, at = in_state(shop, "complete"), ago(minutes=5)
    order = lifecycle.refund(order, by=BY, amount="30", reason="Damaged", at=at)
    assert (order.status, str(order.refunded), order.refund_reason) == ("COMPLETE", "30.00", "Damaged")
    order = lifecycle.refund(order, by=BY, amount="69.99")
    assert order.status == "COMPLETE"
    order = lifecycle.refund(order, by=BY, amount="0.01")
    assert (order.status, str(order.refunded)) == ("REFUNDED", "100.00")
    told = list(Event.objects.filter(type="order.refunded").order_by("pk"))
    assert [(event.data["amount"], event.data["kind"], event.data["remaining"]) for event in told] == [
        ("30.00", "partial", "70.00"),
        ("69.99", "partial", "0.01"),
        ("0.01", "full", "0.00"),
    ]
    assert (told[0].data["reason"], told[0].data["date"]) == ("Damaged", at.isoformat())
    rows = order.transactions.filter(type="REFUND").order_by("pk")
    assert [event.data["transaction"] for event in told] == [row.pk for row in rows]
    assert (str(rows[0].amount), rows[0].card_last4, rows[0].response) == ("30.00", "1111", "SUCCESS")


def test_without_an_amount_all_that_is_left(shop: Shop) -> None:
    order = lifecycle.refund(in_state(shop, "partly refunded"), by=BY)
    assert (str(order.refunded), order.status) == ("100.00", "REFUNDED")


def test_full_means_that_the_refunds_reach_what_was_paid(shop: Shop) -> None:
    order = lifecycle.charge_back(in_state(shop, "complete"), by=BY, amount="40")
    order = lifecycle.refund(order, by=BY)  # all that can go back, and yet not all that was paid
    event = Event.objects.filter(type="order.refunded").get()
    assert (str(order.refunded), order.status, event.data["kind"]) == ("60.00", "COMPLETE", "partial")
    order = lifecycle.refund(lifecycle.revert_chargeback(order, by=BY), by=BY, amount="40")
    assert order.status == "REFUNDED"


def test_a_refund_of_a_cancelled_order_leaves_it_cancelled(shop: Shop) -> None:
    order = lifecycle.refund(in_state(shop, "cancelled"), by=BY)
    assert (order.status, str(order.refunded)) == ("CANCELLED", "100.00")
    assert Event.objects.get(type="order.refunded").data["kind"] == "full"


def test_an_upsell_can_be_refunded_too(shop: Shop) -> None:
    order = lifecycle.add_upsell(
        in_state(shop, "complete"), by=BY, lines=[Line(shop.cream, Decimal("19.00"))]
    )
    assert (str(order.total), str(order.paid), order.has_upsell) == ("119.00", "119.00", True)
    assert str(lifecycle.refund(order, by=BY).refunded) == "119.00"


def test_a_chargeback_and_its_revert(shop: Shop) -> None:
    order, at = in_state(shop, "complete"), ago(minutes=5)
    order = lifecycle.charge_back(order, by=BY, amount="60", reason_code="4837", note="Не получено", at=at)
    assert (str(order.charged_back), order.status) == ("60.00", "COMPLETE")
    expected = {"amount": "60.00", "date": at.isoformat(), "reason_code": "4837", "note": "Не получено"}
    order.refresh_from_db()
    assert order.chargeback == expected
    assert Event.objects.get(type="order.charged_back").data.items() >= expected.items()
    assert list(order.transactions.values_list("type", "is_charged_back")) == [
        ("SALE", True),
        ("CHARGEBACK", False),
    ]
    with pytest.raises(MoveRefused, match="already"):
        lifecycle.charge_back(order, by=BY, amount="1")
    with pytest.raises(MoveRefused, match="than the 40"):
        lifecycle.refund(order, by=BY, amount="40.01")
    order = lifecycle.revert_chargeback(order, by=BY)
    order.refresh_from_db()
    assert (order.charged_back, order.chargeback) == (0, {})
    assert not order.transactions.filter(is_charged_back=True).exists()
    assert str(lifecycle.refund(order, by=BY).refunded) == "100.00"


@pytest.mark.parametrize("price", ["NaN", "Infinity", "-0.01", "1e11", "1e400"])
def test_a_price_that_is_none(shop: Shop, price: str) -> None:
    before = everything()
    with pytest.raises(MoveRefused):
        shop.partial(Line(shop.cream, Decimal(price)))
    with pytest.raises(MoveRefused):
        shop.partial(Line(shop.cream, Decimal(1), shipping=Decimal("NaN")))
    assert everything() == before


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001])
def test_a_quantity_that_is_none(shop: Shop, quantity: int) -> None:
    with pytest.raises(MoveRefused, match="quantity"):
        shop.partial(Line(shop.cream, Decimal(1), quantity))


def test_a_total_that_no_column_holds(shop: Shop) -> None:
    dear = Line(shop.cream, Decimal("9999999999.99"))
    order = shop.partial(dear)
    assert str(order.total) == "9999999999.99"
    paid = lifecycle.complete_sale(shop.partial(), by=BY)
    before = everything()
    for attempt in (
        lambda: shop.partial(dear, Line(shop.cream, Decimal("0.01"))),
        lambda: lifecycle.update_cart(order, by=BY, lines=[dear, dear]),
        lambda: lifecycle.add_upsell(paid, by=BY, lines=[dear]),
    ):
        with pytest.raises(MoveRefused, match="out of range"):
            attempt()
    assert everything() == before


def test_prices_of_mills_make_totals_of_cents(shop: Shop) -> None:
    order = shop.partial(Line(shop.cream, Decimal("0.125"), 3), Line(shop.cream, Decimal("0.00004")))
    order.refresh_from_db()
    assert [str(item.price) for item in order.items.all()] == ["0.1250", "0.0000"]
    assert str(order.total) == "0.38"
    assert lifecycle.update_cart(order, by=BY, lines=[]).total == 0


def test_the_total_follows_tax_and_discount(shop: Shop) -> None:
    order = shop.partial(Line(shop.cream, Decimal(20)), sales_tax=Decimal(1))
    assert order.total == 21
    assert lifecycle.update_cart(order, by=BY, sales_tax=Decimal(5)).total == 25
    cart = [Line(shop.cream, Decimal(20), 2)]
    assert lifecycle.update_cart(order, by=BY, lines=cart, discount=Decimal(2)).total == 43
    with pytest.raises(MoveRefused, match="change the cart first"):
        lifecycle.complete_sale(order, by=BY, discount=Decimal(3))
    assert lifecycle.complete_sale(order, by=BY).paid == 43


def test_no_order_costs_less_than_nothing(shop: Shop) -> None:
    with pytest.raises(MoveRefused, match="discount is more than the order costs"):
        shop.partial(Line(shop.cream, Decimal(20)), discount=Decimal("20.01"))
    assert not Order.objects.exists()
    order = shop.partial(Line(shop.cream, Decimal(20)), discount=Decimal(20))
    with pytest.raises(MoveRefused, match="discount is more than the order costs"):
        lifecycle.update_cart(order, by=BY, lines=[Line(shop.cream, Decimal(5))])
    order.refresh_from_db()
    assert (order.total, order.items.count()) == (0, 1)


def test_several_payments_make_several_transactions(shop: Shop) -> None:
    payments = [Payment(Decimal("60"), gateway=shop.gateway), Payment(Decimal("40"), pay_source="VOUCHER")]
    order = lifecycle.complete_sale(shop.partial(), by=BY, payments=payments)
    assert list(order.transactions.values_list("amount", "pay_source", "gateway")) == [
        (Decimal("60.00"), "CREDITCARD", shop.gateway.pk),
        (Decimal("40.00"), "VOUCHER", None),
    ]
    assert str(order.paid) == "100.00"
    assert Event.objects.get(type="order.sale").data["amount"] == "100.00"


def test_a_payment_cannot_be_negative(shop: Shop) -> None:
    with pytest.raises(MoveRefused, match="negative"):
        lifecycle.complete_sale(shop.partial(), by=BY, payments=[Payment(Decimal("-1"))])


@pytest.mark.django_db(transaction=True)
def test_who_comes_second_sees_what_the_first_gave_back() -> None:
    """Two connections: the second waits for the row of the order, and decides on what it then says."""
    order = in_state(a_shop(), "complete")
    has_lock, may_commit = threading.Event(), threading.Event()
    outcomes: dict[str, str] = {}

    def first() -> None:
        with lifecycle.batch(by=BY) as work:
            case = work.load([order.pk])[order.pk]
            lifecycle.refund.on(work, case, amount="60")
            has_lock.set()
            may_commit.wait(10)

    def second() -> None:
        has_lock.wait(10)
        outcomes["second"] = _outcome(lambda: lifecycle.refund(order, by=BY, amount="60"))

    threads = [_started(first), _started(second)]
    wait_until(has_lock.is_set, 10, what="the first refund")
    threads[1].join(0.3)
    assert "second" not in outcomes  # it waits
    may_commit.set()
    for thread in threads:
        thread.join(20)
    assert outcomes == {
        "second": "The amount 60.00 is more than the 40.00 that was paid and has not gone back."
    }
    assert str(Order.objects.get().refunded) == "60.00"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_ten_at_once_give_back_no_more_than_was_paid() -> None:
    order = in_state(a_shop(), "complete")
    barrier, outcomes = threading.Barrier(10), []

    def refund() -> None:
        barrier.wait(10)
        outcomes.append(_outcome(lambda: lifecycle.refund(order, by=BY, amount="30")))

    for thread in [_started(refund) for _ in range(10)]:
        thread.join(20)
    assert sorted(outcomes)[:3] == ["", "", ""] and all(outcome for outcome in sorted(outcomes)[3:])
    order.refresh_from_db()
    assert str(order.refunded) == "90.00"
    assert order.transactions.filter(type="REFUND").count() == 3
    assert Event.objects.filter(type="order.refunded").count() == 3


def _started(work: Callable[[], None]) -> threading.Thread:
    """A thread with a connection of its own, which it closes."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def _outcome(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except MoveRefused as refused:
        return str(refused)
    return ""
