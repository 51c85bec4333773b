"""The only door through which orders change.

Each move is a rule written once: `refund(order, amount="10.00", by="admin:jane")` makes it on one order in
a transaction of its own, `refund.on(work, case, amount="10.00")` within a batch of many, and `MOVES` lists
them for buttons and for the API. A move that is not possible raises MoveRefused and leaves no trace.
"""

from orders.cases import Case
from orders.lifecycle.billing import Payment
from orders.lifecycle.foresight import Foreseen, foresee
from orders.lifecycle.money import charge_back, refund, revert_chargeback
from orders.lifecycle.moves import MOVES, Move
from orders.lifecycle.parcels import deliver, issue_rma, receive_rma, ship
from orders.lifecycle.quality import approve_qa, decline_qa, hold_for_qa
from orders.lifecycle.sales import (
    Line,
    add_upsell,
    cancel_order,
    complete_sale,
    create_partial,
    create_partial_in,
    decline,
    update_cart,
)
from orders.lifecycle.settlement import close_due as close_due_batches
from orders.lifecycle.subscriptions import (
    cancel_subscription,
    decline_rebill,
    fail_recycle,
    pause,
    prebill,
    reactivate,
    rebill,
    start_subscription,
)
from orders.lifecycle.vault import MethodGone
from orders.lifecycle.vault import remove as remove_payment_method
from orders.lifecycle.work import MoveRefused, Work, batch

__all__ = [
    "MOVES",
    "Case",
    "Foreseen",
    "Line",
    "MethodGone",
    "Move",
    "MoveRefused",
    "Payment",
    "Work",
    "add_upsell",
    "approve_qa",
    "batch",
    "cancel_order",
    "cancel_subscription",
    "charge_back",
    "close_due_batches",
    "complete_sale",
    "create_partial",
    "create_partial_in",
    "decline",
    "decline_qa",
    "decline_rebill",
    "deliver",
    "fail_recycle",
    "foresee",
    "hold_for_qa",
    "issue_rma",
    "pause",
    "prebill",
    "reactivate",
    "rebill",
    "receive_rma",
    "refund",
    "remove_payment_method",
    "revert_chargeback",
    "ship",
    "start_subscription",
    "update_cart",
]
