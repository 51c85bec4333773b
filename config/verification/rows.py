"""What the database has, by the same names as the figures of the files."""

from collections import Counter
from datetime import UTC
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Count, F, Sum

from config.verification.files import Moment
from customers.models import Customer
from delivery.models import Event
from orders.models import Fulfillment, Order, OrderItem, Product, Transaction

SALE, REFUND = Transaction.Type.SALE, Transaction.Type.REFUND
CENT = Decimal("0.01")


def olist() -> dict[str, object]:
    """The figures of what came from Olist, which is all that was paid in reais."""
    orders = Order.objects.filter(currency="BRL")
    items = OrderItem.objects.filter(order__in=orders)
    payments = Transaction.objects.filter(order__in=orders, type=SALE)
    refunds = Transaction.objects.filter(order__in=orders, type=REFUND)
    several = payments.values("order").annotate(count=Count("pk")).filter(count__gt=1)
    return {
        "orders": orders.count(),
        "persons": Customer.objects.filter(orders__in=orders).distinct().count(),
        "items": items.count(),
        "items + freight": _total(items, F("price") * F("quantity") + F("shipping")),
        "payments": payments.count(),
        "payments, sum": _total(payments, F("amount")),
        "payments of 0.00": payments.filter(amount=0).count(),
        "payments never approved": payments.filter(response="PENDING").count(),
        "orders with several payments": several.count(),
        "orders without items": orders.filter(items__isnull=True).count(),
        "orders still partial": orders.filter(status="PARTIAL").count(),
        "orders cancelled": orders.filter(status="CANCELLED", cancelled_at__isnull=False).count(),
        "refunds": refunds.count(),
        "refunds, sum": _total(refunds, F("amount")),
        "products": items.values("product").distinct().count(),
        **_kinds(payments),
        **_oddities(orders),
    }


def retail() -> dict[str, object]:
    """The figures of what came from the gift shop, which is all that was paid in pounds."""
    orders = Order.objects.filter(currency="GBP")
    items = OrderItem.objects.filter(order__in=orders)
    refunds = Transaction.objects.filter(order__in=orders, type=REFUND)
    people = Customer.objects.filter(orders__in=orders).distinct()
    guests = people.filter(external_id__startswith="guest:").count()
    lines = {external_id.partition(">")[0] for external_id in refunds.values_list("external_id", flat=True)}
    return {
        "orders": orders.count(),
        "customers with an id": people.count() - guests,
        "guests": guests,
        "items": items.count(),
        "items, pieces": items.aggregate(sum=Sum("quantity"))["sum"],
        "items, sum": _total(items, F("price") * F("quantity")),
        "items at 0.00": items.filter(price=0).count(),
        "products": items.values("product").distinct().count(),
        "cancellation lines refunded": len(lines),
        "refunds, sum": _total(refunds, F("amount")),
    }


def moments(currency: str, event_type: str) -> Counter[Moment]:
    """The events of a type by order and instant. The shape of an instant is the file's."""
    found = Event.objects.filter(type=event_type, order__currency=currency)
    rows = found.order_by().values_list("order__external_order_id", "occurred_at")
    return Counter((order, at.astimezone(UTC)) for order, at in rows.iterator())


def counts() -> dict[str, int]:
    """How many rows there are of everything, and how far each table's newest id is."""
    tables = (Customer, Order, OrderItem, Transaction, Fulfillment, Product, Event)
    return {str(model._meta.verbose_name_plural): model._default_manager.count() for model in tables}


def _kinds(payments: "models.QuerySet[Transaction]") -> dict[str, object]:
    counted = Counter(payments.values_list("pay_source", "card_is_debit"))
    return {
        "payments by card": counted["CREDITCARD", False] + counted["CREDITCARD", True],
        "payments by debit card": counted["CREDITCARD", True],
        "payments by boleto (CHECK)": counted["CHECK", False],
        "payments by voucher (PREPAID)": counted["PREPAID", False],
        "payments by nothing known": counted["", False],
    }


def _oddities(orders: "models.QuerySet[Order]") -> dict[str, object]:
    flagged = Counter(oddity for row in orders.values_list("oddities", flat=True) for oddity in row)

    def beginning(text: str) -> int:
        return sum(count for oddity, count in flagged.items() if oddity.startswith(text))

    return {
        "odd: shipped before it was approved": beginning("Mark as shipped: Only a complete order"),
        "odd: delivered before it was shipped": beginning("Mark as delivered: No parcel"),
        "odd: delivered without a date": beginning("Delivered, but the source has no date"),
        "odd: cancelled after it was shipped": beginning("Cancelled after it was shipped"),
    }


def _total(rows: "models.QuerySet[Any]", value: Any) -> Decimal:
    """An exact sum: SQLite adds decimals as floating-point numbers, which is near enough to round."""
    field = models.DecimalField(max_digits=20, decimal_places=6)
    total = rows.aggregate(sum=Sum(models.ExpressionWrapper(value, output_field=field)))["sum"]
    return Decimal(total or 0)
