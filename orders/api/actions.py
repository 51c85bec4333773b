"""`POST /v2/orders/{id}/actions`: every move of the lifecycle, by its name."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from orders import intake
from orders.api import inputs
from orders.lifecycle import MOVES, Move
from orders.models import Order, OrderItem, Subscription
from rest.callers import Caller
from rest.errors import invalid
from rest.fields import Choice

# By the name that clients use, the argument of a move that is read from it.
ARGUMENTS = {"items": "lines", "subscription_id": "subscription", "item_id": "item"}


class ActionRequest(inputs.ActionRequest):
    """A move of the order, and what it needs to know."""

    action = Choice(list(MOVES))


def arguments(move: Move) -> set[str]:
    """What a client may say about a move."""
    known = inspect.signature(move.rule).parameters
    names = {name: ARGUMENTS.get(name, name) for name in ActionRequest().fields if name != "action"}
    return {name for name, argument in names.items() if argument in known}


ACTIONS = {
    name: f"{move.label}. Takes {', '.join(sorted(arguments(move))) or 'nothing else'}."
    for name, move in MOVES.items()
}


@dataclass(frozen=True, slots=True)
class Action:
    """One move that is wanted, with its details read."""

    move: Move
    subject: Order | Subscription
    details: dict[str, Any]

    @classmethod
    def read(cls, body: Any, order: Order, caller: Caller) -> "Action":
        """From the body of a request, with or without an envelope. Raises ValidationError and NotValid."""
        record = body.get("action") if isinstance(body, Mapping) else None
        given = ActionRequest(
            data=record if isinstance(record, Mapping) else body, context={"caller": caller}
        )
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        move = MOVES[values.pop("action")]
        if not_known := sorted(values.keys() - arguments(move)):
            raise serializers.ValidationError({name: [f"“{move.name}” has no {name}."] for name in not_known})
        subject: Order | Subscription = order
        if move.of_subscription:
            subject = _subscription(order, values.pop("subscription_id", ""))
        return cls(move, subject, _details(order, move, values))

    def make(self, *, by: str) -> None:
        """Raises MoveRefused with a sentence for people."""
        self.move(self.subject, by=by, **self.details)


def request_schema(schema: Any) -> dict[str, Any]:
    """The body, for the description of the API."""
    found: dict[str, Any] = schema.component(ActionRequest, "request")
    return found


def _details(order: Order, move: Move, values: dict[str, Any]) -> dict[str, Any]:
    details = {name: value for name, value in values.items() if value not in (None, "")}
    if "items" in details:
        wanted = inputs.wanted(order.location_id, details.pop("items"))
        details["lines"] = intake.lines(order.location, wanted)
    elif move.name == "add_upsell":
        raise invalid("items", "Items cannot be blank.")
    if "payment" in details:
        details["payment"] = inputs.payments(order.location_id, [details["payment"]])[0]
    if "payments" in details:
        details["payments"] = inputs.payments(order.location_id, details["payments"])
    if move.name == "start_subscription":
        details["item"] = _item(order, details.pop("item_id", None))
    return details


def _subscription(order: Order, number: str) -> Subscription:
    """The one of the order with this id; without an id the only one there is."""
    found = list(order.subscriptions.filter(**({"client_purchase_id": number.upper()} if number else {}))[:2])
    if number and not found:
        raise invalid("subscription_id", "subscription_id provided is not valid")
    if len(found) != 1:
        raise invalid("subscription_id", f"The order has {'several' if found else 'no'} subscriptions.")
    return found[0]


def _item(order: Order, number: int | None) -> OrderItem:
    items = order.items.select_related("product")
    found = list(items.filter(**({} if number is None else {"pk": number}))[:2])
    if len(found) != 1:
        raise invalid("item_id", "item_id provided is not valid" if number else "Item Id cannot be blank.")
    return found[0]
