"""A store and the partners whom it tells: profiles through the services, and a round of sweep and sending."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from customers import services as customers
from customers.models import Customer, Location
from delivery import worker
from delivery.models import Attempt, Delivery
from exports import services, sweep
from exports.models import STATIC, ExportProfile, FieldMapping
from orders import lifecycle
from orders.lifecycle import Line, Payment
from orders.models import Campaign, Order, Product

BY = "test"
CARD = Payment(card_type="VISA", card_bin="411111", card_last4="1111", card_expiry="05/2029")
JSON = ("header:Content-Type", "application/json")


@dataclass
class Store:
    """The rows that orders refer to."""

    location: Location
    campaign: Campaign
    cream: Product
    club: Product  # recurring
    customer: Customer
    is_test: bool = False  # the intake flags every order


def a_store(name: str = "Main store", **person: Any) -> Store:
    location = Location.objects.create(name=name, time_zone="America/Chicago")
    who = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", **person}
    return Store(
        location,
        Campaign.objects.create(location=location, name="Lander"),
        Product.objects.create(location=location, name="Cream", sku="C-1"),
        Product.objects.create(location=location, name="Club", sku="CL", is_recurring=True),
        customers.create(location, by=BY, **who),
    )


def a_partial(store: Store, *products: Product, **fields: Any) -> Order:
    """An incomplete order of one piece each."""
    details = {"customer": store.customer, "campaign": store.campaign, "is_test": store.is_test, **fields}
    lines = [Line(product, Decimal("19.95")) for product in products]
    return lifecycle.create_partial(by=BY, location=store.location, lines=lines, **details)


def a_sale(store: Store, *products: Product, **fields: Any) -> Order:
    order = a_partial(store, *(products or (store.cream,)), **fields)
    return lifecycle.complete_sale(order, by=BY, payments=[CARD])


def field(export_name: str, name: str) -> FieldMapping:
    return FieldMapping(export_name=export_name, field=name)


def static(export_name: str, value: str, *, secret: bool = False) -> FieldMapping:
    return FieldMapping(export_name=export_name, field=STATIC, static_value=value, is_secret=secret)


def a_profile(
    store: Store, url: str, rows: Sequence[FieldMapping] = (), *types: str, name: str = "", **settings: Any
) -> ExportProfile:
    """An active profile with these mappings, and a route for each of the customer types."""
    profile = services.create_profile(
        location=store.location, name=name or f"Partner {url[-60:]}", url=url, by=BY, **settings
    )
    services.set_mappings(profile, [copy(row) for row in rows or [field("order", "clientOrderId")]], by=BY)
    for customer_type in types or ("new_sale",):
        services.add_route(profile, customer_type=customer_type, by=BY)
    return profile


def sweep_all() -> None:
    """A run of every active profile, whatever the clock says."""
    for report in sweep.run(sweep.postbacks()):
        assert not report.error, report.error


def carry() -> None:
    """One pass of the engine over what is due."""
    worker.drain()


def only_delivery() -> Delivery:
    return Delivery.objects.get()


def only_attempt() -> Attempt:
    return Attempt.objects.get()


def everything_stored() -> str:
    """All that the database holds, as one text, to look for what must not be in it."""
    texts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            texts.append(f"{table}: {cursor.fetchall()}")
    return "\n".join(texts)
