"""How an order comes in by the API: person, catalogue, cart and payment, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from customers import services as customers
from customers.models import Customer, Location
from delivery import texts
from orders import lifecycle
from orders.lifecycle import Line, MoveRefused, Payment
from orders.models import Campaign, Order, Product

# Columns of an order that are also a person's, by the person's name for them.
BILLING = {
    "first_name": "first_name",
    "last_name": "last_name",
    "company_name": "company_name",
    "email": "email",
    "cell_phone": "phone",
    "address": "address1",
    "address2": "address2",
    "city": "city",
    "state": "state",
    "zip": "postal_code",
    "country": "country",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line as a shop names it: a product by its own id, or by sku (made if there is none yet)."""

    sku: str
    price: Decimal
    quantity: int = 1
    shipping: Decimal = Decimal(0)
    name: str = ""
    external_id: str = ""
    product: Product | None = None


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What is known of an order. `fields` are columns of it; `person` those of a customer."""

    customer: Customer | None = None
    person: Mapping[str, Any] = field(default_factory=dict)
    campaign: str = ""
    wanted: Sequence[Wanted] = ()
    payments: Sequence[Payment] = ()
    is_complete: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)


def take_in(location: Location, new: NewOrder, *, by: str) -> Order:
    """The order, incomplete or sold; with an `external_order_id` that is known, the one that there is.

    Of two calls at once with one such id the second gets the order of the first. Raises MoveRefused and
    ContactRefused, and then nothing of it has happened.
    """
    external_id = str(new.fields.get("external_order_id") or "")
    known = Order.objects.filter(location=location, external_order_id=external_id)
    if external_id and (order := known.first()):
        return order
    try:
        with transaction.atomic():
            return _made(location, new, by=by)
    except IntegrityError as error:
        if not external_id or (order := known.first()) is None:
            raise error
        return order


def lines(location: Location, wanted: Sequence[Wanted]) -> list[Line]:
    """Lines of a cart; what the catalogue does not know by its sku is added to it. Two statements."""
    skus = {one.sku for one in wanted if one.product is None}
    found = {product.sku: product for product in Product.objects.filter(location=location, sku__in=skus)}
    for one in sorted(wanted, key=lambda one: one.sku):  # so that two at once never wait in a circle
        if one.product is None and one.sku not in found:
            found[one.sku] = _product(location, one)
    return [
        Line(one.product or found[one.sku], one.price, one.quantity, one.shipping, one.name, one.external_id)
        for one in wanted
    ]


def _made(location: Location, new: NewOrder, *, by: str) -> Order:
    # The catalogue first, then the person, as an import does: or they would wait in a circle.
    cart = lines(location, new.wanted)
    campaign = _campaign(location, new.campaign) if new.campaign else None
    customer = new.customer or customers.take_in(location, [new.person], by=by)[0]
    with lifecycle.batch(by=by) as work:
        case = lifecycle.create_partial_in(
            work, location=location, customer=customer, lines=cart, campaign=campaign, **new.fields
        )
        if new.is_complete:
            lifecycle.complete_sale.on(work, case, payments=new.payments)
    return case.order


def _product(location: Location, one: Wanted) -> Product:
    name = one.name or one.sku
    fault = texts.fault_in(Product, {"sku": one.sku, "name": name})
    if fault:
        raise MoveRefused(fault)
    return Product.objects.get_or_create(location=location, sku=one.sku, defaults={"name": name})[0]


def _campaign(location: Location, name: str) -> Campaign:
    fault = texts.fault_in(Campaign, {"name": name})
    if fault:
        raise MoveRefused(fault)
    return Campaign.objects.get_or_create(location=location, name=name)[0]
