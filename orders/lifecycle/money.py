"""Money that goes back: refunds and chargebacks. These rules hold for past facts too."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from delivery import texts
from orders.cases import Case
from orders.lifecycle import vault
from orders.lifecycle.moves import in_words, money, move
from orders.lifecycle.work import MoveRefused, Work
from orders.models import Order, Transaction


def _has_paid(case: Case) -> str:
    if case.order.paid <= 0:
        status = in_words(case.order.get_status_display())
        return f"Nothing was paid for this order (it is {status}), so nothing can go back."
    if case.refundable <= 0:
        return "All that was paid has gone back already."
    return ""


def _is_charged_back(case: Case) -> str:
    return "" if case.order.charged_back > 0 else "There is no chargeback on this order."


@move("Refund", when=_has_paid)
def refund(
    work: Work, case: Case, *, at: datetime, amount: Any = None, reason: str = "", external_id: str = ""
) -> None:
    """Gives back `amount`, or all that is left. Full once the refunds reach what was paid (decision 5)."""
    order = case.order
    back = case.refundable if amount is None else money(amount)
    _check_amount(back, case.refundable)
    row = _row(case, Transaction.Type.REFUND, back, at, reason, external_id)
    order.refunded += back
    is_full = order.refunded >= order.paid
    order.refund_reason = reason
    order.refunded_at = at
    if is_full and order.status == Order.Status.COMPLETE:
        order.status = Order.Status.REFUNDED
    _add(work, case, row, at)
    work.tell(
        "order.refunded",
        case,
        at,
        amount=str(back),
        kind="full" if is_full else "partial",
        reason=reason,
        date=at.isoformat(),
        remaining=str(case.refundable),
        transaction=row,
    )


@move("Mark a chargeback", when=_has_paid)
def charge_back(
    work: Work, case: Case, *, at: datetime, amount: Any = None, reason_code: str = "", note: str = ""
) -> None:
    """The bank took `amount` back, or all that is left."""
    order = case.order
    if order.charged_back > 0:
        raise MoveRefused("There is a chargeback on this order already.")
    _check_texts(reason_code, note)
    back = case.refundable if amount is None else money(amount)
    _check_amount(back, case.refundable)
    row = _row(case, Transaction.Type.CHARGEBACK, back, at, reason_code, "")
    order.charged_back = back
    order.chargeback = {"amount": str(back), "date": at.isoformat(), "reason_code": reason_code, "note": note}
    _flag_sale(work, case, is_charged_back=True, at=at)
    _add(work, case, row, at)
    work.tell("order.charged_back", case, at, **order.chargeback, transaction=row)


@move("Revert the chargeback", when=_is_charged_back)
def revert_chargeback(work: Work, case: Case, *, at: datetime) -> None:
    """The bank gave the money back to the store."""
    amount = case.order.charged_back
    case.order.charged_back = Decimal(0)
    case.order.chargeback = {}
    _flag_sale(work, case, is_charged_back=False, at=at)
    work.touch(case, at)
    work.tell("order.chargeback_reverted", case, at, amount=str(amount))


def _check_amount(back: Decimal, most: Decimal) -> None:
    if back <= 0:
        raise MoveRefused("The amount must be more than 0.00.")
    if back > most:
        raise MoveRefused(f"The amount {back} is more than the {most} that was paid and has not gone back.")


def _check_texts(reason_code: str, note: str) -> None:
    fault = texts.fault_of("reason code", reason_code, 10) or texts.fault_of("note", note, 500)
    if fault:
        raise MoveRefused(fault)


def _row(case: Case, kind: str, amount: Decimal, at: datetime, text: str, external_id: str) -> Transaction:
    paid_by = next((one for one in case.transactions if one.pay_source), None)
    row = Transaction(
        order=case.order, type=kind, amount=amount, response_text=text, external_id=external_id, created_at=at
    )
    if paid_by is not None:
        for name in ("pay_source", "card_type", "card_bin", "card_last4", "gateway_id"):
            setattr(row, name, getattr(paid_by, name))
        vault.pass_on(paid_by, row)
    reason = texts.fault(row)
    if reason:
        raise MoveRefused(reason)
    return row


def _add(work: Work, case: Case, row: Transaction, at: datetime) -> None:
    work.add_transaction(case, row)
    work.touch(case, at)


def _flag_sale(work: Work, case: Case, *, is_charged_back: bool, at: datetime) -> None:
    """The first successful payment carries the mark, as the transactions list shows it."""
    for row in case.transactions:
        if row.type in (Transaction.Type.SALE, Transaction.Type.CAPTURE) and row.response == "SUCCESS":
            row.is_charged_back = is_charged_back
            work.change(row)
            work.tell("transaction.updated", case, at, transaction=row)
            return
