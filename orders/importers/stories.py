"""What files say of one order, before anything is done about it."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from orders.lifecycle import Payment


class LineRejected(ValueError):
    """A line that cannot go in; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a file, by the names of its columns. `id` is its place in the staging file."""

    id: int
    kind: str
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values.get(column, "")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a cart; `name` may be empty: then it is the product's."""

    record: Record
    external_id: str
    sku: str
    price: Decimal
    quantity: int = 1
    shipping: Decimal = Decimal(0)
    name: str = ""
    category: str = ""
    recurring_days: int = 0  # 0: bought once
    is_upsell: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to the order: a move of the lifecycle with its date."""

    record: Record
    move: str
    at: datetime
    details: dict[str, Any] = field(default_factory=dict)


BILLING = ("complete_sale", "decline", "hold_for_qa")


@dataclass(slots=True)
class Story:
    """One order as the files tell it: who, what, and what became of it, oldest fact first."""

    record: Record
    external_id: str
    at: datetime
    person: dict[str, Any] = field(default_factory=dict)
    campaign: str = ""
    gateway: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    payments: list[tuple[Record, Payment]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)
    is_repeat: bool = False  # a later order of the same person is a recurring one

    @property
    def is_billed(self) -> bool:
        """Whether its payments were answered; until then they are awaited."""
        return any(fact.move in BILLING for fact in self.facts)

    @property
    def all_items(self) -> list[Item]:
        """Those of the cart, and those that were added to the sale."""
        return self.items + [item for fact in self.facts for item in fact.details.get("items", ())]

    @property
    def cost(self) -> Decimal:
        return sum((item.price * item.quantity + item.shipping for item in self.items), Decimal(0))

    @property
    def paid(self) -> Decimal:
        return sum((payment.amount or Decimal(0) for _, payment in self.payments), Decimal(0))


@dataclass(frozen=True, slots=True)
class Credit:
    """Pieces that come back, of whichever earlier sale to the same person they fit."""

    record: Record
    external_id: str
    person_id: str
    sku: str
    quantity: int
    price: Decimal
    at: datetime
    reason: str = ""
