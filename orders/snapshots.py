"""What events say of the row that they are about: as the move left it, and what changed in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import ForeignKey, Model

from delivery import catalogue, snapshots
from orders.cases import Case
from orders.models import OrderItem

_ITEM = ("id", "product_id", "type", "name", "quantity", "price", "shipping", "external_id")
_PARCEL = (
    *("id", "status", "tracking_number", "ship_carrier", "ship_method", "rma_number"),
    *("created_at", "shipped_at", "delivered_at", "returned_at"),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A row when it was looked at; its keys, which it may get only later, are read when it is `said`."""

    row: Model
    resource: dict[str, Any]
    old: dict[str, Any]
    parts: tuple[tuple[Model, dict[str, Any]], ...] = ()

    def said(self) -> dict[str, Any]:
        """For an event's data: `resource`, its columns, and `old`, what stood in those that changed."""
        keys = {name: key for name in _keys_of(self.row) if (key := getattr(self.row, name)) is not None}
        for part, values in self.parts:
            values["id"] = part.pk
        about = {"resource": {**keys, **self.resource}}
        return {**about, "old": self.old} if self.old else about


@dataclass(slots=True)
class Memory:
    """Rows as they were when last looked at, to tell what a move changes in them."""

    _rows: dict[int, tuple[Model, dict[str, Any]]] = field(default_factory=dict)

    def keep(self, cases: Iterable[Case]) -> None:
        for case in cases:
            for row in (case.order, *case.transactions, *case.subscriptions):
                self._rows[id(row)] = (row, dict(row.__dict__))

    def picture(self, event_type: str, case: Case, named: Mapping[str, Any]) -> Picture | None:
        """Of the row that the event is about, for events that postbacks tell of. `named`: the event's data,
        with the rows that it names."""
        postback = catalogue.POSTBACKS.get(event_type)
        if postback is None:
            return None
        row = case.order if postback[1] == "order" else named[postback[1]]
        _, before = self._rows.get(id(row), (row, None))
        old = snapshots.changes(before, row, but=("id", "updated_at")) if before is not None else {}
        if row is not case.order:
            return Picture(row, snapshots.taken(row), old)
        resource = of_order(case)
        parts = (
            *zip(case.items, resource["items"], strict=True),
            *zip(case.fulfillments, resource["fulfillments"], strict=True),
        )
        return Picture(row, resource, old, parts)


def of_order(case: Case) -> dict[str, Any]:
    """An order with its items and parcels."""
    return {
        **snapshots.taken(case.order),
        "items": [_item(item) for item in case.items],
        "fulfillments": [_some(parcel, _PARCEL) for parcel in case.fulfillments],
    }


def _item(item: OrderItem) -> dict[str, Any]:
    return {**_some(item, _ITEM), "sku": item.product.sku}


def _some(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: snapshots.plain(getattr(row, name)) for name in names}


def _keys_of(row: Model) -> list[str]:
    keys = [one.attname for one in row._meta.concrete_fields if isinstance(one, ForeignKey)]
    return ["id", *keys]
