"""Two that take in the same new person at once find one customer, and nobody waits in a circle."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections, transaction

from customers import identities, services
from customers.models import Customer, Location
from tests.journeys import crashes
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
BY = "test"


def beside(pool: ThreadPoolExecutor, act: Any, *arguments: Any, **named: Any) -> Any:
    def run() -> Any:
        try:
            return act(*arguments, **named)
        finally:
            connections.close_all()

    return pool.submit(run)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"email": "Ada@example.com"}, {"email": "ada@EXAMPLE.com "}),
        ({"cell_phone": "555-123-4567"}, {"home_phone": "(555) 123 4567"}),
        ({"email": "a@b.example", "cell_phone": "5551234567"}, {"cell_phone": "555 123 4567"}),
        ({"external_id": "crm-1"}, {"external_id": "crm-1", "email": "a@b.example"}),
    ],
)
def test_one_is_taken_in_while_the_other_is_not_committed(first: Any, second: Any) -> None:
    here = Location.objects.create(name="Main store")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            (mine,) = services.take_in(here, [first], by=BY)
            other = beside(pool, services.take_in, here, [second], by=BY)
            wait_until(lambda: crashes.waiting_for_us() == 1, what="the other to wait")
        (theirs,) = other.result(30)
    assert mine == theirs and Customer.objects.count() == 1


@pytest.mark.postgres
def test_a_large_set_and_one_beside_it() -> None:
    here = Location.objects.create(name="Main store")
    people = [{"email": f"a{number}@example.com"} for number in range(identities.MOST)]
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            services.take_in(here, people, by=BY)
            other = beside(pool, services.take_in, here, [people[7]], by=BY)
            wait_until(lambda: crashes.waiting_for_us() == 1, what="the other to wait")
        other.result(30)
        with transaction.atomic():
            services.take_in(here, [{"email": "new@example.com"}], by=BY)
            other = beside(pool, services.take_in, here, [*people, {"email": "new@example.com"}], by=BY)
            wait_until(lambda: crashes.waiting_for_us() == 1, what="the large set to wait")
        other.result(30)
    assert Customer.objects.count() == len(people) + 1


@pytest.mark.postgres
def test_others_do_not_wait() -> None:
    """Neither for another person, nor for who is known, nor for the same one of another location."""
    here, there = (Location.objects.create(name=name) for name in ("Main store", "Elsewhere"))
    services.take_in(here, [{"email": "known@example.com"}], by=BY)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        services.take_in(here, [{"email": "a@example.com"}], by=BY)
        for place, email in ((here, "b@example.com"), (here, "known@example.com"), (there, "a@example.com")):
            beside(pool, services.take_in, place, [{"email": email}], by=BY).result(10)
    assert Customer.objects.count() == 4


@pytest.mark.postgres
def test_an_upsert_of_who_is_deleted_meanwhile_makes_anew() -> None:
    """Found, and deleted before it could be changed."""
    here = Location.objects.create(name="Main store")
    old = services.create(here, by=BY, external_id="crm-1", last_name="Old")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            services.delete(old, by=BY)
            other = beside(pool, services.update_or_create, here, external_id="crm-1", by=BY, last_name="New")
            wait_until(lambda: crashes.waiting_for_us() == 1, what="the other to wait")
        new = other.result(30)
    assert new.pk != old.pk and new.last_name == "New" and new.deleted_at is None


def test_an_upsert_gives_up_with_a_clear_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever it finds was deleted, again and again."""
    here = Location.objects.create(name="Main store")
    services.create(here, by=BY, external_id="crm-1")

    def gone(customer: Customer) -> Customer:
        raise services.CustomerGone

    monkeypatch.setattr(services, "_locked", gone)
    with pytest.raises(services.ContactBusy, match="Send it again"):
        services.update_or_create(here, external_id="crm-1", by=BY, last_name="New")
