"""Settlement batches: one a day and gateway, opened by the first payment, closed when the day is over."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from delivery.models import Event
from orders import lifecycle
from orders.lifecycle import Line, Payment
from orders.models import Gateway, Order, SettlementBatch, Transaction
from tests.orders.shop import BY, Shop, ago

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def clock(now: datetime) -> time_machine.travel:
    """The moment at which everything happens."""
    return time_machine.travel(now, tick=False)


def a_sale(shop: Shop, at: datetime, *, gateway: Gateway | None = None, **payment: Any) -> Order:
    with clock(at):
        order = shop.partial(Line(shop.cream, Decimal("20.00")), at=at)
        paid = Payment(card_last4="1111", gateway=gateway or shop.gateway, **payment)
        return lifecycle.complete_sale(order, by=BY, payments=[paid])


def batches() -> list[tuple[int, date | None, bool]]:
    return list(SettlementBatch.objects.order_by("pk").values_list("number", "day", "is_open"))


def batch_of(order: Order) -> int | None:
    return order.transactions.order_by("pk").values_list("batch__number", flat=True)[0]


def told() -> list[tuple[str, dict[str, Any]]]:
    found = Event.objects.filter(type__startswith="transactionbatch.").order_by("pk")
    return [(event.type.removeprefix("transactionbatch."), event.data) for event in found]


# --- opening -----------------------------------------------------------------------------------------------


def test_the_first_payment_of_the_day_opens_it(shop: Shop) -> None:
    orders = [a_sale(shop, NOON + timedelta(minutes=minute)) for minute in range(3)]
    assert batches() == [(1, NOON.date(), True)]
    assert [batch_of(order) for order in orders] == [1, 1, 1]
    ((kind, data),) = told()
    assert (kind, data["number"], data["gateway"]) == ("created", 1, "Main gateway")
    assert data["resource"]["gateway_id"] == shop.gateway.pk
    event = Event.objects.get(type="transactionbatch.created")
    assert (event.location, event.customer, event.order, event.by) == (shop.location, None, None, BY)
    assert event.occurred_at == NOON


def test_its_event_is_before_that_of_the_payment(shop: Shop) -> None:
    a_sale(shop, NOON)
    kinds = list(Event.objects.order_by("pk").values_list("type", flat=True))
    assert kinds.index("transactionbatch.created") < kinds.index("transaction.created")
    paid = Event.objects.get(type="transaction.created")
    assert paid.data["resource"]["batch_id"] == SettlementBatch.objects.get().pk


def test_each_day_and_gateway_has_its_own_and_numbers_count_by_gateway(shop: Shop) -> None:
    other = Gateway.objects.create(location=shop.location, title="Other")
    for days in (0, 1, 2):
        a_sale(shop, NOON + timedelta(days=days))
    a_sale(shop, NOON, gateway=other)
    found = SettlementBatch.objects.order_by("pk").values_list("gateway__title", "number")
    assert list(found) == [("Main gateway", 1), ("Main gateway", 2), ("Main gateway", 3), ("Other", 1)]


def test_the_day_is_that_of_the_location(shop: Shop) -> None:
    shop.location.time_zone = "Asia/Tokyo"
    shop.location.save()
    a_sale(shop, datetime(2026, 5, 4, 14, 59, tzinfo=UTC))
    a_sale(shop, datetime(2026, 5, 4, 15, 1, tzinfo=UTC))
    assert [day for _, day, _ in batches()] == [date(2026, 5, 4), date(2026, 5, 5)]


def test_refunds_and_captures_are_settled_and_nothing_else(shop: Shop) -> None:
    order = a_sale(shop, NOON)
    with clock(NOON + timedelta(minutes=5)):
        lifecycle.refund(order, by=BY, amount="1.00")
        lifecycle.charge_back(order, by=BY, amount="2.00")
        held = shop.partial(Line(shop.cream, Decimal("20.00")), at=NOON)
        lifecycle.hold_for_qa(held, by=BY, payment=Payment(gateway=shop.gateway))
        lifecycle.approve_qa(held, by=BY)
        no = shop.partial(Line(shop.cream, Decimal("20.00")), at=NOON)
        lifecycle.decline(no, by=BY, payment=Payment(gateway=shop.gateway))
    rows = Transaction.objects.order_by("pk").values_list("type", "response", "batch__number")
    assert list(rows) == [
        ("SALE", "SUCCESS", 1),
        ("REFUND", "SUCCESS", 1),
        ("CHARGEBACK", "SUCCESS", None),
        ("AUTHORIZE", "SUCCESS", None),
        ("CAPTURE", "SUCCESS", 1),
        ("SALE", "HARD_DECLINE", None),
    ]


def test_without_a_gateway_there_is_no_batch(shop: Shop) -> None:
    with clock(NOON):
        lifecycle.complete_sale(shop.partial(at=NOON), by=BY)
    assert batches() == []


def test_no_money_of_a_test_order_is_settled(shop: Shop) -> None:
    with clock(NOON):
        order = shop.partial(at=NOON)
        lifecycle.complete_sale(order, by=BY, payments=[Payment(card_type="TESTCARD", gateway=shop.gateway)])
    assert batches() == []


@pytest.mark.parametrize(
    ("at", "now", "is_in"),
    [
        (datetime(2026, 5, 4, 23, 59, 59, tzinfo=UTC), datetime(2026, 5, 5, 0, 4, tzinfo=UTC), True),
        (datetime(2026, 5, 4, 23, 59, 59, tzinfo=UTC), datetime(2026, 5, 5, 0, 5, tzinfo=UTC), False),
        (datetime(2026, 5, 4, 0, 0, tzinfo=UTC), datetime(2026, 5, 4, 23, 0, tzinfo=UTC), True),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 5, 4, tzinfo=UTC), False),
    ],
)
def test_facts_of_a_day_that_is_over_are_in_no_batch(
    shop: Shop, at: datetime, now: datetime, is_in: bool
) -> None:
    with clock(now), lifecycle.batch(by=BY, past=True) as work:
        case = lifecycle.create_partial_in(
            work,
            location=shop.location,
            customer=shop.customer,
            lines=[Line(shop.cream, Decimal("20.00"))],
            at=at,
        )
        lifecycle.complete_sale.on(work, case, at=at, payments=[Payment(gateway=shop.gateway)])
    assert [day for _, day, _ in batches()] == ([at.date()] if is_in else [])
    assert (batch_of(case.order) is not None) == is_in


def test_a_quiet_batch_opens_it_and_tells_nobody(shop: Shop) -> None:
    order = shop.partial()
    with lifecycle.batch(by=BY, past=True, quiet=True) as work:
        payment = Payment(gateway=shop.gateway)
        lifecycle.complete_sale.on(work, work.load([order.pk])[order.pk], payments=[payment])
    event = Event.objects.get(type="transactionbatch.created")
    assert (event.muted, "resource" in event.data) == ("quiet", False)


# --- closing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "too_early", "time"),
    [
        ("UTC", datetime(2026, 5, 5, 0, 14, tzinfo=UTC), datetime(2026, 5, 5, 0, 15, tzinfo=UTC)),
        (
            "America/Sao_Paulo",
            datetime(2026, 5, 5, 3, 14, tzinfo=UTC),
            datetime(2026, 5, 5, 3, 15, tzinfo=UTC),
        ),
        ("Asia/Tokyo", datetime(2026, 5, 4, 15, 14, tzinfo=UTC), datetime(2026, 5, 4, 15, 15, tzinfo=UTC)),
    ],
)
def test_it_is_closed_some_minutes_after_midnight(
    shop: Shop, zone: str, too_early: datetime, time: datetime
) -> None:
    shop.location.time_zone = zone
    shop.location.save()
    a_sale(shop, NOON)
    with clock(time):
        assert lifecycle.close_due_batches(by="x", now=too_early) == 0
        assert lifecycle.close_due_batches(by="schedule:close_batches", now=time) == 1
        assert lifecycle.close_due_batches(by="x", now=time) == 0
    batch = SettlementBatch.objects.get()
    assert (batch.is_open, batch.closed_at) == (False, time)
    (_, (kind, data)) = told()
    assert (kind, data["old"]) == ("updated", {"is_open": True, "closed_at": None})
    assert (data["resource"]["is_open"], data["number"]) == (False, 1)
    event = Event.objects.latest("pk")
    assert (event.by, event.occurred_at) == ("schedule:close_batches", time)


def test_what_comes_after_is_in_the_next(shop: Shop) -> None:
    a_sale(shop, NOON)
    lifecycle.close_due_batches(by=BY, now=NOON + timedelta(days=1))
    order = a_sale(shop, NOON + timedelta(days=1))
    assert batch_of(order) == 2
    assert [is_open for _, _, is_open in batches()] == [False, True]


def test_a_closed_day_takes_nothing_more(shop: Shop) -> None:
    a_sale(shop, NOON)
    SettlementBatch.objects.update(is_open=False)  # by a clock that is ahead of ours
    order = a_sale(shop, NOON)
    assert (batch_of(order), len(batches())) == (None, 1)


def test_closing_takes_as_many_statements_for_many_as_for_few(shop: Shop) -> None:
    counts = []
    for count in (2, 40):
        for number in range(count):
            gateway = Gateway.objects.create(location=shop.location, title=f"{count}-{number}")
            SettlementBatch.objects.create(gateway=gateway, number=1, day=NOON.date(), created_at=NOON)
        with CaptureQueriesContext(connection) as statements:
            assert lifecycle.close_due_batches(by=BY) == count
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 8


def test_batches_of_nobody_knows_which_day_stay(shop: Shop) -> None:
    SettlementBatch.objects.create(gateway=shop.gateway, number=1, created_at=ago(days=9))
    assert lifecycle.close_due_batches(by=BY) == 0
