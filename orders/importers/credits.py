"""Pieces that came back, as refunds of the earlier sales they fit.

Which piece of which item a refund gives back is written into its external id, `C536379:1>3x6`: line 1 of
cancellation C536379 gives back 6 pieces of item 3. So what remains can be read from the refunds alone, and
an import that is repeated, or comes in several files, gives nothing back twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from customers.models import Customer, Location
from orders import lifecycle
from orders.importers.presets.layout import Reject
from orders.importers.stories import Credit
from orders.lifecycle import Case, Work
from orders.lifecycle.moves import money
from orders.models import OrderItem, Transaction


@dataclass(slots=True)
class _Sold:
    """An item from which pieces may come back."""

    order_id: int
    number: str
    price: Decimal
    sold_at: datetime
    left: int


@dataclass(slots=True)
class _Shelf:
    """All that was sold of some products to some people, and the credits that are in already."""

    sold: dict[tuple[str, str], list[_Sold]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)


def take(work: Work, credits: Sequence[Credit], location: Location, reject: Reject) -> int:
    """Refunds what fits; returns how many orders that changed. The others are rejected with the reason."""
    shelf = _shelf(credits, location)
    plans: list[tuple[Credit, list[tuple[_Sold, int]]]] = []
    for credit in sorted(credits, key=lambda one: one.at):
        if credit.external_id in shelf.done:
            continue
        picked = _pick(credit, shelf.sold.get((credit.person_id, credit.sku), []), reject)
        if picked:
            plans.append((credit, picked))
    cases = work.load({sold.order_id for _, picked in plans for sold, _ in picked}) if plans else {}
    changed: set[int] = set()
    for credit, picked in plans:
        changed |= _refund(work, credit, picked, cases, reject)
    return len(changed)


def _shelf(credits: Sequence[Credit], location: Location) -> _Shelf:
    people = Customer.objects.filter(
        location=location, external_id__in={credit.person_id for credit in credits}, deleted_at__isnull=True
    )
    names = dict(people.values_list("pk", "external_id"))
    items = OrderItem.objects.filter(
        order__customer_id__in=names, product__sku__in={credit.sku for credit in credits}, order__paid__gt=0
    )
    shelf = _Shelf()
    by_item: dict[tuple[int, str], _Sold] = {}
    columns = (
        "order_id",
        "external_id",
        "price",
        "order__ordered_at",
        "quantity",
        "order__customer_id",
        "product__sku",
    )
    for order_id, number, price, sold_at, quantity, customer_id, sku in items.values_list(*columns):
        sold = by_item[order_id, number] = _Sold(order_id, number, price, sold_at, quantity)
        shelf.sold.setdefault((names[customer_id], sku), []).append(sold)
    for same in shelf.sold.values():
        same.sort(key=lambda sold: (sold.sold_at, sold.order_id, sold.number), reverse=True)
    _take_off(shelf, by_item)
    return shelf


def _take_off(shelf: _Shelf, by_item: dict[tuple[int, str], _Sold]) -> None:
    refunds = Transaction.objects.filter(
        order_id__in={order_id for order_id, _ in by_item}, type=Transaction.Type.REFUND
    )
    for order_id, external_id in refunds.values_list("order_id", "external_id"):
        credit_id, _, pieces = external_id.partition(">")
        number, _, count = pieces.rpartition("x")
        shelf.done.add(credit_id)
        if (order_id, number) in by_item:
            by_item[order_id, number].left -= int(count)


def _pick(credit: Credit, sold: list[_Sold], reject: Reject) -> list[tuple[_Sold, int]]:
    """Which pieces come back: of the newest earlier sale first, at the same price before a higher one."""
    earlier = [one for one in sold if one.sold_at <= credit.at]
    fitting = [one for one in earlier if one.left > 0 and one.price >= credit.price]
    fitting.sort(key=lambda one: one.price != credit.price)  # stable
    if sum(one.left for one in fitting) < credit.quantity:
        reject(credit.record, _misfit(earlier, fitting))
        return []
    picked, open_pieces = [], credit.quantity
    for one in fitting:
        pieces = min(one.left, open_pieces)
        one.left -= pieces
        open_pieces -= pieces
        picked.append((one, pieces))
        if not open_pieces:
            break
    return picked


def _misfit(earlier: list[_Sold], fitting: list[_Sold]) -> str:
    if not earlier:
        return "A cancellation without an earlier sale of this product to this customer."
    if not fitting:
        return "A cancellation at a higher price than any earlier sale that is left of this product."
    return "A cancellation of more pieces than are left of earlier sales of this product."


def _refund(
    work: Work, credit: Credit, picked: list[tuple[_Sold, int]], cases: dict[int, Case], reject: Reject
) -> set[int]:
    """All of it or nothing: a line is not half in."""
    amounts = [money(credit.price * pieces) for _, pieces in picked]
    due: dict[int, Decimal] = {}
    for (sold, _), amount in zip(picked, amounts, strict=True):
        due[sold.order_id] = due.get(sold.order_id, Decimal(0)) + amount
    if min(amounts) <= 0 or any(amount > cases[order_id].refundable for order_id, amount in due.items()):
        reject(credit.record, "A cancellation of more money than is left of the sale.")
        return set()
    for (sold, pieces), amount in zip(picked, amounts, strict=True):
        lifecycle.refund.on(
            work,
            cases[sold.order_id],
            at=credit.at,
            amount=amount,
            reason=credit.reason,
            external_id=f"{credit.external_id}>{sold.number}x{pieces}",
        )
    return set(due)
