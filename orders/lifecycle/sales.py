"""How an order comes about: partial, cart, sale, upsell, decline, quality assurance, cancellation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from customers.models import Customer, Location
from delivery import sets, texts
from delivery.card_numbers import holds_card_number
from orders.cases import Case
from orders.lifecycle.moves import CENT, money, move, must_be
from orders.lifecycle.subscriptions import begin_subscription, end_subscription
from orders.lifecycle.work import MoveRefused, Work, batch
from orders.models import Fulfillment, Gateway, Order, OrderItem, Product, Subscription, Transaction

MILL = Decimal("0.0001")
PARTIAL, PENDING, COMPLETE = Order.Status.PARTIAL, Order.Status.PENDING, Order.Status.COMPLETE
DECLINED, CANCELLED, REFUNDED = Order.Status.DECLINED, Order.Status.CANCELLED, Order.Status.REFUNDED


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a cart. `price` is of one piece."""

    product: Product
    price: Decimal
    quantity: int = 1
    shipping: Decimal = Decimal(0)
    name: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Payment:
    """How something is paid; never a full card number, never a CVV. `amount` None: all that is open."""

    amount: Decimal | None = None
    pay_source: str = "CREDITCARD"
    card_type: str = ""
    card_bin: str = ""
    card_last4: str = ""
    card_expiry: str = ""
    card_is_debit: bool = False
    card_is_prepaid: bool = False
    gateway: Gateway | None = None
    merchant_txn_id: str = ""
    avs_response: str = ""
    cvv_response: str = ""
    external_id: str = ""

    @property
    def is_test_card(self) -> bool:
        """By the marks that test cards leave: type TESTCARD, last four 0000 (reference §1.5)."""
        return self.card_type.upper() == "TESTCARD" or self.card_last4 == "0000"


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
    rows = [_paid(case, payment, when, Transaction.Type.SALE) for payment in awaited]
    _check_columns(columns)
    _check(*items, *rows)
    money(order.total + _total(items), "total")
    work.add(order)
    _put(work, case, items)
    _mark_test(case, awaited)
    work.tell("order.created", case, when)
    work.tell("order.partial", case, when)
    for row in rows:
        row.response = Transaction.Response.PENDING
        _add_transaction(work, case, row)
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
    """Replaces the items, if lines are given, and sets columns of the order."""
    items = [_item(case.order, line, OrderItem.Type.OFFER) for line in lines or ()]
    _check_columns(fields)
    _check(*items)
    money(_total(items), "total")
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
    rows = [_paid(case, payment, at, Transaction.Type.SALE) for payment in payments or [Payment()]]
    _check_columns(fields)
    _check(*rows)
    was_declined = case.order.status == DECLINED
    for name, value in fields.items():
        setattr(case.order, name, value)
    case.order.is_decline_save = case.order.is_decline_save or was_declined
    case.order.decline_reason = ""
    _mark_test(case, payments)
    _bill(work, case, rows, at)


@move("Add an upsell", when=must_be(COMPLETE, what="given an upsell"))
def add_upsell(
    work: Work, case: Case, *, at: datetime, lines: Sequence[Line], payment: Payment | None = None
) -> None:
    """More products on a sale that is done, billed by a transaction of their own."""
    if not lines:
        raise MoveRefused("An upsell needs at least one product.")
    items = [_item(case.order, line, OrderItem.Type.UPSELL) for line in lines]
    amount = _total(items)
    money(case.order.total + amount, "total")
    row = _paid(case, replace(payment or Payment(), amount=amount), at, Transaction.Type.SALE)
    _check(row, *items)
    _put(work, case, items)
    _pay(work, case, row)
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
    row = _paid(case, payment or Payment(), at, Transaction.Type.SALE)
    row.response = Transaction.Response.SOFT_DECLINE if is_soft else Transaction.Response.HARD_DECLINE
    row.response_text = reason
    _check_columns({"decline_reason": reason})
    _check(row)
    _mark_test(case, [payment] if payment else [])
    _add_transaction(work, case, row)
    _declined(work, case, at, reason)


@move("Hold for QA", when=must_be(PARTIAL, what="held for QA"))
def hold_for_qa(work: Work, case: Case, *, at: datetime, payment: Payment | None = None) -> None:
    """Authorised, not captured: somebody looks at the order first. Only QA Pending fires."""
    row = _paid(case, payment or Payment(), at, Transaction.Type.AUTHORIZE)
    _check(row)
    _mark_test(case, [payment] if payment else [])
    _add_transaction(work, case, row)
    case.order.status = PENDING
    case.order.ordered_at = at
    work.touch(case, at)
    work.tell("order.qa_pending", case, at)


@move("Approve (QA)", when=must_be(PENDING, what="approved"))
def approve_qa(work: Work, case: Case, *, at: datetime) -> None:
    """Captures what was authorised: now it is a sale, and fires as one."""
    held = case.transactions[-1]
    capture = _paid(case, _payment_of(held), at, Transaction.Type.CAPTURE)
    work.tell("order.qa_approved", case, at)
    _bill(work, case, [capture], at)


@move("Decline (QA)", when=must_be(PENDING, what="declined by QA"))
def decline_qa(work: Work, case: Case, *, at: datetime, reason: str = "") -> None:
    """Voids what was authorised; the order is declined."""
    void = _paid(case, _payment_of(case.transactions[-1]), at, Transaction.Type.VOID)
    _check_columns({"decline_reason": reason})
    _check(void)
    _add_transaction(work, case, void)
    work.tell("order.qa_declined", case, at, reason=reason)
    _declined(work, case, at, reason)


@move("Cancel the order", when=must_be(PARTIAL, COMPLETE, DECLINED, what="cancelled"), is_lenient=False)
def cancel_order(work: Work, case: Case, *, at: datetime, reason: str = "") -> None:
    """No parcel leaves any more and no subscription bills again. Money goes back by `refund`."""
    _check_columns({"cancel_reason": reason})
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


def _bill(work: Work, case: Case, rows: Sequence[Transaction], at: datetime) -> None:
    """What every successful sale brings, straight or by way of QA."""
    order = case.order
    order.status = COMPLETE
    order.ordered_at = at
    work.touch(case, at)
    for row in rows:
        _pay(work, case, row)
    if not case.fulfillments:  # in past facts it may have left already
        parcel = sets.new(Fulfillment, order=order, created_at=at)
        case.fulfillments.append(parcel)
        work.add(parcel)
    kind = "order.recurring" if order.type == Order.Type.RECURRING else "order.sale"
    work.tell(kind, case, at, amount=str(sum((row.amount for row in rows), Decimal(0))))
    upsells = [item for item in case.items if item.type == OrderItem.Type.UPSELL]
    if upsells:
        amount, products = _total(upsells), [item.product_id for item in upsells]
        work.tell("order.upsell", case, at, amount=str(amount), products=products)
    for item in case.items:
        begin_subscription(work, case, item, at)


def _declined(work: Work, case: Case, at: datetime, reason: str) -> None:
    case.order.status = DECLINED
    case.order.decline_reason = reason
    case.order.ordered_at = at
    work.touch(case, at)
    work.tell("order.declined", case, at, reason=reason)


def _put(work: Work, case: Case, items: Sequence[OrderItem]) -> None:
    """Items go into the order, and its total grows by them."""
    for item in items:
        case.items.append(item)
        work.add(item)
        case.order.shipping_total += item.shipping
    case.order.total += _total(items)


def _empty(work: Work, case: Case) -> None:
    for item in case.items:
        work.remove(item)
        case.order.shipping_total -= item.shipping
    case.order.total -= _total(case.items)
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


def _total(items: Sequence[OrderItem]) -> Decimal:
    return sum((item.price * item.quantity + item.shipping for item in items), Decimal(0)).quantize(CENT)


def _paid(case: Case, payment: Payment, at: datetime, kind: str) -> Transaction:
    amount = case.order.total - case.order.paid if payment.amount is None else money(payment.amount)
    if amount < 0:
        raise MoveRefused("A payment cannot be negative.")
    return sets.new(
        Transaction,
        order=case.order,
        type=kind,
        amount=amount,
        created_at=at,
        **{name: getattr(payment, name) for name in _PAYMENT_COLUMNS},
    )


_PAYMENT_COLUMNS = tuple(name for name in Payment.__dataclass_fields__ if name != "amount")


def _payment_of(transaction: Transaction) -> Payment:
    return Payment(transaction.amount, **{name: getattr(transaction, name) for name in _PAYMENT_COLUMNS})


def _pay(work: Work, case: Case, row: Transaction) -> None:
    case.order.paid += row.amount
    awaited = next((one for one in case.transactions if _is_awaited(one, row)), None)
    if awaited is None:
        _add_transaction(work, case, row)
        return
    awaited.response, awaited.amount = Transaction.Response.SUCCESS, row.amount
    work.change(awaited)
    work.tell("transaction.updated", case, row.created_at, transaction=awaited)


def _is_awaited(pending: Transaction, row: Transaction) -> bool:
    is_same = pending.external_id == row.external_id != ""
    return is_same and pending.response == Transaction.Response.PENDING


def _add_transaction(work: Work, case: Case, row: Transaction) -> None:
    case.transactions.append(row)
    work.add(row)
    work.tell(
        "transaction.created",
        case,
        row.created_at,
        transaction=row,
        type=row.type,
        amount=str(row.amount),
        response=row.response,
    )


def _mark_test(case: Case, payments: Sequence[Payment]) -> None:
    case.order.is_test = case.order.is_test or any(payment.is_test_card for payment in payments)


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


def _check_columns(fields: dict[str, Any]) -> None:
    """Whether values fit the columns of an order.

    A full card number is stored nowhere, so it may not come in by the back door of a custom field.
    """
    reason = texts.fault_in(Order, fields)
    if reason:
        raise MoveRefused(reason)
    for name, value in {**fields.get("custom_fields", {}), **fields.get("attribution", {})}.items():
        if holds_card_number(str(value)):
            raise MoveRefused(f"“{name}” looks like a full card number, which is never stored.")


def _check(*rows: Any) -> None:
    for row in rows:
        reason = texts.fault(row)
        if reason:
            raise MoveRefused(reason)
