"""Every event type there is: what it means, how the history says it, which postback resource it touches."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EventType:
    """One entry. `sentence` is filled from the event's data.

    `postback` is (CREATE|UPDATE|DELETE, resource): what postback configs are told, and of which row the
    event carries how it is (`delivery.snapshots`). None: another event of the same moment tells it.
    """

    key: str
    meaning: str
    sentence: str
    postback: tuple[str, str] | None = None
    example: tuple[tuple[str, Any], ...] = ()
    is_private: bool = False  # nobody can subscribe to it


_ORDER_CHANGED = ("UPDATE", "order")
_SUBSCRIPTION_CHANGED = ("UPDATE", "subscription")
_SUBSCRIPTION = (("subscription", 812),)

ALL = (
    EventType("order.created", "An order exists, complete or not", "Order created", ("CREATE", "order")),
    EventType("order.updated", "An order's own data changed", "Order changed", _ORDER_CHANGED),
    EventType("order.partial", "An incomplete order is created or its cart changes", "Order is incomplete"),
    EventType(
        "order.sale",
        "A new sale billed successfully",
        "New sale of {amount}",
        _ORDER_CHANGED,
        (("amount", "59.90"),),
    ),
    EventType(
        "order.upsell",
        "A sale includes an upsell, or one is added to it afterwards",
        "Upsell of {amount}",
        _ORDER_CHANGED,
        (("amount", "19.00"),),
    ),
    EventType(
        "order.recurring",
        "A subscription creates an order that bills successfully",
        "Recurring order of {amount}",
        _ORDER_CHANGED,
        (("amount", "29.00"), *_SUBSCRIPTION),
    ),
    EventType(
        "order.declined",
        "A new sale declines",
        "Declined: {reason}",
        _ORDER_CHANGED,
        (("reason", "Insufficient funds"),),
    ),
    EventType(
        "order.cancelled",
        "An order is cancelled",
        "Order cancelled: {reason}",
        _ORDER_CHANGED,
        (("reason", "Out of stock"),),
    ),
    EventType(
        "order.refunded",
        "Money goes back, in part or in full",
        "Refund of {amount} ({kind})",
        _ORDER_CHANGED,
        (("amount", "10.00"), ("kind", "partial"), ("reason", "Damaged"), ("remaining", "49.90")),
    ),
    EventType(
        "order.charged_back",
        "A chargeback is marked",
        "Chargeback of {amount}",
        _ORDER_CHANGED,
        (("amount", "59.90"), ("reason_code", "4837")),
    ),
    EventType(
        "order.chargeback_reverted",
        "A chargeback is taken back",
        "Chargeback of {amount} reverted",
        _ORDER_CHANGED,
        (("amount", "59.90"),),
    ),
    EventType("order.qa_pending", "An order is held for quality assurance", "Held for QA", _ORDER_CHANGED),
    EventType("order.qa_approved", "A held order is approved", "QA approved", _ORDER_CHANGED),
    EventType(
        "order.qa_declined",
        "A held order is declined",
        "QA declined: {reason}",
        _ORDER_CHANGED,
        (("reason", "Fraud"),),
    ),
    EventType(
        "subscription.created",
        "A recurring purchase exists",
        "Subscription created",
        ("CREATE", "subscription"),
        _SUBSCRIPTION,
    ),
    EventType(
        "subscription.updated",
        "A recurring purchase changed",
        "Subscription changed",
        _SUBSCRIPTION_CHANGED,
        _SUBSCRIPTION,
    ),
    EventType(
        "subscription.started",
        "A new sale includes a recurring product",
        "Subscription started",
        None,
        _SUBSCRIPTION,
    ),
    EventType(
        "subscription.prebilled",
        "The pre-bill e-mail went out before the next rebill",
        "Pre-bill notice sent, next bill {next_bill_date}",
        _SUBSCRIPTION_CHANGED,
        (("next_bill_date", "2026-12-01"), *_SUBSCRIPTION),
    ),
    EventType(
        "subscription.rebill_declined",
        "A rebill declines",
        "Rebill declined: {reason}",
        _SUBSCRIPTION_CHANGED,
        (("reason", "Card expired"), ("amount", "29.00"), *_SUBSCRIPTION),
    ),
    EventType(
        "subscription.recycle_failed",
        "Retrying the rebill gives up",
        "Recycling failed",
        _SUBSCRIPTION_CHANGED,
        _SUBSCRIPTION,
    ),
    EventType(
        "subscription.cancelled",
        "A recurring purchase is cancelled",
        "Subscription cancelled: {reason}",
        _SUBSCRIPTION_CHANGED,
        (("reason", "Too expensive"), *_SUBSCRIPTION),
    ),
    EventType(
        "subscription.paused",
        "A recurring purchase is paused",
        "Subscription paused",
        _SUBSCRIPTION_CHANGED,
        _SUBSCRIPTION,
    ),
    EventType(
        "subscription.reactivated",
        "A recurring purchase runs again",
        "Subscription reactivated",
        _SUBSCRIPTION_CHANGED,
        _SUBSCRIPTION,
    ),
    EventType(
        "fulfillment.shipped",
        "A fulfilment's status becomes Shipped",
        "Shipped {tracking_number}",
        _ORDER_CHANGED,
        (("fulfillment", 77), ("tracking_number", "1Z999")),
    ),
    EventType(
        "fulfillment.delivered",
        "A fulfilment's status becomes Delivered",
        "Delivered to the customer",
        _ORDER_CHANGED,
        (("fulfillment", 77),),
    ),
    EventType(
        "rma.issued",
        "A return is agreed",
        "RMA {rma_number} issued",
        _ORDER_CHANGED,
        (("fulfillment", 77), ("rma_number", "R-1")),
    ),
    EventType(
        "rma.received",
        "The returned goods are here",
        "RMA {rma_number} received",
        _ORDER_CHANGED,
        (("fulfillment", 77), ("rma_number", "R-1")),
    ),
    EventType("contact.created", "A customer exists", "Customer created", ("CREATE", "contact")),
    EventType(
        "contact.updated",
        "A customer's data changed",
        "Customer changed: {fields}",
        ("UPDATE", "contact"),
        (("fields", "email"),),
    ),
    EventType("contact.deleted", "A customer is deleted", "Customer deleted", ("DELETE", "contact")),
    EventType(
        "transaction.created",
        "Money moved, or a try at it",
        "{type} of {amount}: {response}",
        ("CREATE", "transaction"),
        (("transaction", 4711), ("type", "SALE"), ("amount", "59.90"), ("response", "SUCCESS")),
    ),
    EventType(
        "transaction.updated",
        "A transaction's state changed",
        "Transaction changed",
        ("UPDATE", "transaction"),
        (("transaction", 4711),),
    ),
    EventType(
        "accountvault.created",
        "A payment method is stored",
        "Payment method stored: {method}",
        ("CREATE", "accountvault"),
        (("method", "VISA 1111"),),
    ),
    EventType(
        "accountvault.updated",
        "A stored payment method changed",
        "Payment method changed: {method}",
        ("UPDATE", "accountvault"),
        (("method", "VISA 1111"),),
    ),
    EventType(
        "accountvault.deleted",
        "A stored payment method is removed",
        "Payment method removed: {method}",
        ("DELETE", "accountvault"),
        (("method", "VISA 1111"),),
    ),
    EventType(
        "transactionbatch.created",
        "The day's settlement batch opened",
        "Batch {number} opened: {gateway}",
        ("CREATE", "transactionbatch"),
        (("number", 7), ("gateway", "Main gateway")),
    ),
    EventType(
        "transactionbatch.updated",
        "The day's settlement batch closed",
        "Batch {number} closed: {gateway}",
        ("UPDATE", "transactionbatch"),
        (("number", 7), ("gateway", "Main gateway")),
    ),
    EventType(
        "note.added", "An agent left a note", "{text}", None, (("text", "Called back, all fine"),), True
    ),
)

BY_KEY = {entry.key: entry for entry in ALL}
POSTBACKS = {entry.key: entry.postback for entry in ALL if entry.postback is not None}


def sentence(event_type: str, data: dict[str, Any]) -> str:
    """What happened, in words. Data that an event does not carry is left out, with what led to it."""
    entry = BY_KEY.get(event_type)
    if entry is None:
        return event_type
    # One pass over our own template: text that strangers typed is inserted, never read as a template.
    said = entry.sentence.format_map(_Blank(data)).strip().rstrip(":").strip()
    return said or "A note, erased with the customer"  # the only one that is nothing but a text


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""
