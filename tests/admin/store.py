"""A small store whose every page has something to show; its texts are hostile."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone

from audit import changes
from customers import access, services
from customers.models import Customer, Location
from delivery import replays
from delivery.models import Attempt, Delivery, Endpoint, Lease
from exports import sweep
from exports.models import ExportProfile, FieldMapping, Route
from exports.snapshots import snapshot
from orders import lifecycle
from orders.models import (
    Campaign,
    CampaignProduct,
    Gateway,
    Order,
    Product,
    SettlementBatch,
    StoredPaymentMethod,
)

BY = "admin:jane"
SCRIPT = "<script>alert('x')</script>"
HOSTILE = f"Ann {SCRIPT} 😀 \u202eשלום"
SECRET = "hunter2-static-secret"


@dataclass
class Store:
    """The rows that tests look at."""

    location: Location
    campaign: Campaign
    product: Product
    customer: Customer
    order: Order
    profile: ExportProfile
    delivery: Delivery


def a_profile(location: Location, name: str = "Call centre partials", *types: str) -> ExportProfile:
    """An active profile with two fields, a static text and a secret; a route for each customer type."""
    profile = ExportProfile.objects.create(
        location=location,
        name=name,
        url="https://postingmydata.com/partials.php",
        endpoint=Endpoint.objects.create(channel="export", name=name),
        created_at=timezone.now(),
    )
    rows = [("first_name", "firstName", ""), ("order", "clientOrderId", ""), ("list_id", "Static", "400")]
    for position, (export_name, field, static) in enumerate(rows, start=1):
        profile.mappings.create(position=position, export_name=export_name, field=field, static_value=static)
    FieldMapping.objects.create(
        profile=profile, position=4, export_name="token", field="Static", is_secret=True, secret_value=SECRET
    )
    since = timezone.now() - timedelta(days=1)
    for customer_type in types or ("partial",):
        Route.objects.create(profile=profile, customer_type=customer_type, effective_from=since)
    return profile


def an_order(location: Location, customer: Customer, product: Product, **fields: Any) -> Order:
    lines = [lifecycle.Line(product, Decimal("19.95"), 2)]
    return lifecycle.create_partial(by=BY, location=location, customer=customer, lines=lines, **fields)


def an_attempt(delivery: Delivery, number: int = 1, **values: Any) -> Attempt:
    """A try as the engine writes it down: refused with 404 unless said otherwise."""
    sent = [["Content-Type", "application/json"], ["webhook-id", delivery.pk]]
    given = {
        "started_at": timezone.now(),
        "duration_ms": 120,
        "method": "GET",
        "url": f"https://postingmydata.com/partials.php?name={SCRIPT}",
        "request_headers": orjson.dumps(sent).decode(),
        "status": 404,
        "error": "status",
        "detail": "404 Not Found",
        "answer_headers": orjson.dumps([["Server", SCRIPT]]).decode(),
        "answer": f"<html>{SCRIPT}</html>",
        "phases": orjson.dumps({"connected_ms": 12, "answered_ms": 110}).decode(),
        **values,
    }
    return Attempt.objects.create(delivery=delivery, number=number, **given)


def a_store() -> Store:
    """One of everything: a partial order that its profile has taken, with a delivery that was tried once."""
    location = services.only_location()
    access.create_user([location], name=f"shop {SCRIPT}", by=BY)
    campaign = Campaign.objects.create(location=location, name=f"Lander {SCRIPT}")
    product = Product.objects.create(location=location, name="Cream", sku="C-1", is_recurring=True)
    CampaignProduct.objects.create(campaign=campaign, product=product, price=Decimal("19.95"))
    gateway = Gateway.objects.create(location=location, title="Main gateway")
    SettlementBatch.objects.create(gateway=gateway, number=1, created_at=timezone.now())
    contact = {"email": "ann@example.com", "cell_phone": "+1 555-123-4567", "external_id": "crm-17"}
    customer = services.create(location, by=BY, first_name=HOSTILE, last_name="Löve", **contact)
    card = {"card_last4": "1111", "created_at": timezone.now()}
    StoredPaymentMethod.objects.create(location=location, customer=customer, **card)
    profile = a_profile(location)
    order = an_order(location, customer, product, campaign=campaign)
    sweep.run([profile])
    services.add_note(customer, f"Called {HOSTILE}", by=BY)
    delivery = Delivery.objects.get(event__order=order)
    an_attempt(delivery)
    set_to(delivery, state="waiting", attempts_made=1, last_error="status", last_detail="404 Not Found")
    replays.start(replays.Filter(), by=f"admin:{SCRIPT}")
    now = snapshot(profile)
    with transaction.atomic():
        changes.record(profile, "changed profile name", by=BY, old={**now, "name": HOSTILE}, new=now)
    return Store(location, campaign, product, customer, order, profile, delivery)


def set_to(delivery: Delivery, *, lease: bool = False, **columns: Any) -> None:
    """Puts a delivery into a state, as the engine would."""
    Lease.objects.filter(delivery=delivery).delete()
    if lease:
        ends_at = timezone.now() + timedelta(minutes=1)
        Lease.objects.create(delivery=delivery, endpoint=delivery.endpoint, token="x", ends_at=ends_at)
    Delivery.objects.filter(pk=delivery.pk).update(**columns)
    delivery.refresh_from_db()
