"""What one field is read from, and the form in which values leave."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from orders.cases import Case

Value = str | int | list[Any] | dict[str, Any]

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class EventFacts:
    """The event that made the export happen. The defaults are a preview: an order without an event."""

    id: int = 0
    type: str = ""
    occurred_at: datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Reading:
    """One order at one run. Reading any field of it costs no query, so all of it must be loaded.

    A subscription that `event.data` names stands in `case.subscriptions`, also when it belongs to the order
    that started it. `campaign_products` gives, by product id, the id under which the order's campaign
    offers the product.
    """

    case: Case
    event: EventFacts
    customer_type: str  # the label: "New Sale"
    zone: ZoneInfo
    campaign_products: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Field:
    """A name that may be mapped. `read` never raises: what an order does not have is an empty text.

    A sensitive field needs approved PCI documentation.
    """

    name: str
    group: str
    label: str
    read: Callable[[Reading], Value]
    example: Value
    is_sensitive: bool = False


def moment(at: datetime | None, zone: ZoneInfo) -> str:
    """`YYYY-MM-DD HH:MM:SS` as the clock of the location shows it."""
    return at.astimezone(zone).isoformat(" ", "seconds")[:19] if at is not None else ""


def day(when: date | None) -> str:
    """`YYYY-MM-DD`, for columns that hold a day and no time."""
    return when.isoformat() if when is not None else ""


def money(amount: Decimal) -> str:
    """Two decimals, whatever the column has: wholesale prices have mills."""
    return str(amount.quantize(CENT, ROUND_HALF_UP))


def flag(is_so: bool) -> int:
    return 1 if is_so else 0


def free(value: Any) -> str | int:
    """A free-form value, which may be anything that JSON can say, as one text or number."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return flag(value)
    if isinstance(value, str | int):
        return value
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else str(value)
