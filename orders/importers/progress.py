"""The facts of a story as moves of its order: all of them on a new one, on a known one what is new."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from orders import lifecycle
from orders.importers.catalog import Catalog
from orders.importers.presets.layout import Reject
from orders.importers.stories import BILLING, Fact, Item, Story
from orders.lifecycle import Case, Line, MoveRefused, Payment, Work
from orders.models import Order, Transaction

Billed = (Transaction.Type.SALE, Transaction.Type.CAPTURE)


def move(work: Work, case: Case, fact: Fact, story: Story, ready: Catalog, reject: Reject) -> bool:
    """Makes the move; whether it was possible. If not, its line is rejected with the lifecycle's reason."""
    details = dict(fact.details)
    if fact.move == "complete_sale":
        details["payments"] = payments(story, ready)
    elif fact.move in BILLING:
        details["payment"] = next(iter(payments(story, ready)), None)
    elif fact.move == "add_upsell":
        details["lines"] = lines(details.pop("items"), ready)
    try:
        lifecycle.MOVES[fact.move].on(work, case, at=fact.at, **details)
    except MoveRefused as refused:
        reject(fact.record, f"{lifecycle.MOVES[fact.move].label}: {refused}")
        return False
    return True


def catch_up(work: Work, case: Case, story: Story, ready: Catalog, reject: Reject) -> bool:
    """What the story knows and the order does not; whether there was anything."""
    changed = _take_cart(work, case, story, ready, reject)
    for fact in story.facts:
        if not _KNOWN[fact.move](case, fact):
            changed = move(work, case, fact, story, ready, reject) or changed
    taken = {row.external_id for row in case.transactions}
    for record, payment in story.payments:
        if payment.external_id not in taken:
            reject(record, "The order is in already: a payment cannot be added to it.")
    return changed


def lines(items: Iterable[Item], ready: Catalog) -> list[Line]:
    """Items as the lifecycle takes them."""
    return [
        Line(ready.products[item.sku], item.price, item.quantity, item.shipping, item.name, item.external_id)
        for item in items
    ]


def payments(story: Story, ready: Catalog) -> list[Payment]:
    """Payments with their merchant account."""
    gateway = ready.gateways.get(story.gateway)
    return [replace(payment, gateway=gateway) for _, payment in story.payments]


def _take_cart(work: Work, case: Case, story: Story, ready: Catalog, reject: Reject) -> bool:
    """While the order is incomplete its cart may change; afterwards items that are new are rejected."""
    if case.order.status == Order.Status.PARTIAL:
        if _cart(story.items) == _cart_of(case):
            return False
        at = max(story.at, case.order.updated_at)
        lifecycle.update_cart.on(work, case, at=at, lines=lines(story.items, ready))
        return True
    known = {item.external_id for item in case.items}
    for item in story.items:
        if item.external_id not in known:
            reject(item.record, "The order is in already and complete: its items cannot change any more.")
    return False


def _cart(items: Sequence[Item]) -> list[tuple[object, ...]]:
    return sorted((item.external_id, item.sku, item.price, item.quantity, item.shipping) for item in items)


def _cart_of(case: Case) -> list[tuple[object, ...]]:
    return sorted(
        (item.external_id, item.product.sku, item.price, item.quantity, item.shipping) for item in case.items
    )


def _has_transaction(case: Case, *types: str) -> bool:
    return any(
        row.type in types and row.response == Transaction.Response.SUCCESS for row in case.transactions
    )


def _is_declined(case: Case, fact: Fact) -> bool:
    declined = (Transaction.Response.SOFT_DECLINE, Transaction.Response.HARD_DECLINE)
    return any(row.response in declined and row.subscription_id is None for row in case.transactions)


def _is_refunded(case: Case, fact: Fact) -> bool:
    wanted = fact.details["external_id"]
    return any(row.type == Transaction.Type.REFUND and row.external_id == wanted for row in case.transactions)


def _is_sold_up(case: Case, fact: Fact) -> bool:
    known = {item.external_id for item in case.items}
    return all(item.external_id in known for item in fact.details["items"])


# Whether a fact is in already. Dates are not compared: the same file may come again with other --shift-days.
_KNOWN: dict[str, Callable[[Case, Fact], bool]] = {
    "complete_sale": lambda case, fact: _has_transaction(case, *Billed),
    "decline": _is_declined,
    "hold_for_qa": lambda case, fact: _has_transaction(case, Transaction.Type.AUTHORIZE),
    "approve_qa": lambda case, fact: _has_transaction(case, Transaction.Type.CAPTURE),
    "decline_qa": lambda case, fact: _has_transaction(case, Transaction.Type.VOID),
    "add_upsell": _is_sold_up,
    "ship": lambda case, fact: any(parcel.shipped_at for parcel in case.fulfillments),
    "deliver": lambda case, fact: any(parcel.delivered_at for parcel in case.fulfillments),
    "charge_back": lambda case, fact: _has_transaction(case, Transaction.Type.CHARGEBACK),
    "issue_rma": lambda case, fact: any(parcel.rma_number for parcel in case.fulfillments),
    "receive_rma": lambda case, fact: any(parcel.returned_at for parcel in case.fulfillments),
    "cancel_order": lambda case, fact: case.order.cancelled_at is not None,
    "refund": _is_refunded,
}
