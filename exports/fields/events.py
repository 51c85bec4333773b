"""Fields of the event itself, and which rows of the order it is about."""

from collections.abc import Callable

from exports.fields.reading import Field, Reading, Value, flag, moment
from orders.models import Fulfillment, Subscription

GROUP = "Event"


def subscription(reading: Reading) -> Subscription | None:
    """The recurring purchase that the event is about, else the one billed, else the order's first."""
    rows = reading.case.subscriptions
    wanted = reading.event.data.get("subscription") or _billed_subscription(reading)
    for row in rows:
        if row.pk == wanted:
            return row
    return rows[0] if rows else None


def fulfillment(reading: Reading) -> Fulfillment | None:
    """The parcel that the event is about, else the order's latest."""
    rows = reading.case.fulfillments
    wanted = reading.event.data.get("fulfillment")
    if wanted:
        for row in rows:
            if row.pk == wanted:
                return row
    return rows[-1] if rows else None


def said(key: str, *event_types: str, otherwise: Callable[[Reading], Value]) -> Callable[[Reading], Value]:
    """What events of these types say under `key`; for any other event, what the order says."""

    def read(reading: Reading) -> Value:
        if reading.event.type in event_types:
            value: Value = reading.event.data.get(key) or ""
            return value
        return otherwise(reading)

    return read


def _billed_subscription(reading: Reading) -> int | None:
    for row in reading.case.transactions:
        if row.subscription_id:
            return row.subscription_id
    return None


def _cancel_reason(reading: Reading) -> str:
    if reading.case.order.cancel_reason:
        return reading.case.order.cancel_reason
    purchase = subscription(reading)
    return purchase.cancel_reason if purchase is not None else ""


FIELDS = (
    Field("customerType", GROUP, "Customer type that made it go", lambda r: r.customer_type, "New Sale"),
    Field("eventId", GROUP, "Event id, the same in every attempt", lambda r: r.event.id or "", 90210),
    Field("eventType", GROUP, "Event type", lambda r: r.event.type, "order.sale"),
    Field(
        "eventTime",
        GROUP,
        "When it happened",
        lambda r: moment(r.event.occurred_at, r.zone),
        "2026-05-04 14:05:09",
    ),
    Field(
        "cancelReason",
        GROUP,
        "Why it was cancelled",
        said("reason", "order.cancelled", "subscription.cancelled", otherwise=_cancel_reason),
        "Too expensive",
    ),
    Field("agentNote", GROUP, "Agent's note on the order", lambda r: r.case.order.agent_note, "Called back"),
    Field("isTest", GROUP, "Test order (1 or 0)", lambda r: flag(r.case.order.is_test), 0),
)
