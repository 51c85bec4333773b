"""Stored payment methods: kept with the payment that can be charged again, in sets; removed by hand.

Written only while the customer is locked, so that two payments at once keep one method and not two.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.utils import timezone

from customers.models import Customer
from delivery import events, sets, snapshots
from delivery.events import Happening
from orders.lifecycle.moved import Moved
from orders.models import Order, StoredPaymentMethod, Subscription, Transaction
from orders.snapshots import Picture

CARD = ("pay_source", "card_type", "card_bin", "card_last4")
SAID = (*CARD, "card_expiry", "card_is_debit", "card_is_prepaid", "ach_account_type")
_PAYING = (Transaction.Type.SALE, Transaction.Type.AUTHORIZE, Transaction.Type.CAPTURE)
# What no event carries: the token, which is told to nobody, and that it is gone.
_UNTOLD = ("token", "removed_at")


class MethodGone(ValueError):
    """The stored payment method was removed already; the message says so, for people."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A method that a payment of this order brought, or told something new about."""

    kind: str  # created, updated
    order: Order
    at: datetime
    shown: str
    picture: Picture | None  # none: nobody will hear of it

    def happening(self) -> Happening:
        """To be asked for when the rows are written."""
        data = {"method": self.shown, **(self.picture.said() if self.picture else {})}
        order = self.order
        return Happening(
            f"accountvault.{self.kind}", order.location_id, order.customer_id, order.pk, data, self.at
        )


def want(order: Order, row: Transaction, token: str = "") -> None:
    """Whatever this payment is made with is to be kept, once it has gone through."""
    said = {name: getattr(row, name) for name in SAID}
    row.payment_method = sets.new(
        StoredPaymentMethod,
        location_id=order.location_id,
        customer_id=order.customer_id,
        token=token,
        created_at=row.created_at,
        **said,
    )


def pass_on(paid_by: Transaction, to: Transaction | Subscription) -> None:
    """The other row names the same method, also where that is still to be kept."""
    if paid_by.payment_method_id is None and _is_wanted(paid_by):
        to.payment_method = paid_by.payment_method
    else:
        to.payment_method_id = paid_by.payment_method_id


def charge(method: StoredPaymentMethod, row: Transaction) -> None:
    """The transaction is a try at this method."""
    for name in SAID:
        setattr(row, name, getattr(method, name))
    row.payment_method = method


def can_be_kept(row: Transaction) -> bool:
    """Whether the payment says what it was made with, and went through."""
    is_paid = row.type in _PAYING and row.response == Transaction.Response.SUCCESS
    return is_paid and bool(is_named(row) or row.card_last4)


def is_named(row: Transaction) -> bool:
    """Whether the transaction names a method, kept or to be kept."""
    return row.payment_method_id is not None or _is_wanted(row)


def store(moved: Iterable[Moved], *, quiet: bool) -> list[Kept]:
    """Has each transaction name the stored method that it was made with, and writes those that are new or
    changed; at most five statements, in the caller's transaction.

    A method is the same if the customer and the token are, else pay source, card type, BIN and last four.
    What a payment leaves open says nothing, and an older payment than the last one known changes nothing.
    """
    looked = []
    for one in moved:
        row = one.row
        if row.payment_method_id is not None or not (row.card_last4 or _is_wanted(row)):
            continue
        if one.is_test:
            row.payment_method = None
        else:
            looked.append(one)
    if not looked:
        return []
    looked.sort(key=attrgetter("at"))
    known = _Known(looked)
    if known.is_nobody and not any(_is_wanted(one.row) for one in looked):
        return []  # most imports
    kept = [found for one in looked if (found := known.take(one, quiet=quiet))]
    known.write()
    return kept


def remove(method: StoredPaymentMethod, *, by: str) -> StoredPaymentMethod:
    """It is charged no more: a tombstone stays, which transactions name. Raises MethodGone if it is."""
    with transaction.atomic():
        _lock([method.customer_id])
        stored = StoredPaymentMethod.objects.select_related("customer").get(pk=method.pk)
        if stored.removed_at is not None:
            raise MethodGone("This payment method was removed already.")
        data = {"method": str(stored), "resource": snapshots.taken(stored, but=_UNTOLD)}
        stored.removed_at = timezone.now()
        stored.save(update_fields=["removed_at"])
        customer = stored.customer
        happening = Happening("accountvault.deleted", customer.location_id, customer.pk, None, data)
        events.record(happening, by=by)
    return stored


class _Known:
    """The methods of the customers who paid, newest first; those of whom something is to be written are
    locked, and read again then: a payment beside this one may have kept the same."""

    def __init__(self, payments: Sequence[Moved]) -> None:
        customers = {one.order.customer_id for one in payments}
        self._of = _read(customers)
        self._new: list[StoredPaymentMethod] = []
        self._changed: dict[int, StoredPaymentMethod] = {}
        self._locked = {one.order.customer_id for one in payments if self._brings_news(one)}
        if self._locked:
            _lock(self._locked)
            self._of.update(_read(self._locked))

    @property
    def is_nobody(self) -> bool:
        """Whether none of them has a method."""
        return not any(self._of.values())

    def take(self, paid: Moved, *, quiet: bool) -> Kept | None:
        """Has the transaction name its method; what that brings, if anything."""
        row, customer_id = paid.row, paid.order.customer_id
        method, wanted = self._find(paid), row.payment_method if _is_wanted(row) else None
        row.payment_method = method or wanted
        if method is None and wanted is not None:
            wanted.created_at = paid.at
            self._of[customer_id].insert(0, wanted)
            self._new.append(wanted)
            return _kept("created", paid, wanted, {}, quiet=quiet)
        if method is None or customer_id not in self._locked:
            return None
        news = _news(method, paid, wanted)
        if not news:
            return None
        before = dict(method.__dict__)
        for name, value in news.items():
            setattr(method, name, value)
        method.modified_at = paid.at
        if method.pk is not None:
            self._changed[method.pk] = method
        return _kept("updated", paid, method, before, quiet=quiet)

    def write(self) -> None:
        sets.create(self._new)
        sets.save(list(self._changed.values()))

    def _brings_news(self, paid: Moved) -> bool:
        method, wanted = self._find(paid), paid.row.payment_method if _is_wanted(paid.row) else None
        return wanted is not None if method is None else bool(_news(method, paid, wanted))

    def _find(self, paid: Moved) -> StoredPaymentMethod | None:
        row, methods = paid.row, self._of[paid.order.customer_id]
        if not methods:
            return None
        token = row.payment_method.token if row.payment_method is not None else ""
        if token and (same := next((one for one in methods if one.token == token), None)):
            return same
        if not row.card_last4:
            return None
        # With another token it is another one: the same card at another gateway, perhaps.
        fitting = (one for one in methods if not (token and one.token))
        return next((one for one in fitting if _card(one) == _card(row)), None)


def _kept(
    kind: str, paid: Moved, method: StoredPaymentMethod, before: dict[str, Any], *, quiet: bool
) -> Kept:
    picture = None
    if events.will_be_heard(paid.at, quiet=quiet):
        old = snapshots.changes(before, method, but=("modified_at", *_UNTOLD)) if before else {}
        picture = Picture(method, snapshots.taken(method, but=_UNTOLD), old)
    return Kept(kind, paid.order, paid.at, str(method), picture)


def _news(method: StoredPaymentMethod, paid: Moved, wanted: StoredPaymentMethod | None) -> dict[str, Any]:
    """What the payment says that was not known of the method."""
    if paid.at < (method.modified_at or method.created_at):
        return {}
    said = {name: getattr(paid.row, name) for name in SAID} if paid.row.card_last4 else {}
    if wanted is not None:
        said["token"] = wanted.token
    return {name: value for name, value in said.items() if value and value != getattr(method, name)}


def _is_wanted(row: Transaction) -> bool:
    """Whether the transaction holds a method that is still to be kept."""
    return "payment_method" in row._state.fields_cache and row.payment_method is not None


def _card(row: Transaction | StoredPaymentMethod) -> tuple[str, ...]:
    return tuple(getattr(row, name) for name in CARD)


def _lock(customer_ids: Collection[int]) -> None:
    """In one order, so that two who lock several never wait in a circle."""
    rows = Customer.objects.filter(pk__in=customer_ids).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))


def _read(customer_ids: Collection[int]) -> dict[int, list[StoredPaymentMethod]]:
    found: dict[int, list[StoredPaymentMethod]] = {customer_id: [] for customer_id in customer_ids}
    methods = StoredPaymentMethod.objects.filter(customer_id__in=customer_ids, removed_at__isnull=True)
    for method in methods.order_by("-pk"):
        found[method.customer_id].append(method)
    return found
