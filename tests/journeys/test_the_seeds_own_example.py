"""The promise: the example of the documentation, set up as it says, sends what it says.

https://postingmydata.com/partials.php?first_name=[firstName]&order_date=[orderDate]&list_id=400
&email_address=[emailAddress]&campaign_number=[campaignId], filled in with the data of the order.
"""

import json
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.utils import timezone

from customers import services as customers
from delivery.models import Delivery
from exports import services
from exports.models import ExportProfile, FieldMapping
from orders import lifecycle
from orders.models import Order
from tests.exports.partners import BY, Store, a_store, carry, field, static, sweep_all
from tests.processes import Processes
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://postingmydata.com/partials.php"
EXAMPLE = (
    "first_name=[firstName]&order_date=[orderDate]&list_id=400"
    "&email_address=[emailAddress]&campaign_number=[campaignId]"
)
MAPPINGS = [
    ("first_name", "firstName", ""),
    ("order_date", "orderDate", ""),
    ("list_id", "Static", "400"),
    ("email_address", "emailAddress", ""),
    ("campaign_number", "campaignId", ""),
]
AS_A_FILE = {
    "profiles": [
        {
            "name": "Call centre partials",
            "type": "postback",
            "url": URL,
            "delay": 0,
            "cadence": "sweep",
            "active": True,
            "mappings": [
                {"export_name": name, "field": source, "static_value": value}
                for name, source, value in MAPPINGS
            ],
            "routes": [{"customer_type": "Partial", "campaign": "Lander", "product": None}],
        }
    ]
}


@pytest.fixture
def store() -> Store:
    return a_store(first_name="Zoë", email="zoe+shop@example.com")


@pytest.fixture
def order(store: Store) -> Order:
    """A partial of the campaign, begun an hour ago."""
    return lifecycle.create_partial(
        by=BY,
        location=store.location,
        customer=store.customer,
        campaign=store.campaign,
        at=timezone.now() - timedelta(hours=1),
    )


def rows() -> list[FieldMapping]:
    return [static(name, value) if value else field(name, source) for name, source, value in MAPPINGS]


@pytest.fixture
def no_name_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of the example is somebody's, or nobody's: nothing is to depend on it."""

    def no_answer(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_answer)


def by_hand(store: Store, url: str = URL) -> ExportProfile:
    """As staff would set it up."""
    profile = services.create_profile(location=store.location, name="Call centre partials", url=url, by=BY)
    services.set_mappings(profile, rows(), by=BY)
    services.add_route(profile, customer_type="partial", campaign=store.campaign, by=BY)
    return profile


def filled_in(order: Order) -> str:
    """The example's query with the order's data, percent-encoded by hand."""
    here = order.created_at.astimezone(ZoneInfo(order.location.time_zone))
    values = {
        "[firstName]": "Zo%C3%AB",
        "[orderDate]": f"{here:%Y-%m-%d+%H%%3A%M%%3A%S}",
        "[emailAddress]": "zoe%2Bshop%40example.com",
        "[campaignId]": str(order.campaign_id),
    }
    query = EXAMPLE
    for placeholder, value in values.items():
        query = query.replace(placeholder, value)
    return query


def test_a_dry_run_shows_the_example_filled_in(
    store: Store, order: Order, no_name_service: None, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand(store)
    call_command("sweep_exports", "--dry-run", "--json")
    (request,) = json.loads(capsys.readouterr().out)["requests"]
    assert (request["method"], request["url"], request["body"]) == ("GET", f"{URL}?{filled_in(order)}", "")


def test_the_receiver_gets_the_example_filled_in(store: Store, order: Order, receiver: Receiver) -> None:
    by_hand(store, receiver.url("/partials.php"))
    sweep_all()
    carry()
    (seen,) = receiver.requests
    assert (seen.method, seen.target, seen.body) == ("GET", f"/partials.php?{filled_in(order)}", b"")


def test_the_same_from_a_file(
    store: Store, order: Order, processes: Processes, receiver: Receiver, tmp_path: Path
) -> None:
    """Loaded and looked at by commands, each a process of its own; then sent to a receiver of ours."""
    path = tmp_path / "profiles.json"
    path.write_text(json.dumps(AS_A_FILE))
    assert processes.run("load_profiles", str(path)).returncode == 0
    shown = processes.run("sweep_exports", "--dry-run", "--json")
    assert shown.returncode == 0, shown.stderr
    (request,) = json.loads(shown.stdout)["requests"]
    assert (request["method"], request["url"]) == ("GET", f"{URL}?{filled_in(order)}")

    services.edit_profile(ExportProfile.objects.get(), url=receiver.url("/partials.php"), by=BY)
    sweep_all()
    carry()
    assert [seen.target for seen in receiver.requests] == [f"/partials.php?{filled_in(order)}"]


def test_other_campaigns_and_other_customer_types_are_not_exported(store: Store, receiver: Receiver) -> None:
    by_hand(store, receiver.url("/partials.php"))
    somebody = customers.create(store.location, by=BY, first_name="Bob")
    lifecycle.create_partial(by=BY, location=store.location, customer=somebody)
    sold = lifecycle.create_partial(
        by=BY, location=store.location, customer=somebody, campaign=store.campaign
    )
    lifecycle.complete_sale(sold, by=BY)
    sweep_all()
    assert not Delivery.objects.exists()
