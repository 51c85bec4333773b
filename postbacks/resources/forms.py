"""The forms in which values are written in `data`, as in the answers of the API."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from postbacks.resources.reading import Around, Subject

Read = Callable[[Subject, Around], Any]


def nothing(subject: Subject, known: Around) -> None:
    """What the documentation names and a store has not."""


def column(name: str) -> Read:
    """A text of the row; null if it is empty."""
    return lambda subject, known: getattr(subject.row, name) or None


def flag(name: str) -> Read:
    return lambda subject, known: bool(getattr(subject.row, name))


def amount(name: str) -> Read:
    return lambda subject, known: money(getattr(subject.row, name))


def number(name: str) -> Read:
    return lambda subject, known: getattr(subject.row, name)


def moment(name: str) -> Read:
    return lambda subject, known: seconds(getattr(subject.row, name))


def money(value: Decimal | None) -> str | None:
    """A text with two decimals."""
    return None if value is None else f"{value:.2f}"


def seconds(at: datetime | None) -> int | None:
    """Unix time."""
    return None if at is None else int(at.timestamp())


def location_id(subject: Subject, known: Around) -> str:
    return known.location(subject).public_id


def contact_id(subject: Subject, known: Around) -> str | None:
    customer = known.customer(subject)
    return customer.public_id if customer else None


def product_transaction_id(subject: Subject, known: Around) -> str | None:
    gateway = known.gateway(subject)
    return gateway.public_id if gateway else None
