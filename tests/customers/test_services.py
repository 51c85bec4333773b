"""Customers: who is recognised, what is recorded of a change, what a tombstone means."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import services
from customers.models import Customer, Location
from customers.services import ContactRefused
from delivery.models import Event

BY = "api:shop-3"
ADA = {
    "external_id": "A-1",
    "email": "Ada@Example.com",
    "cell_phone": "+1 (555) 010-0200",
    "first_name": "Ada",
}


@pytest.fixture
def here(db: None) -> Location:
    return Location.objects.create(name="Main store")


@pytest.fixture
def ada(here: Location) -> Customer:
    return services.create(here, by=BY, **ADA)


@pytest.mark.parametrize(
    "person",
    [
        {"external_id": "A-1", "email": "other@example.com"},
        {"email": "aDA@eXAMPLE.com"},
        {"email": "  ada@example.com "},
        {"email": "nobody@example.com", "cell_phone": "15550100200"},
        {"home_phone": "1-555-010-0200"},
        {"external_id": "A-1"},
    ],
)
def test_who_is_the_same(here: Location, ada: Customer, person: dict[str, Any]) -> None:
    last = Event.objects.count()
    assert services.take_in(here, [person], by=BY) == [ada]
    assert (Customer.objects.count(), Event.objects.count()) == (1, last)
    ada.refresh_from_db()
    assert (ada.email, ada.first_name) == ("Ada@Example.com", "Ada")  # who is found stays as he is


@pytest.mark.parametrize(
    "person",
    [
        {"external_id": "A-2", "email": "ada@example.com", "cell_phone": "15550100200"},
        {"email": "ada@example.co"},
        {"cell_phone": "5550100200"},
        {"first_name": "Ada"},
        {},
        {"email": "", "cell_phone": "", "external_id": ""},
        {"email": "ada%@example.com"},
    ],
)
def test_who_is_another(here: Location, ada: Customer, person: dict[str, Any]) -> None:
    (found,) = services.take_in(here, [person], by=BY)
    assert found != ada and Customer.objects.count() == 2


def test_the_order_of_the_keys(here: Location) -> None:
    by_phone = services.create(here, by=BY, cell_phone="555 1")
    by_email = services.create(here, by=BY, email="x@example.com")
    by_id = services.create(here, by=BY, external_id="X")
    person = {"external_id": "X", "email": "x@example.com", "cell_phone": "5551"}
    assert services.take_in(here, [person], by=BY) == [by_id]
    assert services.take_in(here, [person | {"external_id": ""}], by=BY) == [by_email]
    assert services.take_in(here, [{"email": "y@example.com", "cell_phone": "5551"}], by=BY) == [by_phone]


def test_of_several_alike_the_oldest(here: Location) -> None:
    first, second = (
        services.create(here, by=BY, email="x@example.com", cell_phone=phone) for phone in ("1", "2")
    )
    people = [{"email": "x@example.com"}, {"email": "X@example.com", "cell_phone": "2"}, {"cell_phone": "2"}]
    assert services.take_in(here, people, by=BY) == [first, first, second]


def test_an_address_beyond_ascii_is_recognised_again(here: Location) -> None:
    (first,) = services.take_in(here, [{"email": "Ärger@exämple.com"}], by=BY)
    assert (
        services.take_in(here, [{"email": "Ärger@EXÄMPLE.com"}, {"email": "Ärger@exämple.com"}], by=BY)[1]
        == first
    )


def test_a_batch_knows_its_own_people(here: Location) -> None:
    people = [
        {"email": "a@x.de"},
        {"email": "A@X.de", "external_id": "1"},
        {"cell_phone": "55"},
        {"home_phone": "5-5"},
    ]
    found = services.take_in(here, people, by=BY)
    assert [one.pk for one in found] == [found[0].pk, found[0].pk, found[2].pk, found[2].pk]
    assert Customer.objects.count() == Event.objects.count() == 2


def test_a_batch_takes_as_many_statements_for_many_people_as_for_few(here: Location) -> None:
    def statements(count: int, start: int) -> int:
        people = [
            {"email": f"{n}@x.de", "cell_phone": f"{n}", "external_id": f"{n}"}
            for n in range(start, start + count)
        ]
        with CaptureQueriesContext(connection) as captured:
            services.take_in(here, people, by=BY)
        return len(captured)

    statements(1, 0)
    assert statements(2, 100) == statements(50, 200) < 16
    assert statements(500, 1000) <= statements(50, 2000)


def test_taken_in_at_its_own_time_and_quietly(here: Location) -> None:
    old, new = datetime(2017, 10, 2, 10, 56, tzinfo=UTC), datetime(2018, 1, 1, tzinfo=UTC)
    found = services.take_in(
        here, [{"email": "a@x.de"}, {"email": "b@x.de"}], by=BY, at=[old, new], quiet=True
    )
    assert [one.created_at for one in found] == [old, new]
    events = Event.objects.order_by("pk")
    assert [(event.type, event.occurred_at, event.muted) for event in events] == [
        ("contact.created", old, "quiet"),
        ("contact.created", new, "quiet"),
    ]


def test_another_location_is_another_world(here: Location, ada: Customer) -> None:
    there = Location.objects.create(name="Other store")
    (found,) = services.take_in(there, [ADA], by=BY)
    assert found != ada and found.location == there


def test_the_event_has_the_customer_as_it_was(here: Location) -> None:
    services.create(
        here,
        by=BY,
        first_name="Łukasz 😀",
        date_of_birth=date(1990, 2, 28),
        contact_balance=Decimal("1.50"),
        custom_fields={"vip": True},
    )
    event = Event.objects.get()
    assert (event.type, event.by, event.customer_id) == ("contact.created", BY, Customer.objects.get().pk)
    kept = {
        name: event.data[name] for name in ("first_name", "date_of_birth", "contact_balance", "custom_fields")
    }
    assert kept == {
        "first_name": "Łukasz 😀",
        "date_of_birth": "1990-02-28",
        "contact_balance": "1.50",
        "custom_fields": {"vip": True},
    }
    assert "last_name" not in event.data  # what is empty says nothing


def test_a_change_keeps_the_old_values(ada: Customer) -> None:
    changed = services.update(
        ada, by=BY, email="ada@new.example", first_name="Ada", date_of_birth=date(1815, 12, 10)
    )
    event = Event.objects.get(type="contact.updated")
    assert event.data["fields"] == "email, date_of_birth"
    assert event.data["old"] == {"email": "Ada@Example.com", "date_of_birth": None}
    assert event.data["email"] == "ada@new.example"
    assert changed.modified_at is not None
    assert services.take_in(changed.location, [{"email": "ADA@new.example"}], by=BY) == [ada]


def test_a_changed_phone_is_found_by_its_digits(ada: Customer) -> None:
    services.update(ada, by=BY, cell_phone="(0)171 / 22")
    assert services.take_in(ada.location, [{"cell_phone": "017122"}], by=BY) == [ada]


@pytest.mark.parametrize("fields", [{}, {"first_name": "Ada"}, {"email": " Ada@Example.com "}])
def test_nothing_changed_nothing_recorded(ada: Customer, fields: dict[str, str]) -> None:
    services.update(ada, by=BY, **fields)
    ada.refresh_from_db()
    assert ada.modified_at is None
    assert not Event.objects.filter(type="contact.updated").exists()


def test_a_change_is_made_on_the_row_as_it_is_now(ada: Customer) -> None:
    stale = Customer.objects.get()
    services.update(ada, by=BY, city="Berlin")
    services.update(stale, by=BY, country="DE")
    assert Customer.objects.values_list("city", "country").get() == ("Berlin", "DE")


def test_a_tombstone_stays_and_is_nobody_any_more(here: Location, ada: Customer) -> None:
    gone = services.delete(ada, by=BY)
    assert gone.deleted_at is not None and Customer.objects.count() == 1
    assert Event.objects.filter(type="contact.deleted").get().data["email"] == "Ada@Example.com"
    for attempt in (lambda: services.update(ada, by=BY, city="x"), lambda: services.delete(ada, by=BY)):
        with pytest.raises(ContactRefused, match="deleted"):
            attempt()
    (found,) = services.take_in(here, [ADA], by=BY)  # with the same external id
    assert found.pk != ada.pk


@pytest.mark.parametrize("text", ["x" * 300, "a\x00b", "a\ud83d", 5, None])
def test_what_cannot_be_stored_is_refused(here: Location, ada: Customer, text: Any) -> None:
    before = list(Event.objects.values()), list(Customer.objects.values())
    for attempt in (
        lambda: services.create(here, by=BY, first_name=text),
        lambda: services.update(ada, by=BY, email=text),
        lambda: services.take_in(here, [{"email": "new@x.de"}, {"last_name": text}], by=BY),
        lambda: services.take_in(here, [{"email": text}], by=BY),
        lambda: services.update(ada, by=BY, custom_fields={"a": "\x00"}),
    ):
        with pytest.raises(ContactRefused, match=r"^The "):
            attempt()
    assert (list(Event.objects.values()), list(Customer.objects.values())) == before


def test_an_external_id_names_one_person_at_a_time(here: Location, ada: Customer) -> None:
    other = services.create(here, by=BY, external_id="A-2")
    for attempt in (
        lambda: services.create(here, by=BY, external_id="A-1"),
        lambda: services.update(other, by=BY, external_id="A-1"),
    ):
        with pytest.raises(ContactRefused, match="A-1"):
            attempt()
    assert Customer.objects.count() == 2
    services.delete(ada, by=BY)
    assert services.update(other, by=BY, external_id="A-1").external_id == "A-1"


def test_notes(ada: Customer) -> None:
    services.add_note(ada, "  Rang an, alles gut 👍  ", by="admin:jane")
    event = Event.objects.get(type="note.added")
    assert (event.data, event.by, event.customer_id) == (
        {"text": "Rang an, alles gut 👍"},
        "admin:jane",
        ada.pk,
    )
    for text in ("", " \n", "a\x00b", "a\ud83d"):
        with pytest.raises(ContactRefused, match=r"^The note"):
            services.add_note(ada, text, by="admin:jane")
    services.add_note(ada, "x" * 5000, by="admin:jane")
    newest = Event.objects.filter(type="note.added").latest("pk")
    assert len(newest.data["text"]) == 4000


def test_the_only_location(db: None) -> None:
    made = services.only_location()
    assert services.only_location() == made == services.only_location("Main store")
    with pytest.raises(ContactRefused, match="“Other”"):
        services.only_location("Other")
    other = Location.objects.create(name="Other")
    assert services.only_location("Other") == other
    with pytest.raises(ContactRefused, match="several"):
        services.only_location()
