"""What the trickle plays with: the store, its shelves, people that do not exist, and chance."""

import random
import secrets
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from faker import Faker

from customers import services
from customers.models import Customer, Location
from demo.store import BY
from orders.importers.people import mailbox
from orders.lifecycle import Line, Payment
from orders.models import Campaign, Gateway, OrderItem, Product

# Only orders that carry it are touched: what people make in the sample store is theirs.
PREFIX = "demo-"
SHELF = 200

CARDS = (("VISA", "411111", "1111"), ("MASTERCARD", "555555", "4444"), ("AMEX", "378282", "0005"))


@dataclass(frozen=True, slots=True)
class Scene:
    """One store and one chance; the same seed in the same store makes the same choices."""

    location: Location
    chance: random.Random
    faker: Faker
    shelf: list[tuple[Product, Decimal]]
    clubs: list[Product]
    campaigns: list[Campaign]
    gateway: Gateway | None
    returning: list[Customer] = field(default_factory=list)


def of(location: Location, *, seed: int | None = None) -> Scene:
    """The scene of this store, with what has been sold in it on the shelf."""
    faker = Faker("pt_BR")
    faker.seed_instance(seed)
    recent = (
        OrderItem.objects.filter(order__location=location).select_related("product").order_by("-pk")[:SHELF]
    )
    return Scene(
        location,
        random.Random(seed),  # noqa: S311 — plays, guards nothing
        faker,
        [(item.product, item.price) for item in recent if not item.product.is_recurring],
        list(Product.objects.filter(location=location, is_recurring=True)),
        list(Campaign.objects.filter(location=location)),
        Gateway.objects.filter(location=location).order_by("pk").first(),
    )


def order_number() -> str:
    """An external order id that marks the order as one of the demo."""
    return f"{PREFIX}{secrets.token_hex(6)}"


def person(scene: Scene) -> Customer:
    """Somebody new, or now and then one of the last who came."""
    if len(scene.returning) > 5 and scene.chance.random() < 0.15:
        return scene.chance.choice(scene.returning)
    customer = services.create(scene.location, by=BY, **_details(scene.faker))
    scene.returning.append(customer)
    del scene.returning[:-50]
    return customer


def lines(scene: Scene) -> list[Line]:
    """A cart of one or two things; sometimes one of them comes again every month."""
    cart = []
    if scene.clubs and (not scene.shelf or scene.chance.random() < 0.3):
        cart.append(Line(scene.chance.choice(scene.clubs), Decimal("49.90")))
    if scene.shelf and (not cart or scene.chance.random() < 0.4):
        product, price = scene.chance.choice(scene.shelf)
        quantity = scene.chance.choice((1, 1, 1, 2))
        cart.append(Line(product, price, quantity, shipping=Decimal(scene.chance.randint(800, 2500)) / 100))
    return cart


def payment(scene: Scene) -> Payment:
    """A card of the public test numbers, as the gateway reports it; now and then one that it keeps."""
    brand, start, end = scene.chance.choice(CARDS)
    return Payment(
        card_type=brand,
        card_bin=start,
        card_last4=end,
        card_expiry=f"{scene.chance.randint(1, 12):02}/2031",
        gateway=scene.gateway,
        token=f"demo_{secrets.token_hex(8)}" if scene.chance.random() < 0.3 else "",
    )


def test_card() -> Payment:
    """The card of which nothing may ever be exported."""
    return Payment(card_type="TESTCARD", card_last4="0000")


def _details(faker: Faker) -> dict[str, Any]:
    first, last = faker.first_name(), faker.last_name()
    return {
        "first_name": first,
        "last_name": last,
        "email": f"{mailbox(first, last, str(faker.unique.random_int(100, 99_999)))}@example.com",
        "cell_phone": faker.cellphone_number(),
        "address": faker.street_address(),
        "city": faker.city(),
        "state": faker.estado_sigla(),
        "zip": faker.postcode(),
        "country": "BR",
        "has_generated_data": True,
    }
