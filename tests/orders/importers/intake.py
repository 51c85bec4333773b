"""Importing in tests: real slices, files written on the spot, and a picture of all that came of them."""

import csv
from pathlib import Path
from typing import Any

from customers.services import only_location
from delivery.models import Event
from orders.importers import PRESETS, Report, run
from orders.models import Order

DATA = Path(__file__).parent / "data"
OLIST, RETAIL = DATA / "olist", DATA / "online_retail.csv"
HEADER = (
    "order_id,created_at,sold_at,shipped_at,delivered_at,sku,product,quantity,price,shipping,first_name,email"
)


def take_in(path: Path, preset: str, **options: Any) -> Report:
    return run([path], PRESETS[preset], only_location(), **options)


def written(folder: Path, *lines: str | bytes, header: str = HEADER, name: str = "orders.csv") -> Path:
    """A file of these lines under the header."""
    path = folder / name
    path.write_bytes(
        b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in (header, *lines))
    )
    return path


def rejects(path: Path) -> list[tuple[int, str]]:
    """Number and reason of each rejected line."""
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return [(int(line["line"]), line["reason"]) for line in csv.DictReader(file)]


def order(external_id: str) -> Order:
    return Order.objects.select_related("customer", "campaign", "original_order").get(
        external_order_id=external_id
    )


def event_types(external_id: str) -> list[str]:
    """What happened to an order, as it was recorded."""
    found = Event.objects.filter(order__external_order_id=external_id).order_by("id")
    return list(found.values_list("type", flat=True))


def picture() -> dict[str, Any]:
    """All orders with everything of them, without ids that depend on when they were made."""
    return {
        one.external_order_id: (
            (
                one.status,
                one.type,
                one.customer.external_id,
                one.customer.email,
                one.campaign and one.campaign.name,
            ),
            (
                one.total,
                one.paid,
                one.refunded,
                one.oddities,
                one.created_at,
                one.ordered_at,
                one.cancelled_at,
            ),
            [(item.name, item.quantity, item.price, item.shipping) for item in one.items.all()],
            [
                (row.type, row.amount, row.response, row.external_id, row.card_last4)
                for row in one.transactions.all()
            ],
            [(parcel.status, parcel.shipped_at, parcel.delivered_at) for parcel in one.fulfillments.all()],
            [(event.type, event.occurred_at, event.muted) for event in one.events.order_by("id")],
        )
        for one in Order.objects.select_related("customer", "campaign").prefetch_related(
            "items", "transactions", "fulfillments"
        )
    }
