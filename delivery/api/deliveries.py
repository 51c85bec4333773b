"""`/v2/deliveries`: read, filtered, and sent again."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from delivery import services
from delivery.channels import channel
from delivery.models import Attempt, Delivery, Endpoint
from rest.fields import Moment, Said
from rest.filters import Span, choice, number, text
from rest.resources import Parts, Resource

MOST_ATTEMPTS = 1000  # in one answer
MOST_OF_AN_ANSWER = 1000  # characters


class AttemptAnswer(serializers.Serializer):
    """One try, as it is on record: secrets are masked."""

    number = serializers.IntegerField()
    started_ts = Moment(source="started_at")
    duration_ms = serializers.IntegerField()
    method = serializers.CharField()
    url = serializers.CharField()
    status = serializers.IntegerField(allow_null=True)
    error = Said()
    detail = Said()
    answer = serializers.SerializerMethodField()

    def get_answer(self, attempt: Attempt) -> str:
        return attempt.answer[:MOST_OF_AN_ANSWER]


class DeliveryAnswer(serializers.Serializer):
    """A delivery; its id is the `webhook-id` that the receiver sees."""

    id = serializers.CharField()
    location_id = serializers.CharField(source="event.location.public_id")
    contact_id = Said(source="event.customer.public_id", default=None)
    order_id = Said(source="event.order.client_order_id", default=None)
    event_type = serializers.CharField(source="event.type")
    channel = serializers.CharField()
    target_id = serializers.IntegerField()
    target_name = serializers.CharField()
    reason = Said()
    state = serializers.ChoiceField(Delivery.State.choices)
    attempts_made = serializers.IntegerField()
    last_error = Said()
    last_detail = Said()
    created_ts = Moment(source="created_at")
    due_ts = Moment(source="due_at")
    finished_ts = Moment(source="finished_at")


class Deliveries(Resource):
    singular = "delivery"
    plural = "deliveries"
    about = "What went out because something happened at a location; tests are not in it."
    answer = DeliveryAnswer
    refusals = (services.NotNow,)
    id_column = "id"
    filters = {
        "state": choice("state", *Delivery.State.values),
        "channel": text("channel"),
        "target_id": number("target_id"),
        "event_type": text("event__type"),
        "order_id": text("event__order__client_order_id"),
        "contact_id": text("event__customer__public_id"),
        "created_ts": Span("created_at"),
    }
    sorts = {"created_ts": "created_at"}

    def rows(self) -> QuerySet[Delivery]:
        related = ("event", "event__location", "event__customer", "event__order")
        return Delivery.objects.filter(is_test=False).select_related(*related).defer("content", "event__data")

    @cached_property
    def endpoint_ids(self) -> tuple[int, ...]:
        """What is sent for a location goes to endpoints of that location, and to no others."""
        names = settings.POSTRIDER_CHANNELS
        return tuple(pk for name in names for pk in channel(name).endpoints_of(self.location_keys))

    def seen(self) -> QuerySet[Delivery]:
        """By endpoint, which an index finds; whose events they follow from would have to be looked up."""
        return self.rows().filter(endpoint__in=self.endpoint_ids)

    def parts(self) -> Parts:
        return Endpoint.objects.filter(pk__in=self.endpoint_ids), "endpoint_id"

    def resend(self, request: Request, id: str) -> Response:
        row = self.found(id)

        def send() -> Response:
            services.send_again(row, by=self.caller.by)
            return self.enveloped(self.found(id))

        answer: Response = self.allowed(send)
        return answer

    @staticmethod
    def describe_resend(schema: Any) -> dict[str, Any]:
        about = "Another attempt of the same delivery, at once: same id, same content."
        return {"summary": "Send a delivery again", "description": about}


def _attempts(deliveries: Sequence[Delivery]) -> dict[Any, Any]:
    """The tries of each, newest first."""
    found: dict[Any, list[Any]] = {delivery.pk: [] for delivery in deliveries}
    for attempt in Attempt.objects.filter(delivery__in=list(found)).order_by("-id")[:MOST_ATTEMPTS]:
        found[attempt.delivery_id].append(AttemptAnswer(attempt).data)
    return found


Deliveries.expansions = {"attempts": _attempts}
