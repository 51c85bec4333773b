"""The sample store: real orders of Olist, a product that comes every month, and three partners."""

import csv
import gzip
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from customers.models import Location
from exports import profile_files, services
from exports.models import ExportProfile
from orders import importers
from orders.models import Campaign, CampaignProduct, Gateway, Product

NAME = "Olist sample store"
TIME_ZONE = "America/Sao_Paulo"
BY = "demo"
CLUB = "Coffee club, every month"

_HERE = Path(__file__).resolve().parent
DATA = _HERE / "data" / "olist"
PROFILES = _HERE / "profiles.json"
_RECEIVER = re.compile(r"^http://(127\.0\.0\.1|localhost):\d+/receiver/")
_FACTS = (
    "order_purchase_timestamp",
    "order_approved_at",
    "order_delivered_carrier_date",
    "order_delivered_customer_date",
)


def is_wanted() -> bool:
    """Whether the database is empty, so that the sample store is in nobody's way."""
    return not Location.objects.exists()


def make() -> int:
    """The whole store, or nothing of it if anything fails; returns how many orders were imported.

    Its newest facts become those of the last day. What is older is history, and goes nowhere.
    """
    with transaction.atomic():
        location = Location.objects.create(name=NAME, time_zone=TIME_ZONE)
        shift = days_to_shift(timezone.now())
        report = importers.run([DATA], importers.PRESETS["olist"], location, shift_days=shift)
        _add_club(location)
        _add_gateway(location)
        profile_files.load(profile_files.parse(PROFILES.read_bytes()), profile_files.Options(by=BY))
    return report.tally.orders_new


def days_to_shift(now: datetime) -> int:
    """The whole number of days that brings the newest fact of the data as near to `now` as it can come."""
    zone = ZoneInfo(TIME_ZONE)
    newest = datetime.fromisoformat(max(_facts())).replace(tzinfo=zone)
    days = (now.astimezone(zone).date() - newest.date()).days
    is_later_in_the_day = now.astimezone(zone).time() < newest.time()
    return days - 1 if is_later_in_the_day else days


def correct_port(port: int) -> list[ExportProfile]:
    """Points the profiles that send to the built-in receiver at its port; returns those it changed."""
    changed = []
    for profile in ExportProfile.objects.filter(url__contains="/receiver/"):
        url = _RECEIVER.sub(rf"http://\1:{port}/receiver/", profile.url)
        if url != profile.url:
            services.edit_profile(profile, by=BY, url=url)
            changed.append(profile)
    return changed


def _add_club(location: Location) -> None:
    """What Olist does not have: something that bills again and again."""
    campaign = Campaign.objects.create(location=location, name="Coffee club", type=Campaign.Type.LANDER)
    product = Product.objects.create(
        location=location, name=CLUB, sku="coffee-club", category="Sample", is_recurring=True
    )
    CampaignProduct.objects.create(campaign=campaign, product=product, price=Decimal("49.90"))


def _add_gateway(location: Location) -> None:
    """What the sales to come are paid through, so that their days have settlement batches."""
    Gateway.objects.create(location=location, title="Sample gateway")


def _facts() -> list[str]:
    with gzip.open(DATA / "orders.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [row[name] for row in csv.DictReader(file) for name in _FACTS]
