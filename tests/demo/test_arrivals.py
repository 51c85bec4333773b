"""The built-in receiver takes anything from anyone, keeps it bounded, and shows it to staff."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer, Location
from delivery.models import Delivery, Endpoint, Event
from demo import arrivals
from demo.models import ReceivedRequest
from orders import lifecycle

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.demo.urls")]

METHODS = ("get", "post", "put", "patch", "delete", "options")


@pytest.fixture
def stranger() -> Client:
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def staff(client) -> Client:
    client.force_login(User.objects.create_superuser("jane"))
    return client


@pytest.mark.parametrize("method", METHODS)
def test_any_method_from_anyone_is_taken(stranger, method):
    answer = getattr(stranger, method)("/receiver/call-centre/?a=1")

    assert (answer.status_code, answer.content) == (200, b"OK")
    row = ReceivedRequest.objects.get()
    assert (row.name, row.method, row.query) == ("call-centre", method.upper(), "a=1")


@pytest.mark.parametrize("name", ["partials.php", "call_centre-2"])
def test_a_partner_may_have_any_name_with_or_without_a_slash(stranger, name):
    answers = [stranger.post(f"/receiver/{name}"), stranger.post(f"/receiver/{name}/")]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert set(ReceivedRequest.objects.values_list("name", flat=True)) == {name}


def test_a_body_up_to_the_limit_is_kept_and_a_larger_one_refused(stranger):
    most = b"x" * arrivals.BODY_LIMIT

    assert stranger.post("/receiver/a/", most, content_type="text/plain").status_code == 200
    assert stranger.post("/receiver/a/", most + b"x", content_type="text/plain").status_code == 413
    assert [len(row.body) for row in ReceivedRequest.objects.all()] == [len(most)]


def test_what_no_database_could_store_arrives_all_the_same(stranger):
    body = b'{"name": "\\ud800 \\u0000", "raw": "\x00\xff"}'

    answer = stranger.post(
        "/receiver/a/", body, content_type="application/json", headers={"webhook-id": "\x00" * 99}
    )

    assert answer.status_code == 200
    assert len(ReceivedRequest.objects.get().webhook_id) == 64


def test_only_the_newest_are_kept(stranger, monkeypatch):
    monkeypatch.setattr(arrivals, "KEPT", 3)
    for number in range(5):
        stranger.get(f"/receiver/a/?n={number}")

    assert [row.query for row in ReceivedRequest.objects.all()] == ["n=4", "n=3", "n=2"]


@pytest.mark.parametrize("name", ["x" * 61, "two words", "a,b", "é"])
def test_names_that_are_no_names_are_not_found(stranger, name):
    assert stranger.get(f"/receiver/{name}/").status_code == 404


def test_query_form_and_json_are_read_into_fields(stranger):
    stranger.get("/receiver/a/?name=J%C3%B6rg+M&empty=&name=again")
    stranger.post(
        "/receiver/a/", "b=2&c=%F0%9F%98%80", content_type="application/x-www-form-urlencoded; charset=UTF-8"
    )
    stranger.put(
        "/receiver/a/",
        '{"total": "9.90", "id": 7, "items": [{"sku": "é"}, {"sku": "b"}], "none": null}',
        content_type="application/json",
    )

    as_json, form, query = (one.fields for one in arrivals.newest())

    assert query == [("name", "Jörg M"), ("empty", ""), ("name", "again")]
    assert form == [("b", "2"), ("c", "😀")]
    assert as_json == [
        ("total", "9.90"),
        ("id", "7"),
        ("items", '{"sku": "é"}\n{"sku": "b"}'),
        ("none", "null"),
    ]


@pytest.mark.parametrize("body", ["{broken", "[1, 2]", "7", "[" * 60_000, '{"n": ' + "9" * 5000 + "}"])
def test_a_body_without_fields_is_shown_as_it_came(stranger, staff, body):
    stranger.post("/receiver/a/", body, content_type="application/json")

    (arrival,) = arrivals.newest()
    assert (arrival.fields, arrival.raw) == ([], body)
    assert staff.get("/receiver/").status_code == 200


def test_the_page_is_for_staff(stranger):
    answer = stranger.get("/receiver/")

    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("admin:login"))


def test_what_strangers_send_is_escaped(stranger, staff):
    evil = "<script>alert(1)</script>"
    stranger.get("/receiver/a/", {evil: evil}, headers={"x-evil": evil, "webhook-id": evil})
    stranger.post("/receiver/a/", evil, content_type="text/html")

    page = staff.get("/receiver/").content.decode()

    assert page.count("&lt;script&gt;alert(1)") == 6
    assert "<script>alert" not in page


def test_an_arrival_links_to_its_delivery_and_names_its_cause(stranger, staff):
    delivery = _delivery()
    stranger.get("/receiver/call-centre/?first_name=Ana", headers={"webhook-id": delivery.pk})
    stranger.get("/receiver/call-centre/", headers={"webhook-id": "f" * 24})

    page = staff.get("/receiver/").content.decode()

    assert page.count(reverse("admin:delivery_delivery_change", args=[delivery.pk])) == 1
    assert f"Call centre partials (Partial) · order {delivery.event.order.client_order_id}" in " ".join(
        page.split()
    )
    assert "not one of ours" in page


def test_the_page_asks_only_for_what_came_after(stranger, staff):
    for number in range(3):
        stranger.get(f"/receiver/{'a' if number else 'b'}/?n=number-{number}")
    first = ReceivedRequest.objects.get(query="n=number-0")

    fresh = staff.get(f"/receiver/?after={first.pk}").content.decode()
    only_b = staff.get("/receiver/?name=b").content.decode()

    assert ("number-0" in fresh, "number-1" in fresh, "number-2" in fresh) == (False, True, True)
    assert fresh.index("number-2") < fresh.index("number-1")
    assert ("number-0" in only_b, "number-1" in only_b) == (True, False)


@pytest.mark.parametrize(
    "query", ["after=x", "after=", "after=²", "after=" + "9" * 40, "name=%00", "name=" + "é" * 300]
)
def test_nonsense_in_the_address_of_the_page_does_no_harm(staff, query):
    assert staff.get(f"/receiver/?{query}").status_code == 200


def test_the_empty_page_says_what_will_happen(staff):
    page = staff.get("/receiver/").content.decode()

    assert "Nothing has arrived yet" in page
    assert "http://testserver/receiver/call-centre/" in page


def test_the_page_costs_the_same_however_much_arrived(stranger, staff, django_assert_max_num_queries):
    delivery = _delivery()
    for _ in range(20):
        stranger.get("/receiver/a/", headers={"webhook-id": delivery.pk})

    with django_assert_max_num_queries(10):
        staff.get("/receiver/")


@pytest.mark.urls("config.urls")
def test_without_the_demo_nothing_is_found(stranger, staff):

    assert stranger.post("/receiver/a/").status_code == 404
    assert staff.get("/receiver/").status_code == 404
    assert "/receiver/" not in staff.get("/admin/").content.decode()


def test_every_page_of_the_admin_leads_to_the_receiver(staff):
    assert staff.get("/", follow=True).content.decode().count('href="/receiver/"') == 1


def _delivery() -> Delivery:
    location = Location.objects.create(name="Store")
    customer = Customer.objects.create(location=location, created_at=timezone.now())
    lifecycle.create_partial(by="test", location=location, customer=customer)
    return Delivery.objects.create(
        event=Event.objects.get(type="order.partial"),
        channel="export",
        target_id=1,
        target_name="Call centre partials",
        reason="Partial",
        endpoint=Endpoint.objects.create(channel="export", name="Call centre"),
        content="",
        created_at=timezone.now(),
    )
