"""Orders in every state that fields are read from, made by the real lifecycle."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from customers import services as customers
from customers.models import Customer, Location
from delivery.models import Event
from exports.fields import FIELDS, EventFacts, Reading
from orders import cases, lifecycle
from orders.lifecycle import Line, Payment
from orders.models import Campaign, Gateway, Order, Product

BY = "test"
CHICAGO = ZoneInfo("America/Chicago")
BEGUN = datetime(2026, 5, 4, 19, 1, 0, tzinfo=UTC)
SOLD = datetime(2026, 5, 4, 19, 5, 9, 654321, tzinfo=UTC)
LATER = datetime(2026, 5, 20, 3, 30, 0, tzinfo=UTC)  # still the 19th in Chicago


@dataclass
class Store:
    """The rows that orders refer to."""

    location: Location
    campaign: Campaign
    gateway: Gateway
    cream: Product
    club: Product
    customer: Customer


def a_store() -> Store:
    location = Location.objects.create(name="Main store", time_zone="America/Chicago")
    return Store(
        location,
        Campaign.objects.create(location=location, name="Lander"),
        Gateway.objects.create(location=location, title="Main gateway"),
        Product.objects.create(
            location=location, name="Cream", sku="C-1", external_id="X1", category="Cosmetics"
        ),
        Product.objects.create(location=location, name="Club", sku="CL", is_recurring=True),
        customers.take_in(
            location,
            [
                {
                    "first_name": "Ada",
                    "last_name": "Lovelace",
                    "email": "ada@example.com",
                    "cell_phone": "555 1234567",
                }
            ],
            by=BY,
            at=[BEGUN],
        )[0],
    )


def an_empty_partial(location: Location) -> Order:
    nobody = customers.take_in(location, [{}], by=BY)[0]
    return lifecycle.create_partial(by=BY, location=location, customer=nobody)


def a_partial(store: Store, **fields: Any) -> Order:
    lines = [
        Line(store.cream, Decimal("24.95"), 2, shipping=Decimal("4.95")),
        Line(store.club, Decimal("29.00")),
    ]
    return lifecycle.create_partial(
        by=BY,
        location=store.location,
        customer=store.customer,
        campaign=store.campaign,
        lines=lines,
        at=BEGUN,
        **fields,
    )


def a_sale(store: Store, **fields: Any) -> Order:
    card = Payment(
        card_type="VISA",
        card_bin="411111",
        card_last4="1111",
        card_expiry="05/2029",
        gateway=store.gateway,
        merchant_txn_id="ch_1",
        avs_response="Y",
        cvv_response="M",
    )
    return lifecycle.complete_sale(a_partial(store, **fields), by=BY, at=SOLD, payments=[card])


def reading(order: Order, event_type: str = "", customer_type: str = "New Sale") -> Reading:
    """The order as the sweep reads it, with the last event of that type."""
    case = cases.load([order.pk])[order.pk]
    zone = ZoneInfo(order.location.time_zone)
    if not event_type:
        return Reading(case, EventFacts(), customer_type, zone)
    event = Event.objects.filter(type=event_type, order_id=order.pk).latest("id")
    return Reading(case, EventFacts(event.id, event.type, event.occurred_at, event.data), customer_type, zone)


def read(reading: Reading, *names: str) -> Any:
    values = [FIELDS[name].read(reading) for name in names]
    return values[0] if len(values) == 1 else values
