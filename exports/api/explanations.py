"""`/v2/orders/{id}/explain`: what each profile made of an order, in words."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from exports.explain import EXPORTED, NOT, WAITING, explain
from orders.models import Order
from rest.fields import Moment, Said
from rest.resources import Resource


class VerdictAnswer(serializers.Serializer):
    """What one profile made of the order, for one customer type."""

    profile_id = serializers.IntegerField(source="profile.pk")
    profile = serializers.CharField(source="profile.name")
    customer_type = Said()
    outcome = serializers.ChoiceField([EXPORTED, WAITING, NOT])
    reason = serializers.CharField()
    delivery_id = Said()
    happened_ts = Moment(source="happened_at")


class ExplanationAnswer(serializers.Serializer):
    """Exported ones first."""

    order_id = serializers.CharField()
    status = serializers.ChoiceField(Order.Status.choices)
    verdicts = VerdictAnswer(many=True)


class Explanations(Resource):
    singular = "explain"
    plural = "orders"
    answer = ExplanationAnswer
    id_column = "client_order_id"

    def rows(self) -> QuerySet[Order]:
        return Order.objects.all()

    def retrieve(self, request: Request, id: str) -> Response:
        order = self.found(id.upper())
        said = {"order_id": order.client_order_id, "status": order.status, "verdicts": explain(order)}
        return Response({self.singular: {**ExplanationAnswer(said).data, **self.links(order)}})

    @staticmethod
    def describe_retrieve(schema: Any) -> dict[str, Any]:
        return {"summary": "Explain why, or why not, an order was exported"}
