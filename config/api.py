"""The addresses under `/v2/`, and what describes them."""

from functools import cache
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path, re_path
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework import exceptions
from rest_framework.views import APIView

from customers.api.contacts import Contacts
from customers.api.locations import Locations
from customers.api.tokens import Tokens
from delivery.api.deliveries import Deliveries
from exports.api.explanations import Explanations
from orders.api.orders import Orders
from orders.api.transactions import AccountVaults, TransactionBatches, Transactions
from postbacks.api.configs import PostbackConfigs
from rest.resources import Resource, addresses

RESOURCES: tuple[type[Resource], ...] = (
    *(Contacts, Locations, Orders, Transactions, AccountVaults, TransactionBatches, Deliveries),
    PostbackConfigs,
)


class Nowhere(APIView):
    """Whatever has no address: the answer is JSON here too."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        raise exceptions.NotFound("There is nothing at this address. /v2/docs lists what there is.")


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI description; it is the same for everybody."""
    return HttpResponse(description(), "application/vnd.oai.openapi+json")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The description to be read, searched and tried; from files of ours only."""
    return render(request, "rest/docs.html")


@cache
def description() -> bytes:
    patterns = [path("v2/", include((urlpatterns, app_name)))]
    generator = SchemaGenerator(patterns=patterns)  # type: ignore[no-untyped-call]
    return orjson.dumps(generator.get_schema(public=True))  # type: ignore[no-untyped-call]


app_name = "v2"
urlpatterns = [
    path("token", Tokens.as_view({"post": "create"}), name="tokens"),
    path("token/<str:id>", Tokens.as_view({"delete": "destroy"}), name="token"),
    *(address for resource in RESOURCES for address in addresses(resource)),
    path("orders/<str:id>/actions", Orders.as_view({"post": "act"}), name="order_actions"),
    path("orders/<str:id>/explain", Explanations.as_view({"get": "retrieve"}), name="explain"),
    path("deliveries/<str:id>/resend", Deliveries.as_view({"post": "resend"}), name="resend"),
    path("schema", schema, name="schema"),
    path("docs", docs, name="docs"),
    re_path("", Nowhere.as_view(), name="nowhere"),
]
