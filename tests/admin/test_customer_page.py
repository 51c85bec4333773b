"""The customer page: card, notes, and changes that are on record."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import services
from customers.history import numbers
from customers.models import Customer
from delivery.models import Event, Proof
from tests.admin.store import BY, HOSTILE, Store, an_order, set_to


def _page(customer: Customer) -> str:
    return reverse("admin:customers_customer_change", args=[customer.pk])


def _fields(customer: Customer, **changed: Any) -> dict[str, Any]:
    """What the form sends: everything as it is, but for what somebody changed."""
    values = {name: getattr(customer, name) for name in services.CONTACT_FIELDS}
    sent = {name: value for name, value in values.items() if value is not None and value is not False}
    return {**sent, "custom_fields": "{}", **changed}


def test_the_blue_link_leads_to_what_was_sent(store: Store, admin_client: Client) -> None:
    html = admin_client.get(_page(store.customer)).content.decode()
    link = reverse("admin:delivery_delivery_change", args=[store.delivery.pk])
    assert f'<a class="blue" href="{link}">' in html
    assert f"Order {store.order.client_order_id} failed to export to export profile" in html


def test_a_change_is_recorded_with_who_and_what(store: Store, admin_client: Client) -> None:
    response = admin_client.post(_page(store.customer), _fields(store.customer, city="Zürich"))
    assert response.status_code == 302
    event = Event.objects.get(type="contact.updated")
    assert (event.by, event.data["fields"], event.data["old"]) == ("admin:admin", "city", {"city": ""})


def test_saving_without_a_change_records_nothing(store: Store, admin_client: Client) -> None:
    assert admin_client.post(_page(store.customer), _fields(store.customer)).status_code == 302
    assert not Event.objects.filter(type="contact.updated").exists()


def test_a_new_customer_is_recorded(store: Store, admin_client: Client) -> None:
    sent = {
        "location": store.location.pk,
        "first_name": HOSTILE,
        "header_message_type": 0,
        "custom_fields": "",
    }
    page = admin_client.post(reverse("admin:customers_customer_add"), sent, follow=True)
    assert page.status_code == 200
    made = Customer.objects.get(first_name=HOSTILE, email="")
    assert Event.objects.get(type="contact.created", customer=made).by == "admin:admin"


def test_what_cannot_be_stored_is_refused_in_the_form(store: Store, admin_client: Client) -> None:
    services.create(store.location, by=BY, external_id="taken")
    for changed in (
        {"custom_fields": "[1]"},
        {"custom_fields": "[" * 100_000},
        {"custom_fields": '{"a": "\\u0000"}'},
        {"custom_fields": '{"a": "\\ud800"}'},
        {"external_id": "taken"},
        {"email": "x" * 300},
        {"first_name": "a\x00b"},
    ):
        response = admin_client.post(_page(store.customer), _fields(store.customer, **changed))
        assert response.status_code == 200, changed
        assert "errorlist" in response.content.decode(), changed
    assert not Event.objects.filter(type="contact.updated").exists()


def test_numbers_that_are_none_are_not_kept(store: Store, admin_client: Client) -> None:
    admin_client.post(_page(store.customer), _fields(store.customer, custom_fields='{"a": NaN}'))
    store.customer.refresh_from_db()
    assert store.customer.custom_fields in ({}, {"a": None})


def test_a_deleted_customer_is_only_read(store: Store, admin_client: Client) -> None:
    services.delete(store.customer, by=BY)
    html = admin_client.get(_page(store.customer)).content.decode()
    assert "deleted" in html and 'name="_save"' not in html
    assert admin_client.post(_page(store.customer), _fields(store.customer, city="X")).status_code == 403


def test_notes(store: Store, admin_client: Client, client_who_may: Callable[..., Client]) -> None:
    note = reverse("admin:customers_customer_note", args=[store.customer.pk])
    page = admin_client.post(note, {"text": f"Hello {HOSTILE}"}, follow=True).content.decode()
    assert "Hello Ann &lt;script&gt;" in page
    assert "The note was not saved" in admin_client.post(note, {"text": "  "}, follow=True).content.decode()
    assert client_who_may("customers.view_customer").post(note, {"text": "x"}).status_code == 403
    assert Event.objects.filter(type="note.added").count() == 2


def test_customers_are_found_by_what_people_know(store: Store, admin_client: Client) -> None:
    other = services.create(store.location, by=BY, first_name="Bob", last_name="Ray", email="bob@example.com")
    url = reverse("admin:customers_customer_changelist")
    number = store.order.client_order_id
    for term in (
        number.lower(),
        "Ann@example.com",
        "15551234567",
        "+1 (555) 123-4567",
        "crm-17",
        "ann",
        "löve",
    ):
        html = admin_client.get(url, {"q": term}).content.decode()
        assert _page(store.customer) in html, term
        assert _page(other) not in html, term


def test_older_history_is_a_page_further(store: Store, admin_client: Client) -> None:
    for number in range(60):
        services.add_note(store.customer, f"note {number}.", by=BY)
    newest = admin_client.get(_page(store.customer)).content.decode()
    assert "note 59." in newest and "note 3." not in newest
    before = newest.split("before=")[1].split("#")[0]
    older = admin_client.get(_page(store.customer), {"before": before}).content.decode()
    assert "note 3." in older and "note 59." not in older


def test_a_note_appears_at_once_with_the_history_around_it(store: Store, admin_client: Client) -> None:
    note = reverse("admin:customers_customer_note", args=[store.customer.pk])
    asked = {"headers": {"HX-Request": "true"}}
    answer = admin_client.post(note, {"text": "Called back, all fine"}, **asked)
    assert answer.status_code == 200 and "The note is in the history." in answer["HX-Trigger"]
    html = answer.content.decode()
    assert html.lstrip().startswith("<section") and "Called back, all fine" in html
    refused = admin_client.post(note, {"text": ""}, **asked)
    assert refused.status_code == 422 and "This field is required" in refused.content.decode()
    assert "HX-Trigger" not in refused


def test_the_history_shows_what_it_is_asked_for(store: Store, admin_client: Client) -> None:
    def shown(show: str) -> str:
        return admin_client.get(_page(store.customer), {"show": show}).content.decode()

    sent, note = "failed to export to export profile", "Called Ann"
    for show, has_sent, has_note in (
        ("", True, True),
        ("nonsense", True, True),
        ("sent", True, False),
        ("waiting", True, False),
        ("exported", False, False),
        ("failed", False, False),
        ("notes", False, True),
    ):
        assert (sent in shown(show), note in shown(show)) == (has_sent, has_note), show
    set_to(store.delivery, state="failed")
    assert sent in shown("failed") and sent not in shown("waiting")


def test_the_numbers_say_what_became_of_it_also_when_only_proofs_are_left(store: Store) -> None:
    found = numbers(store.customer)
    assert (found.orders, found.exported, found.waiting, found.failed) == (1, 0, 1, 0)
    set_to(store.delivery, state="delivered")
    assert (numbers(store.customer).exported, numbers(store.customer).waiting) == (1, 0)
    kept = {field.attname for field in Proof._meta.concrete_fields} - {"content_sha256"}
    Proof.objects.create(**{name: getattr(store.delivery, name) for name in kept})
    assert numbers(store.customer).exported == 1
    store.delivery.delete()
    assert numbers(store.customer).exported == 1


def test_the_numbers_count_no_further_than_they_say(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customers.history.MOST_COUNTED", 2)
    for _ in range(3):
        an_order(store.location, store.customer, store.product)
    found = numbers(store.customer)
    assert (found.orders, found.has_more_orders, found.is_cut) == (2, True, True)


def test_older_entries_come_alone_when_the_page_asks_for_them(store: Store, admin_client: Client) -> None:
    for number in range(60):
        services.add_note(store.customer, f"note {number}.", by=BY)
    address = reverse("admin:customers_customer_entries", args=[store.customer.pk])
    newest = admin_client.get(address, {"show": "notes"}).content.decode()
    older_link = newest.split('hx-get="')[-1].split('"')[0].replace("&amp;", "&")
    older = admin_client.get(older_link, headers={"HX-Request": "true"}).content.decode()
    assert "note 3." in older and "note 59." not in older and "<section" not in older


def test_the_history_alone_needs_the_permission_too(
    store: Store, client_who_may: Callable[..., Client]
) -> None:
    address = reverse("admin:customers_customer_entries", args=[store.customer.pk])
    assert client_who_may("customers.view_customer").get(address).status_code == 200
    assert client_who_may("orders.view_order").get(address).status_code == 403


def test_who_may_only_look_sees_no_form(store: Store, client_who_may: Callable[..., Client]) -> None:
    html = client_who_may("customers.view_customer").get(_page(store.customer)).content.decode()
    assert "Add note" not in html and "Edit contact details" not in html and 'name="_save"' not in html
    assert "Called Ann" in html


def test_no_link_leads_where_one_may_not_go(store: Store, client_who_may: Callable[..., Client]) -> None:
    html = client_who_may("customers.view_customer").get(_page(store.customer)).content.decode()
    assert store.order.client_order_id in html
    assert reverse("admin:orders_order_change", args=[store.order.pk]) not in html
    assert reverse("admin:delivery_delivery_change", args=[store.delivery.pk]) not in html
