"""A resource at an event, and the rows around it that its data refers to, read in sets."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Model

from customers.models import Customer, Location
from delivery import sets, snapshots
from orders.models import (
    Campaign,
    Gateway,
    Order,
    SettlementBatch,
    StoredPaymentMethod,
    Subscription,
    Transaction,
)

MODELS: Mapping[str, type[Model]] = {
    "contact": Customer,
    "transaction": Transaction,
    "transactionbatch": SettlementBatch,
    "accountvault": StoredPaymentMethod,
    "order": Order,
    "subscription": Subscription,
}


class Change(NamedTuple):
    """What an event says beside the resource: how its changelog reads."""

    id: int = 0
    action: str = "CREATE"
    by: str = ""
    at: datetime | None = None
    old: Mapping[str, Any] = {}


@dataclass
class Subject:
    """A resource as it was at one moment: `values` are the columns of its row, as events carry them."""

    resource: str
    values: Mapping[str, Any]
    location_id: int
    customer_id: int | None = None
    order_id: int | None = None
    change: Change = field(default_factory=Change)

    @cached_property
    def row(self) -> Any:
        """The row as it was; not to be saved."""
        return snapshots.developed(MODELS[self.resource], self.values)


@dataclass(slots=True)
class Around:
    """Rows that subjects refer to, by key. Of those not embedded only what never changes is read."""

    locations: dict[int, Location] = field(default_factory=dict)
    customers: dict[int, Customer] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    campaigns: dict[int, Campaign] = field(default_factory=dict)
    gateways: dict[int, Gateway] = field(default_factory=dict)
    batches: dict[int, SettlementBatch] = field(default_factory=dict)
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    vaults: dict[int, list[StoredPaymentMethod]] = field(default_factory=dict)  # by customer

    def location(self, subject: Subject) -> Location:
        return self.locations[subject.location_id]

    def customer(self, subject: Subject) -> Customer:
        """With its location. A test may be about nobody."""
        customer = self.customers.get(subject.customer_id or 0) or Customer(last_name="Jones")
        customer.location = self.location(subject)
        return customer

    def order(self, subject: Subject) -> Order:
        """With its location and customer. A test may be about none."""
        order = self.orders.get(subject.order_id or 0) or Order(client_order_id="C0FFEE1234")
        order.location, order.customer = self.location(subject), self.customer(subject)
        return order

    def vault(self, subject: Subject) -> StoredPaymentMethod | None:
        """The stored payment method that a transaction was paid with: the customer's, of the same card."""
        paid = (subject.row.card_type, subject.row.card_bin, subject.row.card_last4)
        if not paid[2]:
            return None
        found = self.vaults.get(subject.customer_id or 0, ())
        return next((one for one in found if (one.card_type, one.card_bin, one.card_last4) == paid), None)


def around(subjects: Sequence[Subject]) -> Around:
    """What these refer to; at most eight statements however many they are."""
    named = _Named(subjects)
    of_payments = {one.customer_id for one in subjects if one.resource == "transaction" and one.customer_id}
    return Around(
        locations=_rows(Location, {one.location_id for one in subjects}),
        customers=_rows(Customer, {one.customer_id for one in subjects}),
        orders=_rows(Order, {one.order_id for one in subjects} | named["original_order_id"]),
        campaigns=_rows(Campaign, named["campaign_id"]),
        gateways=_rows(Gateway, named["gateway_id"]),
        batches=_rows(SettlementBatch, named["batch_id"]),
        subscriptions=_rows(Subscription, named["subscription_id"]),
        vaults=_vaults(of_payments),
    )


class _Named(defaultdict[str, "set[int | None]"]):
    """The keys that the subjects' own columns name, by column."""

    def __init__(self, subjects: Iterable[Subject]) -> None:
        super().__init__(set)
        for subject in subjects:
            for name, value in subject.values.items():
                if name.endswith("_id") and isinstance(value, int):
                    self[name].add(value)


def _rows(model: Any, keys: Iterable[int | None]) -> dict[int, Any]:
    wanted = {key for key in keys if key is not None}
    return sets.in_bulk(model, wanted) if wanted else {}


def _vaults(customer_ids: set[int]) -> dict[int, list[StoredPaymentMethod]]:
    found: dict[int, list[StoredPaymentMethod]] = defaultdict(list)
    if customer_ids:
        for method in StoredPaymentMethod.objects.filter(customer_id__in=customer_ids).order_by("-pk"):
            found[method.customer_id].append(method)
    return found
