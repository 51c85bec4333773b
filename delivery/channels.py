"""What a channel is: the app that knows what a kind of delivery means. Listed in settings, one line each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import import_module
from typing import Protocol, cast

from django.conf import settings

from delivery.models import Delivery
from delivery.transports import Request


@dataclass(frozen=True, slots=True)
class Unsendable:
    """Why nothing can be sent now.

    What is missing is missing for all of the endpoint's deliveries, so it naps; not if `is_its_own`: the
    fault lies in this one delivery, and the others go out.
    """

    error: str
    detail: str
    is_its_own: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What a delivery says, for people: secrets masked."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True, slots=True)
class Sibling:
    """A delivery of the same thing: the first, or one that was made anew later."""

    text: str  # "export no. 2, asked for by admin:jane"
    delivery_id: str


class Channel(Protocol):
    """A module with these functions."""

    IS_UNTIL_SUCCESS: bool  # carried until it succeeds: its endpoints may sleep

    def prepare(self, deliveries: Sequence[Delivery]) -> dict[str, Request | Unsendable]:
        """By delivery id: what is frozen, combined with where and how as of now. Reads in sets."""
        ...

    def retry_after(self, delivery: Delivery, attempts_made: int) -> timedelta | None:
        """How long to wait after so many attempts; None: give up."""
        ...

    def describe(self, delivery: Delivery, order_number: str) -> str:
        """What became of it, in a sentence for the history."""
        ...

    def page(self, delivery: Delivery) -> str:
        """The address of the page of what it goes to."""
        ...

    def endpoints_of(self, location_ids: Collection[int]) -> list[int]:
        """The endpoints of what belongs to these locations, also of what was deleted or is switched off."""
        ...

    def said(self, delivery: Delivery) -> Said:
        """What it says, as it would go out now."""
        ...

    def siblings(self, delivery: Delivery) -> Sequence[Sibling]:
        """All deliveries of the same thing, this one among them; empty where nothing is made anew."""
        ...

    def anew_page(self, delivery: Delivery) -> str:
        """The address where it can be made anew, with an id of its own; "" where that cannot be."""
        ...


def channel(name: str) -> Channel:
    """The channel's module. Raises KeyError for a name that no setting knows."""
    return _module(settings.POSTRIDER_CHANNELS[name])


@cache
def _module(path: str) -> Channel:
    return cast(Channel, import_module(path))
