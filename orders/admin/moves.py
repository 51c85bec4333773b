"""The moves that the order page offers: exactly those allowed now, with what they need to know."""

import inspect
from dataclasses import dataclass
from typing import Any

from django import forms

from orders import cases
from orders.cases import Case
from orders.lifecycle import MOVES, Move
from orders.models import Order, Subscription

# Moves that need products to be chosen; they have doors of their own.
_NOT_HERE = ("update_cart", "add_upsell", "start_subscription")
# What the form asks for; each move takes what its rule knows of it.
_DETAILS = ("amount", "reason", "tracking_number")


@dataclass(frozen=True, slots=True)
class Offer:
    """One move that is allowed now, on the order or on one of its subscriptions."""

    move: Move
    subscription: Subscription | None = None

    @property
    def key(self) -> str:
        return f"{self.move.name}:{self.subscription.pk}" if self.subscription else self.move.name

    @property
    def label(self) -> str:
        of = (
            f": {self.subscription.product} ({self.subscription.client_purchase_id})"
            if self.subscription
            else ""
        )
        return f"{self.move.label}{of}"

    def make(self, order: Order, *, by: str, details: dict[str, Any]) -> None:
        """Makes the move. Raises MoveRefused with a sentence for people."""
        known = inspect.signature(self.move.rule).parameters
        given = {name: value for name, value in details.items() if value not in (None, "") and name in known}
        self.move(self.subscription or order, by=by, **given)


def offers(order: Order) -> list[Offer]:
    """What may be done with the order now."""
    case = cases.load([order.pk])[order.pk]
    return [offer for offer in _all(case) if not offer.move.refusal(offer.subscription or case)]


def every_offer(order: Order) -> list[Offer]:
    """What could ever be done with it, so that the move itself says why it cannot be done now."""
    return _all(cases.load([order.pk])[order.pk])


def _all(case: Case) -> list[Offer]:
    subjects: dict[bool, list[Subscription | None]] = {False: [None], True: [*case.subscriptions]}
    moves = [move for move in MOVES.values() if move.name not in _NOT_HERE]
    return [Offer(move, subject) for move in moves for subject in subjects[move.of_subscription]]


class MoveForm(forms.Form):
    """Which move, and its details; a detail that the move has no use for must be left empty."""

    move = forms.ChoiceField(label="What happened")
    amount = forms.DecimalField(
        label="Amount",
        required=False,
        max_digits=12,
        decimal_places=2,
        widget=forms.TextInput(attrs={"placeholder": "all that is left", "inputmode": "decimal"}),
    )
    reason = forms.CharField(label="Reason", required=False, max_length=200)
    tracking_number = forms.CharField(label="Tracking number", required=False, max_length=100)

    def __init__(self, allowed: list[Offer], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._allowed = {offer.key: offer for offer in allowed}
        choices = [("", "Choose…"), *((key, offer.label) for key, offer in self._allowed.items())]
        self.fields["move"] = forms.ChoiceField(label="What happened", choices=choices)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "move" in cleaned:
            known = inspect.signature(self.offer.move.rule).parameters
            for name in _DETAILS:
                if cleaned.get(name) not in (None, "") and name not in known:
                    label = str(self.fields[name].label).lower()
                    self.add_error(name, f"“{self.offer.move.label}” has no {label}. Leave it empty.")
        return cleaned

    @property
    def offer(self) -> Offer:
        """The chosen move; only once the form is valid that far."""
        return self._allowed[self.cleaned_data["move"]]

    @property
    def details(self) -> dict[str, Any]:
        return {name: self.cleaned_data.get(name) for name in _DETAILS}
