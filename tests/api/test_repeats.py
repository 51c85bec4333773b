"""Creates that are sent again with the same `Idempotency-Key` create nothing again."""

import hashlib
import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from customers.models import Customer, Location
from orders.models import Order, Transaction
from rest import remembering
from rest.models import RememberedAnswer
from tests.api.clients import Answer, Integrator, an_integrator
from tests.api.test_orders import act, sold


def post(api: Integrator, here: Location, key: str, **fields: Any) -> Answer:
    contact = {"location_id": here.public_id, "last_name": "Jones", **fields}
    return api.post("contacts", {"contact": contact}, **{"Idempotency-Key": key})


def test_the_same_key_and_body_give_the_same_answer(api: Integrator, here: Location) -> None:
    first, again = post(api, here, "k1"), post(api, here, "k1")
    assert (first.status, again.status) == (201, 201) and first.body == again.body
    assert again.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
    assert Customer.objects.count() == 1
    assert post(api, here, "k2").body != first.body


def test_the_same_key_with_another_body_is_422(api: Integrator, here: Location) -> None:
    post(api, here, "k1")
    answer = post(api, here, "k1", city="Rome")
    assert answer.status == 422 and list(answer.errors) == ["Idempotency-Key"]
    assert Customer.objects.count() == 1


def test_a_key_is_kept_as_its_digest(api: Integrator, here: Location) -> None:
    post(api, here, "order-of-ada@example.com")
    row = RememberedAnswer.objects.get()
    assert row.key == hashlib.sha256(b"order-of-ada@example.com").hexdigest()


@pytest.mark.django_db(transaction=True)
def test_keys_of_before_are_known_after_the_upgrade(api: Integrator, here: Location) -> None:
    first = post(api, here, "k" * 255)
    try:
        call_command("migrate", "rest", "0001", verbosity=0)
        with connection.cursor() as cursor:  # as it was kept then
            cursor.execute("UPDATE rest_rememberedanswer SET key = %s", ["k" * 255])
    finally:
        call_command("migrate", verbosity=0)
    assert post(api, here, "k" * 255).body == first.body and Customer.objects.count() == 1


def test_what_was_erased_is_not_made_again(api: Integrator, here: Location) -> None:
    made = post(api, here, "k1").body["contact"]["id"]
    assert sum(remembering.forget(made)) == 1
    answer = post(api, here, "k1")
    assert (answer.status, answer.errors) == (409, {"request": ["What this request created was erased."]})
    assert Customer.objects.count() == 1


def test_what_was_refused_may_be_corrected(api: Integrator, here: Location) -> None:
    assert post(api, here, "k1", zip="?").status == 422
    assert not RememberedAnswer.objects.exists()
    assert post(api, here, "k1").status == 201


def test_keys_of_others_do_not_matter(
    api: Integrator, stranger: Integrator, here: Location, elsewhere: Location
) -> None:
    mine, theirs = post(api, here, "k1"), post(stranger, elsewhere, "k1")
    assert theirs.status == 201 and theirs.body["contact"]["id"] != mine.body["contact"]["id"]


def test_an_action_is_made_once(api: Integrator, here: Location) -> None:
    order = sold(api, here)
    for _ in range(2):
        body = {"action": "refund", "amount": "1.00"}
        answer = api.post(f"orders/{order['id']}/actions", body, **{"Idempotency-Key": "r1"})
        assert answer.body["order"]["refunded"] == "1.00"
    assert Transaction.objects.filter(type="REFUND").count() == 1
    assert act(api, order, "refund", amount="1.00").body["order"]["refunded"] == "2.00"


@pytest.mark.parametrize("key", ["k" * 256, "k\x7f", "ключ"])
def test_keys_that_are_none(key: str, api: Integrator, here: Location) -> None:
    answer = post(api, here, key)
    assert answer.status == 422 and list(answer.errors) == ["Idempotency-Key"]


def test_answers_are_kept_for_a_day(api: Integrator, here: Location) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = post(api, here, "k1")
        clock.shift(timedelta(hours=23, minutes=59))
        assert remembering.prune() == 0
        assert post(api, here, "k1").body == first.body
        clock.shift(timedelta(minutes=2))
        assert remembering.prune() == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one() -> None:
    here = Location.objects.create(name="Main store")
    api = an_integrator(here)
    answers = at_once(lambda: post(api, here, "k1", contact_api_id="crm-1"), 6)
    assert [answer.status for answer in answers] == [201] * 6
    assert len({answer.body["contact"]["id"] for answer in answers}) == 1
    assert Customer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_once_with_the_clients_own_id_make_one() -> None:
    here = Location.objects.create(name="Main store")
    api = an_integrator(here)
    contact = {"location_id": here.public_id, "last_name": "J", "contact_api_id": "1", "update_if_exists": 1}
    order = {"location_id": here.public_id, "external_order_id": "1", "contact": {"email": "a@b.example"}}
    made = at_once(lambda: api.post("contacts", {"contact": contact}), 6)
    assert [answer.status for answer in made] == [201] * 6 and Customer.objects.count() == 1
    made = at_once(lambda: api.post("orders", {"order": order}), 6)
    assert [answer.status for answer in made] == [201] * 6 and Order.objects.count() == 1


def at_once(call: Any, count: int) -> list[Answer]:
    """What so many calls answer that begin together, each on a connection of its own."""
    answers: list[Answer] = []
    barrier = threading.Barrier(count)

    def one() -> None:
        barrier.wait()
        try:
            answers.append(call())
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_the_same_body_for_another_location_is_another_request(here: Location, elsewhere: Location) -> None:
    """As clients that name the location in the address of every call send it."""
    api = an_integrator(here, elsewhere)
    body, key = {"contact": {"last_name": "Jones"}}, {"Idempotency-Key": "k1"}
    first = api.post(f"contacts?location_id={here.public_id}", body, **key)
    assert first.body["contact"]["location_id"] == here.public_id
    answer = api.post(f"contacts?location_id={elsewhere.public_id}", body, **key)
    assert answer.status == 422 and list(answer.errors) == ["Idempotency-Key"]


@pytest.mark.django_db(transaction=True)
def test_orders_of_a_new_person_at_once_find_one_contact() -> None:
    here = Location.objects.create(name="Main store")
    api = an_integrator(here)
    order = {"location_id": here.public_id, "contact": {"contact_api_id": "crm-1"}}
    made = at_once(lambda: api.post("orders", {"order": order}), 6)
    assert [answer.status for answer in made] == [201] * 6
    assert (Customer.objects.count(), Order.objects.count()) == (1, 6)
