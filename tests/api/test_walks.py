"""A walk by cursor sees each record of the caller's locations once, whatever stands between them."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import Location
from exports import sweep
from orders.models import Gateway, SettlementBatch, StoredPaymentMethod
from tests.admin.store import a_profile
from tests.api.clients import Integrator, an_integrator
from tests.api.test_orders import sold

LISTS = (
    "contacts",
    "orders",
    "transactions",
    "deliveries",
    "transactionbatches",
    "postbackconfigs",
    "accountvaults",
)
CONFIG = {"resource": "contact", "url": "http://127.0.0.1/receiver"}


@pytest.fixture
def mixed(api: Integrator, stranger: Integrator, here: Location, elsewhere: Location) -> None:
    """Of each kind six here and six elsewhere, in turn; deliveries go to two profiles each."""
    places = ((api, here), (stranger, elsewhere))
    profiles = [a_profile(place, f"Partner {n}", "new_sale") for _, place in places for n in range(2)]
    gateways = [
        Gateway.objects.create(location=place, title=f"Gateway {n}") for _, place in places for n in range(2)
    ]
    for number in range(6):
        for who, place in places:
            sold(who, place, external_order_id=f"web-{number}", contact={"email": f"a{number}@example.com"})
            who.post("postbackconfigs", {"postbackconfig": {**CONFIG, "location_id": place.public_id}})
            StoredPaymentMethod.objects.create(
                location=place, customer=place.customers.latest("pk"), created_at=timezone.now()
            )
        for gateway in gateways:
            SettlementBatch.objects.create(gateway=gateway, number=number, created_at=timezone.now())
        sweep.run(profiles)


def walked(api: Integrator, what: str, sort: str, more: str = "") -> list[str]:
    found: list[str] = []
    path = f"{what}?after=&sort={sort}&page_size=4{more}"
    while path:
        answer = api.get(path)
        assert answer.status == 200, answer.body
        found += [one["id"] for one in answer.body[what]]
        following: Any = answer.body["meta"]["pagination"]["links"].get("next")
        path = following["href"].removeprefix("http://testserver/v2/") if following else ""
    return found


@pytest.mark.parametrize("what", LISTS)
@pytest.mark.parametrize("sort", ["id", "-id"])
def test_of_one_location_and_of_several(
    what: str, sort: str, mixed: None, api: Integrator, here: Location, elsewhere: Location
) -> None:
    both = an_integrator(here, elsewhere, name="both")
    counted = [one["id"] for one in both.get(f"{what}?sort={sort}&page_size=200").body[what]]
    assert walked(both, what, sort) == counted and len(counted) == 12 * (
        2 if what in ("deliveries", "transactionbatches") else 1
    )
    mine = [one["id"] for one in api.get(f"{what}?sort={sort}&page_size=200").body[what]]
    assert walked(api, what, sort) == mine == [one for one in counted if one in mine]
    assert walked(both, what, sort, f"&location_id={here.public_id}") == mine
    assert len(mine) * 2 == len(counted)


def test_filters_hold_on_a_walk(mixed: None, here: Location, elsewhere: Location) -> None:
    both = an_integrator(here, elsewhere, name="both")
    assert len(walked(both, "orders", "id", "&external_order_id=web-3")) == 2
    assert len(walked(both, "deliveries", "-id", "&state=delivered")) == 0
    assert len(walked(both, "contacts", "-id", "&email=A3@EXAMPLE.com")) == 2


def test_who_has_no_location_walks_through_nothing(mixed: None) -> None:
    nobody = an_integrator(name="nobody")
    assert all(walked(nobody, what, "id") == [] for what in LISTS)


@pytest.mark.postgres
def test_an_index_gives_the_order(mixed: None, api: Integrator, stranger: Integrator) -> None:
    """Where there is more than a handful of rows, as statistics say; here they say so by force."""
    wanted = {
        "contacts": "customer_listed",
        "orders": "order_listed",
        "transactions": "transaction_listed",
        "accountvaults": "payment_method_listed",
        "transactionbatches": "settlement_batch_listed",
        "deliveries": "endpoint_id_id",
    }
    first = {what: api.get(f"{what}?sort=id").body[what][0]["id"] for what in wanted}
    for what, index in wanted.items():
        with CaptureQueriesContext(connection) as statements:
            api.get(f"{what}?sort=id&after={first[what]}")
        (walk,) = [one["sql"] for one in statements if " > " in one["sql"] and "LIMIT" in one["sql"]]
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute(f"EXPLAIN {walk}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert index in plan, plan


@pytest.mark.postgres
def test_an_email_is_found_by_its_index(api: Integrator, mixed: None) -> None:
    with CaptureQueriesContext(connection) as statements:
        api.get("contacts?email=A3@example.com&sort=last_name")
    asked = [one["sql"] for one in statements if "LOWER" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql in asked:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "customer_email" in plan, plan
