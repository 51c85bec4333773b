"""Texts of a file as dates, amounts and whole numbers; what is none is a reason to reject the line."""

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from django.utils import timezone

from delivery.events import FUTURE_SLACK
from orders.importers.stories import LineRejected

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MOST_DAYS = 36_500
MOST_MONEY = Decimal("9999999999")


@dataclass(frozen=True, slots=True)
class Clock:
    """How the dates of a source are read: local times of `zone`, moved by whole days of 24 hours.

    They are moved after they were made instants, so what lies between two of them stays exactly as it was.
    """

    zone: zoneinfo.ZoneInfo
    shift: timedelta = timedelta(0)

    def read(self, text: str, what: str) -> datetime:
        """The instant. Raises LineRejected for what is no date, is before 1970 or has not come yet."""
        return _read(self, text, what)

    def read_if_any(self, text: str, what: str) -> datetime | None:
        """The same; None for an empty text: it has not happened."""
        return self.read(text, what) if text.strip() else None


@lru_cache(maxsize=2_000)  # the lines of an order repeat their dates
def _read(clock: Clock, text: str, what: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise LineRejected(f"The {what} is not a date such as 2024-05-31 13:45:00.") from None
    try:
        instant = (found if found.tzinfo else found.replace(tzinfo=clock.zone)).astimezone(UTC)
        moved = instant + clock.shift
    except OverflowError:
        raise LineRejected(f"The {what} is out of range.") from None
    if instant < EARLIEST:
        raise LineRejected(f"The {what} is before 1970.")
    if moved > timezone.now() + FUTURE_SLACK:
        raise LineRejected(f"The {what} is in the future.")
    return moved


def amount(text: str, what: str) -> Decimal:
    """A finite amount of a sane size, as exact as it is written."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise LineRejected(f"The {what} is not a number.") from None
    if not value.is_finite() or abs(value) > MOST_MONEY:
        raise LineRejected(f"The {what} is out of range.")
    return value


def price(text: str, what: str = "price") -> Decimal:
    """An amount that is not negative and has at most four decimals, as the column keeps it."""
    value = amount(text, what)
    if value < 0:
        raise LineRejected(f"The {what} is negative.")
    if value != round(value, 4):
        raise LineRejected(f"The {what} has more than four decimals.")
    return value


def whole(text: str, what: str) -> int:
    """A whole number of at most nine digits."""
    plain = text.strip()
    if not plain.removeprefix("-").isdecimal() or not plain.isascii():
        raise LineRejected(f"The {what} is not a whole number.")
    if len(plain) > 10:
        raise LineRejected(f"The {what} is out of range.")
    return int(plain)


def quantity(text: str) -> int:
    """How many pieces: between 1 and 1,000,000."""
    value = whole(text, "quantity")
    if not 0 < value <= 1_000_000:
        raise LineRejected("The quantity is not between 1 and 1,000,000.")
    return value


def required(text: str, what: str, most: int = 64) -> str:
    """A short text that must be there."""
    plain = short(text, what, most)
    if not plain:
        raise LineRejected(f"The {what} is empty.")
    return plain


def short(text: str, what: str, most: int) -> str:
    """A text that may be empty."""
    plain = text.strip()
    if len(plain) > most:
        raise LineRejected(f"The {what} is longer than {most} characters.")
    return plain
