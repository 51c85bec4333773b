"""A store whose events postback configs are told of, and what their receivers got, taken apart."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from customers import services as customers
from customers.models import Location
from delivery import worker
from delivery.models import Delivery, Endpoint
from orders.models import Gateway
from postbacks import services, taking
from postbacks.models import PostbackConfig
from tests.receiver import Receiver, Request

BY = "test"


def a_location(name: str = "Main store") -> Location:
    return Location.objects.create(name=name)


def a_gateway(location: Location, title: str = "Main gateway") -> Gateway:
    return Gateway.objects.get_or_create(location=location, title=title)[0]


def a_config(location: Location, url: str, resource: str = "contact", **settings: Any) -> PostbackConfig:
    return services.create(location=location, by=BY, resource=resource, url=url, **settings)


def a_contact(location: Location, **fields: Any) -> Any:
    return customers.create(location, by=BY, **{"last_name": "Jones", **fields})


def carry() -> None:
    """What happened becomes deliveries, and these go out."""
    taking.run()
    worker.drain()


def due_now() -> None:
    """The interval is over."""
    now = timezone.now()
    Delivery.objects.filter(state="waiting", due_at__isnull=False).update(due_at=now)
    Endpoint.objects.update(ready_at=now)


@dataclass(frozen=True)
class Said:
    """One postback as it came in."""

    type: str
    resource: str
    number: int
    data: Mapping[str, Any]


def said(request: Request) -> Said:
    """The form: exactly these four parameters, in this order."""
    (names, values) = zip(*request.form, strict=True)
    assert names == ("type", "resource", "number_of_attempts", "data")
    assert request.method == "POST"
    assert request.header("Content-Type") == "application/x-www-form-urlencoded"
    return Said(values[0], values[1], int(values[2]), json.loads(values[3]))


def all_said(receiver: Receiver) -> list[Said]:
    return [said(request) for request in receiver.requests]
