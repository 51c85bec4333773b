"""How an order comes about: partial, cart, sale, upsell, decline, cancellation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from customers.models import Customer, Location
from delivery import sets
from orders.cases import Case
from orders.lifecycle.billing import (
    Payment,
    bill,
    check,
    check_columns,
    check_total,
    mark_declined,
    mark_test,
    paid,
    pay,
    total_of,
)
from orders.lifecycle.moves import money, move, must_be
from orders.lifecycle.subscriptions import begin_subscription, end_subscription
from orders.lifecycle.work import MoveRefused, Work, batch
from orders.models import Fulfillment, Order, OrderItem, Product, Subscription, Transaction

MILL = Decimal("0.0001")
PARTIAL, COMPLETE = Order.Status.PARTIAL, Order.Status.COMPLETE
DECLINED, CANCELLED = Order.Status.DECLINED, Order.Status.CANCELLED


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a cart. `price` is of one piece."""

    product: Product
    price: Decimal
    quantity: int = 1
    shipping: Decimal = Decimal(0)
    name: str = ""
    external_id: str = ""


def create_partial_in(
    work: Work,
    *,
    location: Location,
    customer: Customer,
    lines: Sequence[Line] = (),
    awaited: Sequence[Payment] = (),
    at: datetime | None = None,
    **fields: Any,
) -> Case:
    """A new incomplete order within a batch. `fields` are columns of Order; the billing address is the
    customer's where it is not given. `awaited` are payments that nobody has answered yet: `complete_sale`
    settles those that it is given again by their external id. Raises MoveRefused for what cannot be stored.
    """
    when = work.when(at)
    columns = {**_billing(customer), **fields}
    order = sets.new(Order, location=location, customer=customer, created_at=when, updated_at=when, **columns)
    order.total = money(order.sales_tax, "tax") - money(order.discount, "discount")  # items are added below
    case = Case(order, customer)
    items = [_item(order, line, OrderItem.Type.OFFER) for line in lines]
    rows = [paid(case, payment, when, Transaction.Type.SALE) for payment in awaited]
    check_columns(columns)
    check(*items, *rows)
    check_total(order.total + total_of(items))
    work.add(order)
    _put(work, case, items)
    mark_test(case, awaited)
    work.tell("order.created", case, when)
    work.tell("order.partial", case, when)
    for row in rows:
        row.response = Transaction.Response.PENDING
        work.add_transaction(case, row)
    work.close_move()
    return case


def create_partial(*, by: str, **details: Any) -> Order:
    """A new incomplete order; see `create_partial_in`."""
    with batch(by=by) as work:
        case = create_partial_in(work, **details)
    return case.order


@move("Change the cart", when=must_be(PARTIAL, what="changed"))
def update_cart(
    work: Work, case: Case, *, at: datetime, lines: Sequence[Line] | None = None, **fields: Any
) -> None:
    """Replaces the items, if lines are given, and sets columns of the order; its total follows."""
    items = [_item(case.order, line, OrderItem.Type.OFFER) for line in lines or ()]
    extra = money(fields.get("sales_tax", case.order.sales_tax), "tax")
    extra -= money(fields.get("discount", case.order.discount), "discount")
    check_columns(fields)
    check(*items)
    check_total(total_of(items if lines is not None else case.items) + extra)
    case.order.total += extra - (case.order.sales_tax - case.order.discount)
    for name, value in fields.items():
        setattr(case.order, name, value)
    if lines is not None:
        _empty(work, case)
        _put(work, case, items)
    work.touch(case, at)
    work.tell("order.updated", case, at)
    work.tell("order.partial", case, at)


@move("Complete the sale", when=must_be(PARTIAL, DECLINED, what="completed"))
def complete_sale(
    work: Work, case: Case, *, at: datetime, payments: Sequence[Payment] = (), **fields: Any
) -> None:
    """The sale billed. Several payments make several transactions; none means: all is paid at once."""
    rows = [paid(case, payment, at, Transaction.Type.SALE) for payment in payments or [Payment()]]
    if fields.keys() & {"sales_tax", "discount"}:
        raise MoveRefused("Tax and discount are part of what is paid: change the cart first.")
    check_columns(fields)
    check(*rows)
    was_declined = case.order.status == DECLINED
    for name, value in fields.items():
        setattr(case.order, name, value)
    case.order.is_decline_save = case.order.is_decline_save or was_declined
    case.order.decline_reason = ""
    mark_test(case, payments)
    bill(work, case, rows, at)


@move("Add an upsell", when=must_be(COMPLETE, what="given an upsell"))
def add_upsell(
    work: Work, case: Case, *, at: datetime, lines: Sequence[Line], payment: Payment | None = None
) -> None:
    """More products on a sale that is done, billed by a transaction of their own."""
    if not lines:
        raise MoveRefused("An upsell needs at least one product.")
    items = [_item(case.order, line, OrderItem.Type.UPSELL) for line in lines]
    amount = total_of(items)
    check_total(case.order.total + amount)
    row = paid(case, replace(payment or Payment(), amount=amount), at, Transaction.Type.SALE)
    check(row, *items)
    _put(work, case, items)
    pay(work, case, row)
    case.order.has_upsell = True
    work.touch(case, at)
    work.tell("order.upsell", case, at, amount=str(amount), products=[item.product_id for item in items])
    for item in items:
        begin_subscription(work, case, item, at)


@move("Decline", when=must_be(PARTIAL, what="declined"))
def decline(
    work: Work,
    case: Case,
    *,
    at: datetime,
    reason: str = "",
    is_soft: bool = False,
    payment: Payment | None = None,
) -> None:
    """The payment was refused: nothing was paid."""
    row = paid(case, payment or Payment(), at, Transaction.Type.SALE)
    row.response = Transaction.Response.SOFT_DECLINE if is_soft else Transaction.Response.HARD_DECLINE
    row.response_text = reason
    check_columns({"decline_reason": reason})
    check(row)
    mark_test(case, [payment] if payment else [])
    work.add_transaction(case, row)
    mark_declined(work, case, at, reason)


@move("Cancel the order", when=must_be(PARTIAL, COMPLETE, DECLINED, what="cancelled"), is_lenient=False)
def cancel_order(work: Work, case: Case, *, at: datetime, reason: str = "") -> None:
    """No parcel leaves any more and no subscription bills again. Money goes back by `refund`."""
    check_columns({"cancel_reason": reason})
    shipped = [
        one for one in case.fulfillments if one.status not in (Fulfillment.Status.PENDING, "CANCELLED")
    ]
    if shipped and not work.past:
        raise MoveRefused("The order has been shipped: issue an RMA or refund it instead.")
    if shipped:
        work.flag(case, "Cancelled after it was shipped.")
    for parcel in case.fulfillments:
        if parcel.status == Fulfillment.Status.PENDING:
            parcel.status = Fulfillment.Status.CANCELLED
            work.change(parcel)
    for subscription in case.subscriptions:
        if subscription.status != Subscription.Status.CANCELLED:
            end_subscription(work, case, subscription, at, reason or "order cancelled")
    case.order.status = CANCELLED
    case.order.cancel_reason = reason
    case.order.cancelled_at = at
    work.touch(case, at)
    work.tell("order.cancelled", case, at, reason=reason)


def _put(work: Work, case: Case, items: Sequence[OrderItem]) -> None:
    """Items go into the order, and its total grows by them."""
    for item in items:
        case.items.append(item)
        work.add(item)
        case.order.shipping_total += item.shipping
    case.order.total += total_of(items)


def _empty(work: Work, case: Case) -> None:
    for item in case.items:
        work.remove(item)
        case.order.shipping_total -= item.shipping
    case.order.total -= total_of(case.items)
    case.items.clear()


def _item(order: Order, line: Line, kind: str) -> OrderItem:
    if not 0 < line.quantity <= 1_000_000:
        raise MoveRefused("The quantity must be between 1 and 1,000,000.")
    if money(line.price * line.quantity, "price") < 0:
        raise MoveRefused("A price cannot be negative.")
    return sets.new(
        OrderItem,
        order=order,
        product=line.product,
        type=kind,
        name=line.name or line.product.name,
        quantity=line.quantity,
        price=line.price.quantize(MILL),
        shipping=money(line.shipping, "shipping"),
        external_id=line.external_id,
    )


def _billing(customer: Customer) -> dict[str, Any]:
    return {
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "company_name": customer.company_name,
        "email": customer.email,
        "phone": customer.phone,
        "address1": customer.address,
        "address2": customer.address2,
        "city": customer.city,
        "state": customer.state,
        "postal_code": customer.zip,
        "country": customer.country,
    }
