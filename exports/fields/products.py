"""Fields of the products: five numbered places in the order of the items, and all items as one array."""

from collections.abc import Callable
from typing import Any

from exports.fields.purchase import recurring_status
from exports.fields.reading import Field, Reading, Value, day, money
from orders.models import OrderItem, Subscription

GROUP = "Products"
PLACES = 5

ReadItem = Callable[[Reading, OrderItem], Value]


def _subscription(reading: Reading, item: OrderItem) -> Subscription | None:
    for row in reading.case.subscriptions:
        if row.product_id == item.product_id:
            return row
    return None


def _status(reading: Reading, item: OrderItem) -> str:
    return recurring_status(reading.case, _subscription(reading, item), item.product)


def _purchase(column: str) -> ReadItem:
    def read(reading: Reading, item: OrderItem) -> Value:
        row = _subscription(reading, item)
        value: Value = getattr(row, column) if row is not None else ""
        return value

    return read


def _next_bill_date(reading: Reading, item: OrderItem) -> str:
    row = _subscription(reading, item)
    return day(row.next_bill_date) if row is not None else ""


_PARTS: tuple[tuple[str, str, ReadItem, Value], ...] = (
    ("id", "product id", lambda r, item: item.product_id, 5),
    ("name", "name", lambda r, item: item.name, "Face cream"),
    ("sku", "SKU", lambda r, item: item.product.sku, "FC-1"),
    ("crmId", "id of the base product", lambda r, item: item.product_id, 5),
    ("externalId", "the shop's own id", lambda r, item: item.product.external_id, "SHOP-FC"),
    (
        "campaignProductId",
        "id in the campaign",
        lambda r, item: r.campaign_products.get(item.product_id, ""),
        12,
    ),
    ("price", "price of one", lambda r, item: money(item.price), "49.90"),
    ("qty", "quantity", lambda r, item: item.quantity, 1),
    ("recurringstatus", "subscription status, or ONE_TIME", _status, "ACTIVE"),
    ("billingCycleNumber", "billing cycle", _purchase("billing_cycle"), 1),
    ("nextBillDate", "next bill (a day)", _next_bill_date, "2026-06-04"),
    ("purchaseId", "subscription id", _purchase("pk"), 812),
    ("clientPurchaseId", "subscription number", _purchase("client_purchase_id"), "AB12CD34EF"),
    ("productCategoryId", "category id (categories have none: empty)", lambda r, item: "", ""),
    ("productCategoryName", "category", lambda r, item: item.product.category, "Cosmetics"),
)


def _at(place: int, part: ReadItem) -> Callable[[Reading], Value]:
    index = place - 1

    def read(reading: Reading) -> Value:
        items = reading.case.items
        return part(reading, items[index]) if index < len(items) else ""

    return read


def _items(reading: Reading) -> list[dict[str, Any]]:
    return [
        {
            "id": item.product_id,
            "name": item.name,
            "sku": item.product.sku,
            "externalId": item.product.external_id,
            "type": item.type,
            "qty": item.quantity,
            "price": money(item.price),
            "shipping": money(item.shipping),
            "recurringStatus": _status(reading, item),
        }
        for item in reading.case.items
    ]


_EXAMPLE_ITEM = {
    "id": 5,
    "name": "Face cream",
    "sku": "FC-1",
    "externalId": "SHOP-FC",
    "type": "OFFER",
    "qty": 1,
    "price": "49.90",
    "shipping": "4.95",
    "recurringStatus": "ACTIVE",
}

FIELDS = (
    *(
        Field(f"product{place}_{name}", GROUP, f"Product {place}: {label}", _at(place, part), example)
        for place in range(1, PLACES + 1)
        for name, label, part, example in _PARTS
    ),
    Field("items", GROUP, "All items, however many (JSON)", _items, [_EXAMPLE_ITEM]),
)
