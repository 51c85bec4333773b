"""Being paid, or not: what sale, upsell, decline and quality assurance share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from delivery import sets, texts
from delivery.card_numbers import holds_card_number
from orders.cases import Case
from orders.lifecycle import vault
from orders.lifecycle.moved import is_test_card
from orders.lifecycle.moves import CENT, money
from orders.lifecycle.subscriptions import begin_subscription
from orders.lifecycle.work import MoveRefused, Work
from orders.models import Fulfillment, Gateway, Order, OrderItem, StoredPaymentMethod, Transaction


@dataclass(frozen=True, slots=True)
class Payment:
    """How something is paid; never a full card number, never a CVV. `amount` None: all that is open.

    With `token`, the gateway's name for what it can charge again, that is stored.
    """

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
    token: str = ""

    @property
    def is_test_card(self) -> bool:
        return is_test_card(self.card_type, self.card_last4)


def bill(work: Work, case: Case, rows: Sequence[Transaction], at: datetime) -> None:
    """What every successful sale brings, straight or by way of QA."""
    order = case.order
    order.status = Order.Status.COMPLETE
    order.ordered_at = at
    work.touch(case, at)
    for row in rows:
        pay(work, case, row)
    if not case.fulfillments:  # in past facts it may have left already
        parcel = sets.new(Fulfillment, order=order, created_at=at)
        case.fulfillments.append(parcel)
        work.add(parcel)
    kind = "order.recurring" if order.type == Order.Type.RECURRING else "order.sale"
    work.tell(kind, case, at, amount=str(sum((row.amount for row in rows), Decimal(0))))
    upsells = [item for item in case.items if item.type == OrderItem.Type.UPSELL]
    if upsells:
        amount, products = total_of(upsells), [item.product_id for item in upsells]
        work.tell("order.upsell", case, at, amount=str(amount), products=products)
    for item in case.items:
        begin_subscription(work, case, item, at)


def mark_declined(work: Work, case: Case, at: datetime, reason: str) -> None:
    case.order.status = Order.Status.DECLINED
    case.order.decline_reason = reason
    case.order.ordered_at = at
    work.touch(case, at)
    work.tell("order.declined", case, at, reason=reason)


def paid(case: Case, payment: Payment, at: datetime, kind: str) -> Transaction:
    amount = case.order.total - case.order.paid if payment.amount is None else money(payment.amount)
    if amount < 0:
        raise MoveRefused("A payment cannot be negative.")
    row = sets.new(
        Transaction,
        order=case.order,
        type=kind,
        amount=amount,
        created_at=at,
        **{name: getattr(payment, name) for name in _PAYMENT_COLUMNS},
    )
    if payment.token:
        _check_token(payment.token)
        vault.want(case.order, row, payment.token)
    return row


_PAYMENT_COLUMNS = tuple(name for name in Payment.__dataclass_fields__ if name not in ("amount", "token"))


def payment_of(transaction: Transaction) -> Payment:
    return Payment(transaction.amount, **{name: getattr(transaction, name) for name in _PAYMENT_COLUMNS})


def pay(work: Work, case: Case, row: Transaction) -> None:
    case.order.paid += row.amount
    awaited = next((one for one in case.transactions if _is_awaited(one, row)), None)
    if awaited is None:
        work.add_transaction(case, row)
        return
    awaited.response, awaited.amount = Transaction.Response.SUCCESS, row.amount
    vault.pass_on(row, awaited)
    work.change(awaited)
    work.went_through(case, awaited, row.created_at)
    work.tell("transaction.updated", case, row.created_at, transaction=awaited)


def _is_awaited(pending: Transaction, row: Transaction) -> bool:
    is_same = pending.external_id == row.external_id != ""
    return is_same and pending.response == Transaction.Response.PENDING


def mark_test(case: Case, payments: Sequence[Payment]) -> None:
    case.order.is_test = case.order.is_test or any(payment.is_test_card for payment in payments)


def total_of(items: Sequence[OrderItem]) -> Decimal:
    return sum((item.price * item.quantity + item.shipping for item in items), Decimal(0)).quantize(CENT)


def check_total(total: Decimal) -> None:
    """What an order may cost: no more than the column holds, and nothing less than nothing."""
    if money(total, "total") < 0:
        raise MoveRefused("The discount is more than the order costs.")


def check_columns(fields: dict[str, Any]) -> None:
    """Whether values fit the columns of an order.

    A full card number is stored nowhere, so it may not come in by the back door of a custom field.
    """
    reason = texts.fault_in(Order, fields)
    if reason:
        raise MoveRefused(reason)
    for name, value in {**fields.get("custom_fields", {}), **fields.get("attribution", {})}.items():
        if holds_card_number(str(value)):
            raise MoveRefused(f"“{name}” looks like a full card number, which is never stored.")


def check(*rows: Any) -> None:
    for row in rows:
        reason = texts.fault(row)
        if reason:
            raise MoveRefused(reason)


def _check_token(token: str) -> None:
    """A token stands for a card; some shops send the card itself."""
    fault = texts.fault_in(StoredPaymentMethod, {"token": token})
    if not fault and holds_card_number(token):
        fault = "The token looks like a full card number, which is never stored."
    if fault:
        raise MoveRefused(fault)
