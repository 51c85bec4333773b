"""Transactions and stored payment methods learn their location: also those from before the upgrade."""

from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from customers import services
from customers.models import Location
from orders import lifecycle
from orders.lifecycle import Line, Payment
from orders.models import Product, StoredPaymentMethod, Transaction

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
        StoredPaymentMethod.objects.create(location=here, customer=customer, created_at=timezone.now())
    before = locations()
    assert len(before) == 4 and all(belongs == own for _, belongs, own in before)
    try:
        call_command("migrate", "orders", "0001", verbosity=0)
        with connection.cursor() as cursor:
            for table in ("orders_transaction", "orders_storedpaymentmethod"):
                cursor.execute(f"SELECT * FROM {table}")
                assert "location_id" not in {column[0] for column in cursor.description}
    finally:
        call_command("migrate", verbosity=0)
    assert locations() == before


def locations() -> list[tuple[int, int, int]]:
    """Of each row its key, the location of what it belongs to, and its own."""
    paid = Transaction.objects.order_by("pk").values_list("pk", "order__location_id", "location_id")
    kept = StoredPaymentMethod.objects.order_by("pk")
    return [*paid, *kept.values_list("pk", "customer__location_id", "location_id")]
