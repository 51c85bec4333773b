"""Recurring purchases: started within a sale, billed again and again, paused, given up."""

from datetime import date, datetime, timedelta

from delivery import texts
from orders.cases import Case
from orders.lifecycle import vault
from orders.lifecycle.moves import CENT, money, move, must_be, subscription_must_be
from orders.lifecycle.work import MoveRefused, Work
from orders.models import Fulfillment, Order, OrderItem, Subscription, Transaction

ACTIVE, PAUSED = Subscription.Status.ACTIVE, Subscription.Status.PAUSED
RECYCLING, GIVEN_UP = Subscription.Status.RECYCLE_BILLING, Subscription.Status.RECYCLE_FAILED
CANCELLED = Subscription.Status.CANCELLED


def begin_subscription(work: Work, case: Case, item: OrderItem, at: datetime) -> None:
    """A recurring product was sold: from now on it bills by itself. Nothing for any other product."""
    product = item.product
    if not product.is_recurring:
        return
    subscription = Subscription(
        order=case.order,
        product=product,
        price=(item.price * item.quantity).quantize(CENT),
        quantity=item.quantity,
        billing_interval_days=product.billing_interval_days,
        next_bill_date=_next_bill(at, product.billing_interval_days),
        created_at=at,
        updated_at=at,
    )
    case.subscriptions.append(subscription)
    work.add(subscription)
    work.bill_to_card(case, subscription)
    work.tell("subscription.created", case, at, subscription=subscription, product=product)
    work.tell("subscription.started", case, at, subscription=subscription, product=product)


@move("Start a subscription", when=must_be(Order.Status.COMPLETE, what="made a subscription"))
def start_subscription(work: Work, case: Case, *, at: datetime, item: OrderItem) -> None:
    """For an item of a sale that was not recurring when it was sold, but is now."""
    if not item.product.is_recurring:
        raise MoveRefused(f"“{item.product}” is not a recurring product.")
    if any(one.product_id == item.product_id and one.status != CANCELLED for one in case.subscriptions):
        raise MoveRefused(f"“{item.product}” has a subscription in this order already.")
    begin_subscription(work, case, item, at)
    work.touch(case, at)


@move("Send the pre-bill notice", when=subscription_must_be(ACTIVE, what="pre-billed"), of_subscription=True)
def prebill(work: Work, case: Case, *, subscription: Subscription, at: datetime) -> None:
    """The e-mail before the next rebill went out."""
    _changed(work, case, subscription, at)
    next_bill_date = subscription.next_bill_date.isoformat() if subscription.next_bill_date else ""
    work.tell("subscription.prebilled", case, at, subscription=subscription, next_bill_date=next_bill_date)


@move("Rebill", when=subscription_must_be(ACTIVE, RECYCLING, what="billed"), of_subscription=True)
def rebill(work: Work, case: Case, *, subscription: Subscription, at: datetime) -> None:
    """Billed: a new order with `originalOrderId`; the purchase keeps its id and counts a cycle."""
    order = _rebill_order(case.order, subscription, at)
    item = OrderItem(
        order=order,
        product=subscription.product,
        name=subscription.product.name,
        quantity=1,
        price=subscription.price,
    )
    row = _transaction(order, case, subscription, at, billing_cycle=subscription.billing_cycle + 1)
    parcel = Fulfillment(order=order, created_at=at)
    made = Case(order, case.customer, items=[item], fulfillments=[parcel])
    for added in (order, item, parcel):
        work.add(added)
    subscription.billing_cycle += 1
    subscription.status = ACTIVE
    subscription.next_bill_date = _next_bill(at, subscription.billing_interval_days)
    _changed(work, case, subscription, at)
    work.tell("order.created", made, at)
    work.tell("order.recurring", made, at, subscription=subscription, amount=str(row.amount))
    work.add_transaction(made, row)
    if subscription.payment_method_id is None:
        work.bill_to_card(made, subscription)
    work.tell("subscription.updated", case, at, subscription=subscription)


@move("Decline a rebill", when=subscription_must_be(ACTIVE, RECYCLING, what="billed"), of_subscription=True)
def decline_rebill(
    work: Work, case: Case, *, subscription: Subscription, at: datetime, reason: str = ""
) -> None:
    """The rebill was refused; it will be tried again (recycled)."""
    row = _transaction(case.order, case, subscription, at, billing_cycle=subscription.billing_cycle + 1)
    row.response = Transaction.Response.SOFT_DECLINE
    row.response_text = reason
    fault = texts.fault(row)
    if fault:
        raise MoveRefused(fault)
    work.add_transaction(case, row)
    subscription.status = RECYCLING
    _changed(work, case, subscription, at)
    about = {"reason": reason, "amount": str(row.amount)}
    work.tell("subscription.rebill_declined", case, at, subscription=subscription, **about)


@move("Give up recycling", when=subscription_must_be(RECYCLING, what="given up"), of_subscription=True)
def fail_recycle(work: Work, case: Case, *, subscription: Subscription, at: datetime) -> None:
    """Retrying the rebill gives up."""
    subscription.status = GIVEN_UP
    _changed(work, case, subscription, at)
    work.tell("subscription.recycle_failed", case, at, subscription=subscription)


@move("Pause", when=subscription_must_be(ACTIVE, what="paused"), of_subscription=True)
def pause(work: Work, case: Case, *, subscription: Subscription, at: datetime) -> None:
    """No bill until it is reactivated."""
    subscription.status = PAUSED
    _changed(work, case, subscription, at)
    work.tell("subscription.paused", case, at, subscription=subscription)


@move(
    "Reactivate",
    when=subscription_must_be(PAUSED, CANCELLED, GIVEN_UP, what="reactivated"),
    of_subscription=True,
)
def reactivate(work: Work, case: Case, *, subscription: Subscription, at: datetime) -> None:
    """Bills again, an interval from now unless a later date was set."""
    subscription.status = ACTIVE
    subscription.cancel_reason = ""
    next_bill = _next_bill(at, subscription.billing_interval_days)
    subscription.next_bill_date = max(subscription.next_bill_date or next_bill, next_bill)
    _changed(work, case, subscription, at)
    work.tell("subscription.reactivated", case, at, subscription=subscription)


@move(
    "Cancel the subscription",
    when=subscription_must_be(ACTIVE, PAUSED, RECYCLING, GIVEN_UP, what="cancelled"),
    of_subscription=True,
)
def cancel_subscription(
    work: Work, case: Case, *, subscription: Subscription, at: datetime, reason: str = ""
) -> None:
    """No bill any more. This is what the customer type Cancel means."""
    fault = texts.fault_in(Subscription, {"cancel_reason": reason})
    if fault:
        raise MoveRefused(fault)
    end_subscription(work, case, subscription, at, reason)


def end_subscription(work: Work, case: Case, subscription: Subscription, at: datetime, reason: str) -> None:
    """Ends it, as a move of its own or along with its order."""
    subscription.status = CANCELLED
    subscription.cancel_reason = reason
    subscription.next_bill_date = None
    _changed(work, case, subscription, at)
    work.tell("subscription.cancelled", case, at, subscription=subscription, reason=reason)


def _rebill_order(original: Order, subscription: Subscription, at: datetime) -> Order:
    """The order that a rebill makes: to the same person, at the same place, from the same campaign."""
    kept = {field.attname: getattr(original, field.attname) for field in Order._meta.concrete_fields}
    for name in _NOT_KEPT:
        del kept[name]
    return Order(
        **kept,
        original_order=original,
        type=Order.Type.RECURRING,
        status=Order.Status.COMPLETE,
        total=subscription.price,
        paid=subscription.price,
        created_at=at,
        ordered_at=at,
        updated_at=at,
    )


# What a rebill order does not take over from the order that started the subscription.
_NOT_KEPT = (
    *("id", "client_order_id", "external_order_id", "original_order_id", "type", "status"),
    *("total", "shipping_total", "sales_tax", "discount", "paid", "refunded", "charged_back", "coupon_code"),
    *("has_upsell", "is_decline_save", "decline_reason", "cancel_reason", "agent_note", "refund_reason"),
    *("chargeback", "oddities", "created_at", "ordered_at", "refunded_at", "cancelled_at", "updated_at"),
)


def _transaction(
    order: Order, case: Case, subscription: Subscription, at: datetime, *, billing_cycle: int
) -> Transaction:
    """A try at the stored method; where none was ever kept, at the card of the last transaction with one.

    A method that was removed is charged no more: what was paid with then, nobody told us.
    """
    row = Transaction(
        order=order,
        subscription=subscription,
        type=Transaction.Type.SALE,
        amount=money(subscription.price),
        billing_cycle=billing_cycle,
        created_at=at,
    )
    card = next((one for one in reversed(case.transactions) if one.pay_source), None)
    if card is not None:
        row.gateway_id = card.gateway_id
    method = subscription.payment_method
    if method is not None and method.removed_at is None:
        vault.charge(method, row)
    elif method is None and card is not None:
        for name in ("pay_source", "card_type", "card_bin", "card_last4", "card_expiry"):
            setattr(row, name, getattr(card, name))
        vault.pass_on(card, row)
    return row


def _changed(work: Work, case: Case, subscription: Subscription, at: datetime) -> None:
    subscription.updated_at = max(subscription.updated_at, at)
    work.change(subscription)
    work.touch(case, at)


def _next_bill(at: datetime, days: int) -> date:
    return (at + timedelta(days=days)).date()
