"""A shop in which much happens at once, and the partners who are told of it; made through the real doors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from customers import services as customers
from customers.models import Customer, Location
from delivery.models import Delivery, Endpoint, Event
from exports import services as profiles
from exports import sweep
from exports.models import Export, ExportProfile, FieldMapping
from orders import lifecycle
from orders.lifecycle import Case, Line
from orders.models import Campaign, Order, Product

BY = "test"
FIELDS = {"order": "clientOrderId", "name": "firstName", "event": "eventId", "type": "customerType"}


@dataclass
class Shop:
    """The rows that orders refer to."""

    location: Location
    campaign: Campaign
    product: Product
    customer: Customer


def a_shop(name: str = "Main store") -> Shop:
    location = Location.objects.create(name=name)
    return Shop(
        location,
        Campaign.objects.create(location=location, name="Lander"),
        Product.objects.create(location=location, name="Cream", sku="C-1"),
        customers.create(location, by=BY, first_name="Ada", last_name="Lovelace", email="ada@example.com"),
    )


def a_profile(shop: Shop, name: str, url: str, *types: str, **settings: Any) -> ExportProfile:
    """A partner who is told by JSON POST of these customer types."""
    profile = profiles.create_profile(location=shop.location, name=name, url=url, by=BY, **settings)
    rows = [FieldMapping(export_name=export_name, field=field) for export_name, field in FIELDS.items()]
    json = FieldMapping(export_name="header:Content-Type", field="Static", static_value="application/json")
    profiles.set_mappings(profile, [*rows, json], by=BY)
    for customer_type in types:
        profiles.add_route(profile, customer_type=customer_type, by=BY)
    return profile


def a_partial(shop: Shop, *, has_cart: bool = True, at: datetime | None = None) -> Order:
    return lifecycle.create_partial(
        by=BY,
        location=shop.location,
        customer=shop.customer,
        campaign=shop.campaign,
        lines=a_cart(shop) if has_cart else [],
        at=at,
    )


def a_cart(shop: Shop, pieces: int = 1) -> list[Line]:
    return [Line(shop.product, Decimal("20.00"), pieces)]


def a_sale(shop: Shop, *, at: datetime | None = None) -> Order:
    return lifecycle.complete_sale(a_partial(shop, at=at), by=BY, at=at)


def many_partials(shop: Shop, count: int, campaigns: Sequence[Campaign] = ()) -> list[Case]:
    """Carts that were left, in one transaction; dealt out to the campaigns in turn."""
    dealt = campaigns or [shop.campaign]
    with lifecycle.batch(by=BY) as work:
        return [
            lifecycle.create_partial_in(
                work,
                location=shop.location,
                customer=shop.customer,
                campaign=dealt[number % len(dealt)],
                lines=a_cart(shop),
            )
            for number in range(count)
        ]


def many_refunds(shop: Shop, *, orders: int, of_each: int, campaigns: Sequence[Campaign] = ()) -> None:
    """Sold orders whose money goes back by the cent: many events on few rows."""
    cases = many_partials(shop, orders, campaigns)
    with lifecycle.batch(by=BY) as work:
        for case in cases:
            lifecycle.complete_sale.on(work, case)
            for _ in range(of_each):
                lifecycle.refund.on(work, case, amount="0.01")


def many_deliveries(shop: Shop, url: str, count: int, **settings: Any) -> ExportProfile:
    """A partner for whom so many deliveries are due, and who is known to take them all at once."""
    profile = a_profile(shop, "Call centre", url, "partial", **settings)
    many_partials(shop, count)
    sweep.run([profile])
    proven(profile)
    assert Delivery.objects.filter(target_id=profile.pk).count() == count
    return profile


def proven(profile: ExportProfile) -> None:
    """Its last answer was a yes, and it bears as much at once as an endpoint can."""
    known = Endpoint.objects.filter(pk=profile.endpoint_id)
    known.update(last_success_at=timezone.now(), concurrency=1000)


def events_of(*types: str, **where: Any) -> list[int]:
    return list(Event.objects.filter(type__in=types, **where).order_by("id").values_list("pk", flat=True))


def taken_by(profile: ExportProfile, *types: str) -> list[int]:
    """The subjects that the profile has taken and not skipped, each with its one delivery."""
    found = Export.objects.filter(profile=profile, skip="")
    if types:
        found = found.filter(customer_type__in=types)
    rows = list(found.order_by("subject_id").values_list("subject_id", "delivery_id"))
    ids = [delivery_id for _, delivery_id in rows]
    assert Delivery.objects.filter(target_id=profile.pk, pk__in=ids).count() == len(ids) == len(set(ids))
    return [subject for subject, _ in rows]
