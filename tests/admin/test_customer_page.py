"""The customer page: card, notes, and changes that are on record."""

from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from customers import services
from customers.models import Customer
from delivery.models import Event
from tests.admin.store import BY, HOSTILE, Store


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
    before = newest.split("?before=")[1].split('"')[0]
    older = admin_client.get(_page(store.customer), {"before": before}).content.decode()
    assert "note 3." in older and "note 59." not in older
