"""`/v2/orders`: orders are made, changed, read and moved."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Prefetch, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.contacts import ContactAnswer
from customers.api.locations import LocationAnswer
from customers.services import ContactRefused
from orders import intake, lifecycle
from orders.api import inputs
from orders.api.actions import ACTIONS, Action, request_schema
from orders.api.answers import FulfillmentAnswer, OrderAnswer, SubscriptionAnswer
from orders.api.inputs import OrderChangeRequest, OrderRequest
from orders.api.transactions import TransactionAnswer
from orders.intake import BILLING, NewOrder
from orders.lifecycle import MoveRefused
from orders.models import Fulfillment, Order, OrderItem, Subscription, Transaction
from rest import remembering
from rest.filters import Span, choice, flag, text
from rest.resources import Resource


class Orders(Resource):
    singular = "order"
    plural = "orders"
    about = (
        "Orders with their items. An incomplete one is changed by PUT; whatever happens to it, by actions."
    )
    answer = OrderAnswer
    creates = OrderRequest
    changes = OrderChangeRequest
    refusals = (MoveRefused, ContactRefused)
    id_column = "client_order_id"
    filters = {
        "external_order_id": text("external_order_id"),
        "contact_id": text("customer__public_id"),
        "campaign": text("campaign__name"),
        "email": text("email"),
        "status": choice("status", *Order.Status.values),
        "type": choice("type", *Order.Type.values),
        "is_test": flag("is_test"),
        "created_ts": Span("created_at"),
        "modified_ts": Span("updated_at"),
        "ordered_ts": Span("ordered_at"),
    }
    sorts = {
        "created_ts": "created_at",
        "modified_ts": "updated_at",
        "ordered_ts": "ordered_at",
        "total": "total",
        "external_order_id": "external_order_id",
    }

    def rows(self) -> QuerySet[Order]:
        items = Prefetch("items", OrderItem.objects.select_related("product"))
        related = Order.objects.select_related("location", "customer", "campaign", "original_order")
        return related.prefetch_related(items)

    def found(self, id: str) -> Any:
        return super().found(id.upper())

    def _key_of(self, id: str) -> Any:
        return super()._key_of(id.upper())

    def make(self, values: dict[str, Any]) -> Order:
        location = values.pop("location")
        order = intake.take_in(location, self._new(location.pk, values), by=self.caller.by)
        return self.rows().get(pk=order.pk)

    def change(self, row: Order, values: dict[str, Any]) -> Order:
        values.pop("location", None)
        items = values.pop("items", None)
        cart = None
        if items is not None:
            cart = intake.lines(row.location, inputs.wanted(row.location_id, items))
        lifecycle.MOVES["update_cart"](row, by=self.caller.by, lines=cart, **values)
        return self.rows().get(pk=row.pk)

    def act(self, request: Request, id: str) -> Response:
        return remembering.once(request, lambda: self._act(id))

    def _act(self, id: str) -> Response:
        row = self.found(id)

        def move() -> Response:
            Action.read(self.request.data, row, self.caller).make(by=self.caller.by)
            return self.enveloped(self.rows().get(pk=row.pk))

        answer: Response = self.allowed(move)
        return answer

    def _new(self, location_id: int, values: dict[str, Any]) -> NewOrder:
        contact_id, person = values.pop("contact_id", None), values.pop("contact", None)
        customer = None if contact_id is None else inputs.contact(location_id, contact_id)
        if person is None:
            billed = {theirs: values.get(ours, "") for theirs, ours in BILLING.items()}
            person = {name: value for name, value in billed.items() if value}
        if customer is None and not person:
            raise serializers.ValidationError({"contact_id": ["Contact Id cannot be blank."]})
        items, paid = values.pop("items", []), values.pop("payments", [])
        is_complete = values.pop("status", "PARTIAL") == "COMPLETE"
        if paid and not is_complete:
            raise serializers.ValidationError({"payments": ["Only a COMPLETE order is paid."]})
        return NewOrder(
            customer=customer,
            person=person,
            campaign=values.pop("campaign", ""),
            wanted=inputs.wanted(location_id, items),
            payments=inputs.payments(location_id, paid),
            is_complete=is_complete,
            fields=values,
        )

    @staticmethod
    def describe_act(schema: Any) -> dict[str, Any]:
        return {
            "summary": "Move an order",
            "description": "\n".join(f"- `{name}`: {about}" for name, about in ACTIONS.items()),
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": request_schema(schema)}},
            },
        }


def _locations(orders: Sequence[Order]) -> dict[Any, Any]:
    return {order.pk: LocationAnswer(order.location).data for order in orders}


def _contacts(orders: Sequence[Order]) -> dict[Any, Any]:
    for order in orders:
        order.customer.location = order.location  # a customer's orders are where the customer is
    return {order.pk: ContactAnswer(order.customer).data for order in orders}


def _transactions(orders: Sequence[Order]) -> dict[Any, Any]:
    rows = Transaction.objects.select_related("gateway", "batch", "subscription", "payment_method")
    return _of_orders(orders, rows, TransactionAnswer)


def _subscriptions(orders: Sequence[Order]) -> dict[Any, Any]:
    return _of_orders(orders, Subscription.objects.all(), SubscriptionAnswer)


def _fulfillments(orders: Sequence[Order]) -> dict[Any, Any]:
    return _of_orders(orders, Fulfillment.objects.all(), FulfillmentAnswer)


def _of_orders(orders: Sequence[Order], rows: QuerySet[Any], answer: Any) -> dict[Any, Any]:
    """By order, the rows of another table that belong to it, oldest first."""
    by_key = {order.pk: order for order in orders}
    found: dict[Any, list[Any]] = {pk: [] for pk in by_key}
    for row in rows.filter(order__in=list(by_key)).order_by("pk"):
        row.order = by_key[row.order_id]
        found[row.order_id].append(answer(row).data)
    return found


Orders.expansions = {
    "contact": _contacts,
    "location": _locations,
    "transactions": _transactions,
    "subscriptions": _subscriptions,
    "fulfillments": _fulfillments,
}
