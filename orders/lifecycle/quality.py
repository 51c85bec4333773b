"""Quality assurance: an order is held, somebody looks at it, and it is sold or declined."""

from datetime import datetime

from orders.cases import Case
from orders.lifecycle import vault
from orders.lifecycle.billing import (
    Payment,
    bill,
    check,
    check_columns,
    mark_declined,
    mark_test,
    paid,
    payment_of,
)
from orders.lifecycle.moves import move, must_be
from orders.lifecycle.work import Work
from orders.models import Order, Transaction

PARTIAL, PENDING = Order.Status.PARTIAL, Order.Status.PENDING


@move("Hold for QA", when=must_be(PARTIAL, what="held for QA"))
def hold_for_qa(work: Work, case: Case, *, at: datetime, payment: Payment | None = None) -> None:
    """Authorised, not captured: somebody looks at the order first. Only QA Pending fires."""
    row = paid(case, payment or Payment(), at, Transaction.Type.AUTHORIZE)
    check(row)
    mark_test(case, [payment] if payment else [])
    work.add_transaction(case, row)
    case.order.status = PENDING
    case.order.ordered_at = at
    work.touch(case, at)
    work.tell("order.qa_pending", case, at)


@move("Approve (QA)", when=must_be(PENDING, what="approved"))
def approve_qa(work: Work, case: Case, *, at: datetime) -> None:
    """Captures what was authorised: now it is a sale, and fires as one."""
    held = case.transactions[-1]
    capture = paid(case, payment_of(held), at, Transaction.Type.CAPTURE)
    vault.pass_on(held, capture)
    work.tell("order.qa_approved", case, at)
    bill(work, case, [capture], at)


@move("Decline (QA)", when=must_be(PENDING, what="declined by QA"))
def decline_qa(work: Work, case: Case, *, at: datetime, reason: str = "") -> None:
    """Voids what was authorised; the order is declined."""
    held = case.transactions[-1]
    void = paid(case, payment_of(held), at, Transaction.Type.VOID)
    vault.pass_on(held, void)
    check_columns({"decline_reason": reason})
    check(void)
    work.add_transaction(case, void)
    work.tell("order.qa_declined", case, at, reason=reason)
    mark_declined(work, case, at, reason)
