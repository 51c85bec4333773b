"""The moves that the order page offers: exactly those allowed now, in groups; and making one, once."""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from customers.history import MINOR
from delivery import catalogue
from delivery.models import Event
from orders import cases
from orders.cases import Case
from orders.lifecycle import MOVES, Foreseen, Move, MoveRefused, batch, foresee
from orders.models import Order, OrderItem, Subscription

# The groups of the order page, and the moves in each; those of subscriptions have groups of their own.
GROUPS = {
    "Sale": ("complete_sale", "update_cart", "add_upsell", "start_subscription", "decline", "cancel_order"),
    "Quality assurance": ("hold_for_qa", "approve_qa", "decline_qa"),
    "Money": ("refund", "charge_back", "revert_chargeback"),
    "Parcels": ("ship", "deliver", "issue_rma", "receive_rma"),
}
MOST_NEWS = 5


class Happened(Protocol):
    """What was recorded, or would be."""

    @property
    def type(self) -> str: ...

    @property
    def data(self) -> dict[str, Any]: ...


class ChangedSince(MoveRefused):
    """Somebody was faster: the order is not any more what the page showed."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One move, on the order or on one of its subscriptions."""

    move: Move
    subscription: Subscription | None = None

    @property
    def key(self) -> str:
        return f"{self.move.name}:{self.subscription.pk}" if self.subscription else self.move.name

    @property
    def label(self) -> str:
        return self.move.label

    @property
    def about(self) -> str:
        """What it is about, if that is not the order itself."""
        one = self.subscription
        return f"{one.product} ({one.client_purchase_id})" if one else ""

    @property
    def is_ending(self) -> bool:
        return self.move.name in ("cancel_order", "cancel_subscription")

    def refusal(self, case: Case) -> str:
        """Why it may not be made now; "" if it may."""
        if self.move.name == "start_subscription" and not startable(case):
            return "The order has no recurring product without a subscription."
        return self.move.refusal_of(case) or self.move.refusal(self._of(case) if self.subscription else case)

    def foresee(self, case: Case, details: dict[str, Any]) -> list[Foreseen]:
        """The events it would record. The case is spent. Raises MoveRefused."""
        if self.subscription:
            details = {**details, "subscription": self._of(case)}
        return foresee(self.move, case, **details)

    def make(self, order: Order, *, by: str, details: dict[str, Any], seen: int) -> None:
        """Makes the move on the order as it was after event `seen`, and on no other: so never twice.

        Raises ChangedSince, and MoveRefused, with a sentence for people.
        """
        with batch(by=by) as work:
            case = work.load([order.pk])[order.pk]
            if happened := news(order.pk, seen):
                raise ChangedSince(_told(happened))
            if self.subscription:
                details = {**details, "subscription": self._of(case)}
            self.move.on(work, case, **details)

    def takes(self, detail: str) -> bool:
        return detail in inspect.signature(self.move.rule).parameters

    def _of(self, case: Case) -> Subscription:
        """The row of the case, which may be newer than the one that is offered."""
        return next(one for one in case.subscriptions if one.pk == getattr(self.subscription, "pk", None))


@dataclass(frozen=True, slots=True)
class Group:
    """Moves that belong together, under their heading."""

    title: str
    offers: tuple[Offer, ...]


def groups(case: Case) -> list[Group]:
    """What may be done with the order now; groups with nothing in them are left out."""
    allowed = [offer for offer in every_offer(case) if not offer.refusal(case)]
    made = [Group(title, _named(allowed, names)) for title, names in GROUPS.items()]
    for subscription in case.subscriptions:
        of_it = tuple(offer for offer in allowed if offer.subscription is subscription)
        made.append(Group(f"Subscription: {subscription.product}", of_it))
    return [group for group in made if group.offers]


def every_offer(case: Case) -> list[Offer]:
    """What could ever be done with it, so that the move itself says why it cannot be done now."""
    subjects: dict[bool, list[Subscription | None]] = {False: [None], True: [*case.subscriptions]}
    return [Offer(move, subject) for move in MOVES.values() for subject in subjects[move.of_subscription]]


def offer_called(key: str, case: Case) -> Offer | None:
    """The offer with this key, allowed or not."""
    return next((offer for offer in every_offer(case) if offer.key == key), None)


def startable(case: Case) -> list[OrderItem]:
    """The items that could be made a subscription: recurring now, and without one that runs."""
    running = {one.product_id for one in case.subscriptions if one.status != Subscription.Status.CANCELLED}
    return [one for one in case.items if one.product.is_recurring and one.product_id not in running]


def load(order_id: int) -> Case | None:
    """The order with all that belongs to it; None if there is none."""
    return cases.load([order_id]).get(order_id)


def last_event(order_id: int) -> int:
    """Where the order's story has come to: every move adds to it."""
    newest = Event.objects.filter(order_id=order_id).order_by("-id").values_list("pk", flat=True)
    return newest.first() or 0


def news(order_id: int, seen: int) -> list[Event]:
    """What has happened to the order after event `seen`."""
    since = Event.objects.filter(order_id=order_id, pk__gt=seen).order_by("id")
    return list(since[: MOST_NEWS * 4])


def in_words(happened: Iterable[Happened]) -> list[str]:
    """What will happen, as the history will say it."""
    return [catalogue.sentence(one.type, one.data) for one in happened if one.type not in MINOR]


def _named(offers: Sequence[Offer], names: Sequence[str]) -> tuple[Offer, ...]:
    found = {offer.move.name: offer for offer in offers if offer.subscription is None}
    return tuple(found[name] for name in names if name in found)


def _told(happened: Sequence[Event]) -> str:
    said = [event for event in happened if event.type not in MINOR] or happened
    what = "; ".join(f"{catalogue.sentence(one.type, one.data)} (by {one.by})" for one in said[:MOST_NEWS])
    return (
        f"The order has changed since you opened this: {what}. Nothing more was done. "
        "If it is still wanted, do it again."
    )
