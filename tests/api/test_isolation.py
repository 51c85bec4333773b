"""What belongs to another location does not exist: the same answer, to the letter, as for what never was.

A table over all addresses that there are; a new one without a line here fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from config import api as wiring
from customers.models import Location
from delivery.models import Delivery, Event
from exports import sweep
from orders.models import Gateway, SettlementBatch, StoredPaymentMethod, Transaction
from tests.admin.store import a_profile
from tests.api.clients import Answer, Integrator
from tests.api.test_orders import sold

NEVER = "0" * 24


@dataclass
class Theirs:
    """The ids of what another location has, by the name of the address that leads to it."""

    ids: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.ids[name]


CONFIG = {"resource": "contact", "url": "http://127.0.0.1/receiver", "on_create": 1}


def _config(api: Integrator, location_id: str) -> Answer:
    return api.post("postbackconfigs", {"postbackconfig": {**CONFIG, "location_id": location_id}})


@pytest.fixture
def theirs(stranger: Integrator, elsewhere: Location) -> Theirs:
    """One of everything."""
    profile = a_profile(elsewhere, "Call centre", "new_sale")
    order = sold(stranger, elsewhere, external_order_id="web-1")
    sweep.run([profile])
    gateway = Gateway.objects.create(location=elsewhere, title="Theirs")
    batch = SettlementBatch.objects.create(gateway=gateway, number=1, created_at=timezone.now())
    sale = Transaction.objects.get()
    customer = sale.order.customer
    vault = StoredPaymentMethod.objects.create(
        location=elsewhere, customer=customer, created_at=timezone.now()
    )
    return Theirs(
        {
            "contact": order["contact_id"],
            "location": elsewhere.public_id,
            "order": order["id"],
            "order_actions": order["id"],
            "explain": order["id"],
            "transaction": sale.public_id,
            "accountvault": vault.public_id,
            "transactionbatch": batch.public_id,
            "delivery": Delivery.objects.get().pk,
            "resend": Delivery.objects.get().pk,
            "gateway": gateway.public_id,
            "postbackconfig": _config(stranger, elsewhere.public_id).body["postbackconfig"]["id"],
            "token": stranger.post("token", None).body["token"]["token"],
        }
    )


# By method and address: a body for it. Every one of them leads to a record of another location.
ONE: dict[tuple[str, str], Any] = {
    ("get", "contact"): None,
    ("put", "contact"): {"contact": {"city": "Rome"}},
    ("delete", "contact"): None,
    ("get", "location"): None,
    ("get", "order"): None,
    ("put", "order"): {"order": {"city": "Rome"}},
    ("post", "order_actions"): {"action": "refund"},
    ("get", "explain"): None,
    ("get", "transaction"): None,
    ("get", "accountvault"): None,
    ("get", "transactionbatch"): None,
    ("get", "delivery"): None,
    ("post", "resend"): None,
    ("get", "postbackconfig"): None,
    ("put", "postbackconfig"): {"postbackconfig": {"is_active": 0}},
    ("delete", "postbackconfig"): None,
    ("delete", "token"): None,
}
# Lists: none of theirs is in them, whatever they are asked for.
LISTS: dict[str, tuple[str, ...]] = {
    "contacts": ("first_name=Ada", "expand=notes,location"),
    "locations": ("name=Another store",),
    "orders": ("external_order_id=web-1", "status=COMPLETE"),
    "transactions": ("type=SALE",),
    "accountvaults": (),
    "transactionbatches": (),
    "deliveries": ("event_type=order.sale",),
    "postbackconfigs": ("resource=contact", "expand=postback_logs,basic_auth_password"),
}
# What makes records: bodies that refer to one of theirs, and the field that is named as not valid.
References = list[tuple[str, Callable[[Theirs, Location], Any]]]
CREATES: dict[str, References] = {
    "contacts": [
        ("location_id", lambda them, here: {"contact": {"last_name": "J", "location_id": them["location"]}}),
    ],
    "orders": [
        ("location_id", lambda them, here: {"order": {"email": "a@b.c", "location_id": them["location"]}}),
        (
            "contact_id",
            lambda them, here: {"order": {"location_id": here.public_id, "contact_id": them["contact"]}},
        ),
    ],
    "postbackconfigs": [
        ("location_id", lambda them, here: {"postbackconfig": {**CONFIG, "location_id": them["location"]}}),
        (
            "product_transaction_id",
            lambda them, here: {
                "postbackconfig": {
                    **CONFIG,
                    "resource": "transaction",
                    "location_id": here.public_id,
                    "product_transaction_id": them["gateway"],
                }
            },
        ),
    ],
    "tokens": [],  # refers to nothing
}
OPEN = {"schema", "docs", "nowhere"}  # the same for everybody


def routes() -> dict[str, dict[str, str]]:
    """By name of the address: method to action."""
    found = {one.name: getattr(one.callback, "actions", {}) or {} for one in wiring.urlpatterns}
    return {
        name: {method: action for method, action in actions.items() if method != "head"}
        for name, actions in found.items()
    }


def test_every_address_has_a_line() -> None:
    there = {(method, name) for name, actions in routes().items() if name not in OPEN for method in actions}
    lines = {*ONE, *(("get", name) for name in LISTS), *(("post", name) for name in CREATES)}
    assert there == lines


@pytest.mark.parametrize(("method", "name"), ONE, ids=lambda value: value)
def test_one_of_theirs_answers_as_one_that_never_was(
    method: str, name: str, api: Integrator, here: Location, theirs: Theirs
) -> None:
    address = next(str(one.pattern) for one in wiring.urlpatterns if one.name == name)
    before = Event.objects.count()

    def call(id: str, query: str = "") -> Answer:
        return api.call(method.upper(), address.replace("<str:id>", id) + query, ONE[method, name])

    for query in ("", f"?location_id={here.public_id}", f"?location_id={theirs['location']}"):
        found, never = call(theirs[name], query), call(NEVER, query)
        assert found.status == 404
        assert (found.status, found.body, found.headers) == (never.status, never.body, never.headers)
    assert Event.objects.count() == before


@pytest.mark.parametrize("name", LISTS)
def test_lists_hold_none_of_theirs(name: str, api: Integrator, stranger: Integrator, theirs: Theirs) -> None:
    assert stranger.get(name).body[name], "there is something to be seen"
    for query in ("", f"location_id={theirs['location']}", *LISTS[name]):
        found = api.get(f"{name}?{query}").body
        ours = [one for one in found[name] if one["id"] in theirs.ids.values()]
        assert not ours
    key = {"transactionbatches": "transactionbatch", "deliveries": "delivery"}
    singular = key.get(name, name.removesuffix("s"))
    after = api.get(f"{name}?after={theirs[singular]}")
    assert after.status == 422 and after.body == api.get(f"{name}?after={NEVER}").body


@pytest.mark.parametrize("name", CREATES)
def test_bodies_cannot_refer_to_theirs(name: str, api: Integrator, here: Location, theirs: Theirs) -> None:
    before = Event.objects.count()
    for field, body in CREATES[name]:
        answer = api.post(name, body(theirs, here))
        never = api.post(name, body(Theirs(dict.fromkeys(theirs.ids, NEVER)), here))
        assert answer.status == 422 and list(answer.errors) == [field]
        assert answer.body == never.body
    assert Event.objects.count() == before


def test_who_has_no_location_sees_nothing(theirs: Theirs, api: Integrator) -> None:
    api.user.locations.clear()
    for name in LISTS:
        assert api.get(name).body[name] == []
    assert api.get(f"contacts/{theirs['contact']}").status == 404
