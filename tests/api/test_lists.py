"""Lists: pages, cursors, sorting, filters, and how much they ask of the database."""

from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import services
from customers.models import Location
from orders.models import Gateway
from tests.api.clients import Integrator, an_integrator
from tests.api.test_orders import VISA, post


def people(here: Location, count: int, **fields: Any) -> list[str]:
    made = [services.create(here, by="test", last_name=f"P{number:02}", **fields) for number in range(count)]
    return [one.public_id for one in made]


def ids(answer: Any) -> list[str]:
    return [one["id"] for one in answer.body["contacts"]]


def query(href: str) -> str:
    return href.removeprefix("http://testserver/v2/")


def test_the_envelope_of_a_list(api: Integrator, here: Location) -> None:
    people(here, 45)
    answer = api.get("contacts?page=2")
    assert list(answer.body) == ["contacts", "meta"] and len(answer.body["contacts"]) == 20
    pagination = answer.body["meta"]["pagination"]
    links = pagination.pop("links")
    assert pagination == {"totalCount": 45, "pageCount": 3, "currentPage": 2, "perPage": 20}
    assert {name: query(link["href"]) for name, link in links.items()} == {
        "self": "contacts?page=2",
        "next": "contacts?page=3",
        "last": "contacts?page=3",
    }
    assert answer.body["meta"]["sort"] == {"attributes": {"id": "desc"}}
    assert "next" not in api.get("contacts?page=3").body["meta"]["pagination"]["links"]
    assert ids(api.get("contacts?page=4")) == []


@pytest.mark.parametrize("direction", ["id", "-id"])
def test_a_walk_by_cursor_sees_each_once(direction: str, api: Integrator, here: Location) -> None:
    made = people(here, 45)
    seen: list[str] = []
    path = f"contacts?after=&sort={direction}&page_size=10&location_id={here.public_id}"
    while path:
        answer = api.get(path)
        assert answer.status == 200
        seen += ids(answer)
        assert "totalCount" not in answer.body["meta"]["pagination"]
        following = answer.body["meta"]["pagination"]["links"].get("next")
        path = query(following["href"]) if following else ""
    assert seen == (made if direction == "id" else made[::-1])


def test_what_is_deleted_meanwhile_still_holds_the_place(api: Integrator, here: Location) -> None:
    made = people(here, 5)
    api.delete(f"contacts/{made[2]}")
    assert ids(api.get(f"contacts?after={made[2]}&sort=id")) == made[3:]


def test_sorting(api: Integrator, here: Location) -> None:
    made = people(here, 3)
    assert ids(api.get("contacts?sort=last_name")) == made
    assert ids(api.get("contacts?sort=-last_name")) == made[::-1]
    assert api.get("contacts?sort=-created_ts").body["meta"]["sort"] == {"attributes": {"created_ts": "desc"}}


def test_filters_are_anded(api: Integrator, here: Location) -> None:
    one = services.create(here, by="t", last_name="A", city="Rome", email="Ann@Example.com", external_id="7")
    services.create(here, by="t", last_name="A", city="Bonn")
    for wanted in ("city=Rome", "last_name=A&city=Rome", "email=ann@example.COM", "contact_api_id=7"):
        assert ids(api.get(f"contacts?{wanted}")) == [one.public_id]
    assert ids(api.get("contacts?city=Rome&last_name=B")) == []


def test_spans_of_time_are_days_of_the_location(api: Integrator, here: Location) -> None:
    with time_machine.travel("2026-03-02T22:30:00Z", tick=False):  # 23:30 in Berlin
        (late,) = people(here, 1)
    with time_machine.travel("2026-03-02T23:30:00Z", tick=False):  # the next day in Berlin
        (early,) = people(here, 1)
        found = {
            word: ids(api.get(f"contacts?created_ts={word}"))
            for word in ("today", "yesterday", "this_week", "last_month", "last_7_days", "last_year")
        }
    assert found["today"] == [early] and found["yesterday"] == [late]
    assert found["this_week"] == found["last_7_days"] == [early, late]
    assert found["last_month"] == found["last_year"] == []
    custom = "contacts?created_ts=custom&created_ts_from=2026-03-03 00:00:00"
    assert ids(api.get(custom)) == [early]
    assert ids(api.get("contacts?created_ts=custom&created_ts_to=2026-03-02 23:59:59")) == [late]
    assert ids(api.get("contacts?created_ts=1772490600")) == [late]


BAD = [
    *("page=0", "page=x", "page=99999999999", "page_size=0", "page_size=201", "sort=color", "sort=--id"),
    *("after=nobody", "color=blue", "city=%00", "expand=x", "created_ts=soon", "created_ts=custom"),
    *("created_ts=custom&created_ts_from=soon", "created_ts_to=9999-12-31T23:59:59-23:00"),
    *("after=&page=2", "after=&sort=last_name", "email=%00", "Page=1"),
]


@pytest.mark.parametrize("wanted", BAD)
def test_what_a_list_does_not_know_is_422(wanted: str, api: Integrator) -> None:
    answer = api.get(f"contacts?{wanted}")
    assert answer.status == 422 and all(answer.errors.values())


def test_days_are_those_of_the_location_that_is_asked_for(here: Location, elsewhere: Location) -> None:
    """Half past midnight in Berlin is still yesterday by the clock of the other, in UTC."""
    both = an_integrator(here, elsewhere)
    with time_machine.travel("2026-11-26T23:30:00Z", tick=False):
        people(here, 1)
        people(elsewhere, 1)
    with time_machine.travel("2026-11-27T09:00:00Z", tick=False):
        found = {
            (place, day): len(ids(both.get(f"contacts?created_ts={day}{place and '&location_id=' + place}")))
            for place in (here.public_id, elsewhere.public_id, "")
            for day in ("today", "yesterday")
        }
    assert found == {
        (here.public_id, "today"): 1,
        (here.public_id, "yesterday"): 0,
        (elsewhere.public_id, "today"): 0,
        (elsewhere.public_id, "yesterday"): 1,
        ("", "today"): 2,  # by the clock of the first
        ("", "yesterday"): 0,
    }
    moment = "created_ts=custom&created_ts_from=2026-11-26 23:15:00"
    assert len(ids(both.get(f"contacts?{moment}&location_id={elsewhere.public_id}"))) == 1


def test_location_id_narrows(api: Integrator, here: Location, elsewhere: Location) -> None:
    api.user.locations.add(elsewhere)
    ours, theirs = people(here, 1), people(elsewhere, 1)
    assert ids(api.get("contacts?sort=id")) == ours + theirs
    assert ids(api.get(f"contacts?location_id={elsewhere.public_id}")) == theirs
    assert ids(api.get("contacts?location_id=nowhere")) == []
    assert api.get(f"contacts/{ours[0]}?location_id={elsewhere.public_id}").status == 404


LISTS = [
    "contacts?expand=location,notes,created_user",
    "locations",
    "transactions",
    "deliveries?expand=attempts",
]
LISTS += ["orders?expand=contact,location,transactions,subscriptions,fulfillments", "accountvaults"]
MOST = 14


@pytest.mark.parametrize("path", LISTS)
def test_queries_do_not_grow(path: str, api: Integrator, here: Location) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert api.get(path).status == 200
        return len(found)

    gateway = Gateway.objects.create(location=here, title="Main gateway").public_id

    def sell(token: str, **fields: Any) -> None:
        payment = {**VISA, "product_transaction_id": gateway, "token": token}
        assert post(api, here, status="COMPLETE", payments=[payment], **fields).status == 201

    sell("first")
    queries()
    few = queries()
    for number in range(6):
        post(api, here, contact={"email": f"{number}@example.com"})
        sell(f"{number}", items=[{"sku": f"S{number}", "price": number}, {"sku": "C-1", "price": 2}])
    assert queries() == few <= MOST


def test_a_cursor_counts_nothing(api: Integrator, here: Location) -> None:
    people(here, 3)
    with CaptureQueriesContext(connection) as found:
        api.get("contacts?after=")
    assert not [one for one in found if "COUNT" in one["sql"]]


def test_a_span_ends_with_its_last_second(api: Integrator, here: Location) -> None:
    with time_machine.travel("2026-11-27T12:00:00.700+00:00", tick=False):
        (made,) = people(here, 1)
    created = api.get(f"contacts/{made}").body["contact"]["created_ts"]
    for end in (f"{created}", "2026-11-27T13:00:00"):
        assert ids(api.get(f"contacts?created_ts=custom&created_ts_to={end}")) == [made]
    for end in (f"{created - 1}", "2026-11-27T13:00:00.600"):
        assert ids(api.get(f"contacts?created_ts=custom&created_ts_to={end}")) == []
    assert api.get("contacts?created_ts=custom&created_ts_to=9999-12-31T23:59:59Z").status == 200


def test_an_email_beyond_ascii_is_found_as_it_was_sent(api: Integrator, here: Location) -> None:
    one = services.create(here, by="t", last_name="A", email="Émile@Example.com")
    assert ids(api.get("contacts?email=Émile@Example.com")) == [one.public_id]


@pytest.mark.parametrize("end", ["from", "to"])
def test_a_preset_takes_no_span_beside_it(end: str, api: Integrator) -> None:
    """Passed over it would be a list of something else."""
    answer = api.get(f"contacts?created_ts=today&created_ts_{end}=2026-11-27")
    assert answer.status == 422 and list(answer.errors) == [f"created_ts_{end}"]
    assert api.get(f"contacts?created_ts=today&created_ts_{end}=").status == 200
