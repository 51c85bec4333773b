"""Fields of the order: its numbers, dates and amounts."""

from decimal import Decimal
from operator import attrgetter

from exports.fields import events
from exports.fields.reading import Field, Reading, flag, moment, money
from orders.cases import Case
from orders.models import Order, OrderItem

GROUP = "Order"

_SYMBOLS = {
    **{"USD": "$", "AUD": "A$", "CAD": "C$", "NZD": "NZ$", "BRL": "R$", "MXN": "MX$", "HKD": "HK$"},
    **{"EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "KRW": "₩", "ILS": "₪", "UAH": "₴"},
    **{"CHF": "CHF", "SEK": "kr", "NOK": "kr", "DKK": "kr", "PLN": "zł", "CZK": "Kč", "TRY": "₺", "VND": "₫"},
}


def _first(reading: Reading) -> Order:
    """The order that started it all: of a rebill the original, else the order itself."""
    order = reading.case.order
    return order.original_order or order


def _products(case: Case, *types: str) -> Decimal:
    return sum((item.price * item.quantity for item in case.items if item.type in types), Decimal(0))


def _order_total(reading: Reading) -> str:
    order = reading.case.order
    return money(order.total - order.shipping_total - _products(reading.case, OrderItem.Type.UPSELL))


def _has_upsell(reading: Reading) -> int:
    case = reading.case
    return flag(case.order.has_upsell or any(item.type == OrderItem.Type.UPSELL for item in case.items))


def _recurring_price(reading: Reading) -> str:
    purchase = events.subscription(reading)
    return money(purchase.price) if purchase is not None else ""


def _time_created(reading: Reading) -> str:
    return moment(reading.case.order.created_at, reading.zone)[11:]


_NUMBERS = (
    Field(
        "clientOrderId",
        GROUP,
        "Order number (10 hex)",
        attrgetter("case.order.client_order_id"),
        "C0FFEE1234",
    ),
    Field("orderId", GROUP, "Order id", attrgetter("case.order.pk"), 1042),
    Field("originalOrderId", GROUP, "Id of the first order", lambda r: _first(r).pk, 1001),
    Field(
        "originalClientOrderId",
        GROUP,
        "Number of the first order",
        lambda r: _first(r).client_order_id,
        "C0FFEE1234",
    ),
    Field(
        "externalOrderId", GROUP, "The shop's own id", attrgetter("case.order.external_order_id"), "SHOP-7"
    ),
    Field("orderType", GROUP, "NEW_SALE or RECURRING", attrgetter("case.order.type"), "NEW_SALE"),
    Field("orderStatus", GROUP, "Status", attrgetter("case.order.status"), "COMPLETE"),
)

_DATES = (
    Field(
        "orderDate",
        GROUP,
        "When it was billed; of a partial, when it was begun",
        lambda r: moment(r.case.order.ordered_at or r.case.order.created_at, r.zone),
        "2026-05-04 14:05:09",
    ),
    Field(
        "dateCreated",
        GROUP,
        "When the order was created",
        lambda r: moment(r.case.order.created_at, r.zone),
        "2026-05-04 14:01:00",
    ),
    Field("timeCreated", GROUP, "Time of day of its creation", _time_created, "14:01:00"),
    Field(
        "dateUpdated",
        GROUP,
        "When it last changed",
        lambda r: moment(r.case.order.updated_at, r.zone),
        "2026-05-04 14:05:09",
    ),
    Field(
        "acquisitionDate",
        GROUP,
        "When the (first) partial was created",
        lambda r: moment(_first(r).created_at, r.zone),
        "2026-05-04 14:01:00",
    ),
)

_AMOUNTS = (
    Field("orderTotal", GROUP, "Total without upsells and shipping", _order_total, "49.90"),
    Field(
        "totalPrice",
        GROUP,
        "Total with upsells and shipping",
        lambda r: money(r.case.order.total),
        "74.85",
    ),
    Field("totalShipping", GROUP, "Shipping", lambda r: money(r.case.order.shipping_total), "4.95"),
    Field("totalDiscount", GROUP, "Discount", lambda r: money(r.case.order.discount), "0.00"),
    Field("salesTax", GROUP, "Sales tax", lambda r: money(r.case.order.sales_tax), "0.00"),
    Field(
        "basePrice",
        GROUP,
        "Products without upsells, before discount and tax",
        lambda r: money(_products(r.case, OrderItem.Type.OFFER)),
        "49.90",
    ),
    Field(
        "price",
        GROUP,
        "Products with upsells, before discount and tax",
        lambda r: money(_products(r.case, OrderItem.Type.OFFER, OrderItem.Type.UPSELL)),
        "69.90",
    ),
    Field("recurringPrice", GROUP, "What a rebill costs", _recurring_price, "29.00"),
    Field(
        "baseShipping",
        GROUP,
        "Shipping (the API's name of it)",
        lambda r: money(r.case.order.shipping_total),
        "4.95",
    ),
    Field(
        "discountPrice",
        GROUP,
        "Discount (the API's name of it)",
        lambda r: money(r.case.order.discount),
        "0.00",
    ),
    Field("currencyCode", GROUP, "Currency", attrgetter("case.order.currency"), "USD"),
    Field(
        "currencySymbol",
        GROUP,
        "Currency symbol",
        lambda r: _SYMBOLS.get(r.case.order.currency, r.case.order.currency),
        "$",
    ),
    Field("couponCode", GROUP, "Coupon code", attrgetter("case.order.coupon_code"), "SPRING"),
)

_MARKS = (
    Field("hasUpsells", GROUP, "Includes an upsell (1 or 0)", _has_upsell, 1),
    Field("hasUpsell", GROUP, "Includes an upsell (1 or 0)", _has_upsell, 1),
    Field("replacedByOrderItemId", GROUP, "Item that replaced it (not recorded: empty)", lambda r: "", ""),
    Field(
        "isDeclineSave",
        GROUP,
        "Sold after a decline (1 or 0)",
        lambda r: flag(r.case.order.is_decline_save),
        0,
    ),
    Field(
        "salesUrl",
        GROUP,
        "Page of the sale",
        attrgetter("case.order.sales_url"),
        "https://shop.example/offer",
    ),
)

FIELDS = (*_NUMBERS, *_DATES, *_AMOUNTS, *_MARKS)
