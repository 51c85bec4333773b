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
    vaults: dict[int, StoredPaymentMethod] = field(default_factory=dict)

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
        """The stored payment method that a transaction was made with."""
        return self.vaults.get(subject.values.get("payment_method_id") or 0)


def around(subjects: Sequence[Subject]) -> Around:
    """What these refer to; at most eight statements however many they are."""
    named = _Named(subjects)
    return Around(
        locations=_rows(Location, {one.location_id for one in subjects}),
        customers=_rows(Customer, {one.customer_id for one in subjects}),
        orders=_rows(Order, {one.order_id for one in subjects} | named["original_order_id"]),
        campaigns=_rows(Campaign, named["campaign_id"]),
        gateways=_rows(Gateway, named["gateway_id"]),
        batches=_rows(SettlementBatch, named["batch_id"]),
        subscriptions=_rows(Subscription, named["subscription_id"]),
        vaults=_rows(StoredPaymentMethod, named["payment_method_id"]),
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
