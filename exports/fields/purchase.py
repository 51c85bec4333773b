"""Fields of what follows a sale: subscription, refund, chargeback, fulfilment."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from exports.fields.events import fulfillment, said, subscription
from exports.fields.reading import Field, Reading, Value, day, moment, money
from orders.cases import Case
from orders.models import Order, Product, Subscription

SUBSCRIPTION = "Subscription"
REFUND = "Refund and chargeback"
FULFILLMENT = "Fulfilment"

REFUNDED, CHARGED_BACK = "order.refunded", "order.charged_back"


def recurring_status(case: Case, purchase: Subscription | None, product: Product) -> str:
    """The words of the documentation: besides a subscription's own, ONE_TIME, and PENDING before the sale."""
    if purchase is not None:
        return purchase.status
    if not product.is_recurring:
        return "ONE_TIME"
    return "CANCELLED" if case.order.status in (Order.Status.DECLINED, Order.Status.CANCELLED) else "PENDING"


def _status(reading: Reading) -> str:
    purchase, items = subscription(reading), reading.case.items
    if purchase is not None:
        return purchase.status
    first = next(
        (item.product for item in items if item.product.is_recurring), items[0].product if items else None
    )
    return recurring_status(reading.case, None, first) if first is not None else ""


def _purchase(column: str) -> Callable[[Reading], Value]:
    def read(reading: Reading) -> Value:
        row = subscription(reading)
        value: Value = getattr(row, column) if row is not None else ""
        return value

    return read


def _next_bill_date(reading: Reading) -> str:
    row = subscription(reading)
    return day(row.next_bill_date) if row is not None else ""


def _date_refunded(reading: Reading) -> str:
    event = reading.event
    at = event.occurred_at if event.type == REFUNDED else reading.case.order.refunded_at
    return moment(at, reading.zone)


def _refund_total(reading: Reading) -> str:
    refunded = Decimal(reading.case.order.refunded)
    return money(refunded) if refunded else ""


def _chargeback(key: str) -> Callable[[Reading], Value]:
    """Of the chargeback that the event tells of, else of the one that the order has now."""
    return said(key, CHARGED_BACK, otherwise=lambda r: r.case.order.chargeback.get(key, ""))


def _chargeback_date(reading: Reading) -> str:
    if reading.event.type == CHARGED_BACK:
        return moment(reading.event.occurred_at, reading.zone)
    stored = reading.case.order.chargeback.get("date")
    return moment(datetime.fromisoformat(stored), reading.zone) if stored else ""


def _parcel(column: str) -> Callable[[Reading], Value]:
    def read(reading: Reading) -> Value:
        row = fulfillment(reading)
        value: Value = getattr(row, column) if row is not None else ""
        return value

    return read


FIELDS = (
    Field("purchaseId", SUBSCRIPTION, "Subscription id", _purchase("pk"), 812),
    Field(
        "clientPurchaseId", SUBSCRIPTION, "Subscription number", _purchase("client_purchase_id"), "AB12CD34EF"
    ),
    Field("recurringStatus", SUBSCRIPTION, "Status, or ONE_TIME", _status, "ACTIVE"),
    Field("billingCycleNumber", SUBSCRIPTION, "Billing cycle", _purchase("billing_cycle"), 2),
    Field("nextBillDate", SUBSCRIPTION, "Next bill (a day)", _next_bill_date, "2026-06-04"),
    Field("dateRefunded", REFUND, "When it was refunded", _date_refunded, "2026-05-10 09:30:00"),
    Field(
        "refundAmount",
        REFUND,
        "What this refund gave back; else all refunds so far",
        said("amount", REFUNDED, otherwise=_refund_total),
        "10.00",
    ),
    Field(
        "refundReason",
        REFUND,
        "Why it was refunded",
        said("reason", REFUNDED, otherwise=lambda r: r.case.order.refund_reason),
        "Damaged",
    ),
    Field(
        "refundRemaining",
        REFUND,
        "What can still be refunded",
        said("remaining", REFUNDED, otherwise=lambda r: money(r.case.refundable)),
        "49.90",
    ),
    Field("chargebackAmount", REFUND, "Chargeback: amount", _chargeback("amount"), "59.90"),
    Field("chargebackDate", REFUND, "Chargeback: when", _chargeback_date, "2026-05-20 00:00:00"),
    Field("chargebackNote", REFUND, "Chargeback: note", _chargeback("note"), "Not as described"),
    Field("chargebackReasonCode", REFUND, "Chargeback: reason code", _chargeback("reason_code"), "4853"),
    Field("fulfillmentStatus", FULFILLMENT, "Status of the parcel", _parcel("status"), "SHIPPED"),
    Field("trackingNumber", FULFILLMENT, "Tracking number", _parcel("tracking_number"), "1Z999AA10123456784"),
    Field("shipCarrier", FULFILLMENT, "Carrier", _parcel("ship_carrier"), "UPS"),
    Field("shipMethod", FULFILLMENT, "Shipping method", _parcel("ship_method"), "Ground"),
    Field("rmaNumber", FULFILLMENT, "RMA number", _parcel("rma_number"), "RMA-7"),
)
