"""Two who pay at one moment: one batch, one stored method; closing waits for who still pays."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from delivery.models import Event
from orders import lifecycle
from orders.lifecycle import Line, Payment
from orders.models import Gateway, Order, SettlementBatch, StoredPaymentMethod, Transaction
from tests.journeys.crashes import waiting_for_us
from tests.orders.shop import BY, Shop, a_shop
from tests.processes import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def sell(order: Order, gateway: Gateway | None = None, **payment: Any) -> Order:
    paid = Payment(card_last4="1111", card_type="VISA", gateway=gateway, **payment)
    return lifecycle.complete_sale(order, by=BY, payments=[paid])


def some_orders(shop: Shop, count: int) -> list[Order]:
    return [shop.partial(Line(shop.cream, Decimal("20.00"))) for _ in range(count)]


def beside(act: Callable[[], Any], pool: ThreadPoolExecutor) -> "Future[Any]":
    """What another connection does meanwhile."""

    def run() -> Any:
        try:
            return act()
        finally:
            connection.close()

    return pool.submit(run)


def test_two_first_payments_of_the_day_make_one_batch() -> None:
    shop = a_shop()
    first, second = some_orders(shop, 2)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            sell(first, shop.gateway)
            other = beside(lambda: sell(second, shop.gateway), pool)
            wait_until(lambda: waiting_for_us() == 1, what="the second to wait for the first")
        other.result(20)
    batch = SettlementBatch.objects.get()
    assert set(Transaction.objects.values_list("batch_id", flat=True)) == {batch.pk}
    assert Event.objects.filter(type="transactionbatch.created").count() == 1


def test_the_second_opens_it_if_the_first_fails() -> None:
    shop = a_shop()
    first, second = some_orders(shop, 2)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            sell(first, shop.gateway)
            other = beside(lambda: sell(second, shop.gateway), pool)
            wait_until(lambda: waiting_for_us() == 1, what="the second to wait for the first")
            transaction.set_rollback(True)
        other.result(20)
    assert SettlementBatch.objects.get().number == 1
    assert Event.objects.filter(type="transactionbatch.created").count() == 1


def test_a_number_that_another_day_takes_meanwhile_is_not_given_twice() -> None:
    shop = a_shop()
    (order,) = some_orders(shop, 1)
    now = timezone.now()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            SettlementBatch.objects.create(
                gateway=shop.gateway, number=1, day=now.date() - timedelta(days=1), created_at=now
            )
            other = beside(lambda: sell(order, shop.gateway), pool)
            wait_until(lambda: waiting_for_us() == 1, what="the sale to wait for the number")
        other.result(20)
    assert sorted(SettlementBatch.objects.values_list("number", flat=True)) == [1, 2]
    assert order.transactions.get().batch.number == 2  # type: ignore[union-attr]


def test_once_it_is_open_nobody_waits_for_anybody() -> None:
    shop = a_shop()
    orders = some_orders(shop, 3)
    sell(orders[0], shop.gateway)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        sell(orders[1], shop.gateway)
        beside(lambda: sell(orders[2], shop.gateway), pool).result(20)
    assert Transaction.objects.filter(batch=SettlementBatch.objects.get()).count() == 3


def test_a_batch_is_not_closed_while_a_payment_enters_it() -> None:
    shop = a_shop()
    first, late = some_orders(shop, 2)
    sell(first, shop.gateway)
    tomorrow = timezone.now() + timedelta(days=2)

    def close() -> int:
        return lifecycle.close_due_batches(by=BY, now=tomorrow)

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            sell(late, shop.gateway)
            assert beside(close, pool).result(20) == 0  # and it does not wait
        assert SettlementBatch.objects.get().is_open
    SettlementBatch.objects.filter(is_open=True).update(day=timezone.now().date() - timedelta(days=2))
    assert lifecycle.close_due_batches(by=BY) == 1
    assert Transaction.objects.filter(batch__is_open=False).count() == 2


def test_several_who_close_at_once_close_each_once() -> None:
    shop = a_shop()
    now = timezone.now()
    for number in range(30):
        gateway = Gateway.objects.create(location=shop.location, title=f"Gateway {number}")
        SettlementBatch.objects.create(
            gateway=gateway, number=1, day=now.date() - timedelta(days=3), created_at=now
        )
    with ThreadPoolExecutor(4) as pool:
        running = [beside(lambda: lifecycle.close_due_batches(by=BY), pool) for _ in range(4)]
        assert sum(one.result(20) for one in running) == 30
    assert not SettlementBatch.objects.filter(is_open=True).exists()
    assert Event.objects.filter(type="transactionbatch.updated").count() == 30


def test_what_is_killed_while_closing_leaves_them_open() -> None:
    shop = a_shop()
    (order,) = some_orders(shop, 1)
    sell(order, shop.gateway)
    SettlementBatch.objects.update(day=timezone.now().date() - timedelta(days=2))
    with transaction.atomic():
        assert lifecycle.close_due_batches(by=BY) == 1
        transaction.set_rollback(True)
    assert SettlementBatch.objects.get().is_open
    assert not Event.objects.filter(type="transactionbatch.updated").exists()
    assert lifecycle.close_due_batches(by=BY) == 1


@pytest.mark.parametrize("token", ["tok_1", ""])
def test_two_payments_with_one_card_keep_one_method(token: str) -> None:
    shop = a_shop()
    first, second = (shop.partial(Line(shop.club, Decimal("20.00"))) for _ in range(2))
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            sell(first, token=token)
            other = beside(lambda: sell(second, token=token), pool)
            wait_until(lambda: waiting_for_us() == 1, what="the second to wait for the first")
        other.result(20)
    stored = StoredPaymentMethod.objects.get()
    assert set(Transaction.objects.values_list("payment_method_id", flat=True)) == {stored.pk}
    assert Event.objects.filter(type="accountvault.created").count() == 1


def test_a_removal_waits_for_a_payment_that_changes_the_method() -> None:
    shop = a_shop()
    first, second = some_orders(shop, 2)
    sell(first, token="tok_1", card_expiry="05/2029")
    stored = StoredPaymentMethod.objects.get()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            sell(second, token="tok_1", card_expiry="06/2033")
            other = beside(lambda: lifecycle.remove_payment_method(stored, by=BY), pool)
            wait_until(lambda: waiting_for_us() == 1, what="the removal to wait for the payment")
        other.result(20)
    stored.refresh_from_db()
    assert (stored.card_expiry, stored.removed_at is None) == ("06/2033", False)
    assert Event.objects.latest("pk").data["resource"]["card_expiry"] == "06/2033"
