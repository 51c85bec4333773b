"""Orders and subscriptions, which are Postrider's own resources."""

from typing import Any

from postbacks.resources.forms import (
    Read,
    amount,
    column,
    contact_id,
    flag,
    location_id,
    moment,
    number,
    seconds,
)
from postbacks.resources.reading import Around, Subject

_BILLING = ("first_name", "last_name", "company_name", "email", "phone")
_ADDRESS = ("address1", "address2", "city", "state", "postal_code", "country")
_SHIPPING = tuple(f"ship_{name}" for name in ("first_name", "last_name", "company_name", *_ADDRESS))
_SUMS = ("total", "shipping_total", "sales_tax", "discount", "paid", "refunded", "charged_back")


def _original(subject: Subject, known: Around) -> str | None:
    original = known.orders.get(subject.row.original_order_id or 0)
    return original.client_order_id if original else None


def _rows_of(name: str) -> Read:
    """Rows of the order as its event carries them, times as seconds."""

    def read(subject: Subject, known: Around) -> list[dict[str, Any]]:
        return [_plain(row) for row in subject.values.get(name, ())]

    return read


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value == "" else value for name, value in row.items()}


def _order_id(subject: Subject, known: Around) -> str | None:
    order = known.order(subject)
    return order.client_order_id if order else None


def _product(name: str) -> Read:
    return lambda subject, known: getattr(known.products.get(subject.row.product_id), name, None) or None


def _next_bill(subject: Subject, known: Around) -> str | None:
    day = subject.row.next_bill_date
    return day.isoformat() if day else None


ORDER: dict[str, Read] = {
    "id": column("client_order_id"),
    "location_id": location_id,
    "contact_id": contact_id,
    "external_order_id": column("external_order_id"),
    "original_order_id": _original,
    "type": column("type"),
    "status": column("status"),
    "currency": column("currency"),
    **{name: amount(name) for name in _SUMS},
    "coupon_code": column("coupon_code"),
    "has_upsell": flag("has_upsell"),
    "decline_reason": column("decline_reason"),
    "cancel_reason": column("cancel_reason"),
    "refund_reason": column("refund_reason"),
    **{name: column(name) for name in (*_BILLING, *_ADDRESS, *_SHIPPING)},
    "items": _rows_of("items"),
    "fulfillments": _rows_of("fulfillments"),
    "attribution": lambda subject, known: subject.row.attribution,
    "custom_fields": lambda subject, known: subject.row.custom_fields,
    "created_ts": moment("created_at"),
    "modified_ts": lambda subject, known: seconds(subject.row.updated_at),
    "ordered_ts": moment("ordered_at"),
    "refunded_ts": moment("refunded_at"),
    "cancelled_ts": moment("cancelled_at"),
}

SUBSCRIPTION: dict[str, Read] = {
    "id": column("client_purchase_id"),
    "location_id": location_id,
    "contact_id": contact_id,
    "order_id": _order_id,
    "product": _product("name"),
    "sku": _product("sku"),
    "status": column("status"),
    "price": amount("price"),
    "quantity": number("quantity"),
    "billing_cycle": number("billing_cycle"),
    "billing_interval_days": number("billing_interval_days"),
    "next_bill_date": _next_bill,
    "cancel_reason": column("cancel_reason"),
    "created_ts": moment("created_at"),
    "modified_ts": moment("updated_at"),
}
