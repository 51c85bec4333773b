"""Transactions learn the location of their order: those that were there before know it after the upgrade."""

from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection

from customers import services
from customers.models import Location
from orders import lifecycle
from orders.lifecycle import Line, Payment
from orders.models import Product, Transaction

pytestmark = pytest.mark.django_db(transaction=True)


def test_there_and_back() -> None:
    for name in ("Main store", "Elsewhere"):
        here = Location.objects.create(name=name)
        customer = services.create(here, by="test", last_name="Jones")
        product = Product.objects.create(location=here, name="Cream", sku="C-1")
        order = lifecycle.create_partial(
            by="test", location=here, customer=customer, lines=[Line(product, Decimal(20))]
        )
        lifecycle.complete_sale(order, by="test", payments=[Payment(card_last4="1111")])
    before = list(Transaction.objects.order_by("pk").values_list("pk", "order__location_id", "location_id"))
    assert len(before) == 2 and all(of_order == own for _, of_order, own in before)
    try:
        call_command("migrate", "orders", "0001", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM orders_transaction")
            assert "location_id" not in {column[0] for column in cursor.description}
    finally:
        call_command("migrate", verbosity=0)
    assert list(
        Transaction.objects.order_by("pk").values_list("pk", "order__location_id", "location_id")
    ) == (before)
