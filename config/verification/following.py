"""One order, from its lines in the files to its rows and events."""

import csv
import gzip
from collections import Counter
from pathlib import Path
from typing import Any

from delivery import catalogue
from orders.models import Order

FILES = ("orders", "order_items", "order_payments")


def show(folder: Path, stdout: Any) -> None:
    """Prints the first delivered order that was paid in several ways."""
    order_id = _one_with_a_life(folder)
    stdout.write(f"\nOne order followed, from its lines to its rows: {order_id}")
    for name in FILES:
        with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
            for number, line in enumerate(file, start=1):
                if line.startswith(order_id):
                    stdout.write(f"  {name}.csv.gz line {number}: {line.strip()}")
    order = Order.objects.select_related("customer", "campaign").get(external_order_id=order_id)
    stdout.write(
        f"  order {order.pk} {order}, {order.get_status_display().lower()}, {order.paid} {order.currency}"
    )
    stdout.write(
        f"  of customer {order.customer_id}, {order.customer.external_id}, in campaign {order.campaign}"
    )
    for item in order.items.all():
        stdout.write(f"  item {item.pk}: {item} at {item.price}, shipping {item.shipping}")
    for row in order.transactions.all():
        stdout.write(f"  transaction {row.pk}: {row} by {row.pay_source}")
    for event in order.events.order_by("occurred_at", "id"):
        stdout.write(
            f"  {event.occurred_at:%Y-%m-%d %H:%M:%S} UTC {event.type}: {_words(event.type, event.data)}"
        )


def _one_with_a_life(folder: Path) -> str:
    with gzip.open(folder / "order_payments.csv.gz", "rt", encoding="utf-8", newline="") as file:
        several = Counter(line["order_id"] for line in csv.DictReader(file))
    with gzip.open(folder / "orders.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return next(
            line["order_id"]
            for line in csv.DictReader(file)
            if line["order_status"] == "delivered" and several[line["order_id"]] > 1
        )


def _words(event_type: str, data: dict[str, Any]) -> str:
    return catalogue.sentence(event_type, data)
