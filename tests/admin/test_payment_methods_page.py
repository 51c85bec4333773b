"""The page of a stored payment method: what it shows of it, and Remove."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from delivery.models import Event
from orders import lifecycle
from orders.lifecycle import Payment
from orders.models import StoredPaymentMethod
from tests.admin.store import BY, HOSTILE, Store, an_order

TOKEN = "tok_9f8e7d6c5b4a"


@pytest.fixture
def stored(store: Store) -> StoredPaymentMethod:
    """The card of a subscription."""
    order = an_order(store.location, store.customer, store.product)  # which comes every month
    paid = Payment(card_type=f"V{HOSTILE}"[:20], card_last4="2222", token=TOKEN)
    lifecycle.complete_sale(order, by=BY, payments=[paid])
    return StoredPaymentMethod.objects.get(token=TOKEN)


def page(method: StoredPaymentMethod) -> str:
    return reverse("admin:orders_storedpaymentmethod_change", args=[method.pk])


def removal(method: StoredPaymentMethod) -> str:
    return reverse("admin:orders_storedpaymentmethod_remove", args=[method.pk])


def test_the_token_is_masked(stored: StoredPaymentMethod, admin_client: Client) -> None:
    shown = admin_client.get(page(stored)).content.decode()
    assert TOKEN not in shown and f"********{TOKEN[-4:]}" in shown
    StoredPaymentMethod.objects.filter(pk=stored.pk).update(token="short")
    assert "short<" not in admin_client.get(page(stored)).content.decode()


def test_removing_is_asked_first_and_says_what_it_means(
    stored: StoredPaymentMethod, admin_client: Client
) -> None:
    assert removal(stored) in admin_client.get(page(stored)).content.decode()
    asked = admin_client.get(removal(stored)).content.decode()
    assert "their next rebills will name no card" in asked
    assert HOSTILE not in asked
    stored.refresh_from_db()
    assert stored.removed_at is None


def test_removing(stored: StoredPaymentMethod, admin_client: Client) -> None:
    answer = admin_client.post(removal(stored), follow=True)
    assert answer.redirect_chain == [(page(stored), 302)]
    assert "Removed:" in answer.content.decode() and removal(stored) not in answer.content.decode()
    event = Event.objects.latest("pk")
    assert (event.type, event.by, event.customer_id) == (
        "accountvault.deleted",
        "admin:admin",
        stored.customer_id,
    )
    again = admin_client.post(removal(stored), follow=True).content.decode()
    assert "removed already" in again
    assert Event.objects.latest("pk") == event
    assert "removed already" in admin_client.get(removal(stored), follow=True).content.decode()
    timeline = reverse("admin:customers_customer_change", args=[stored.customer_id])
    assert "Payment method removed:" in admin_client.get(timeline).content.decode()


def test_it_takes_the_permission_and_the_token_of_the_form(
    stored: StoredPaymentMethod, client_who_may: Callable[..., Client], admin_user: object
) -> None:
    looker = client_who_may("orders.view_storedpaymentmethod")
    assert removal(stored) not in looker.get(page(stored)).content.decode()
    assert looker.get(removal(stored)).status_code == looker.post(removal(stored)).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)  # type: ignore[arg-type]
    assert strict.post(removal(stored)).status_code == 403
    stored.refresh_from_db()
    assert stored.removed_at is None


@pytest.mark.parametrize("term", ["public_id", "email", "order"])
def test_it_is_found_by_what_people_know(
    store: Store, stored: StoredPaymentMethod, admin_client: Client, term: str
) -> None:
    terms = {
        "public_id": stored.public_id,
        "email": store.customer.email,
        "order": store.order.client_order_id,
    }
    address = reverse("admin:orders_storedpaymentmethod_changelist")
    assert page(stored) in admin_client.get(address, {"q": terms[term]}).content.decode()


def test_an_event_of_nobody_has_its_page(store: Store, admin_client: Client) -> None:
    """A settlement batch belongs to no customer and no order."""
    gateway = store.location.gateways.get()
    order = an_order(store.location, store.customer, store.product)
    lifecycle.complete_sale(order, by=BY, payments=[Payment(gateway=gateway)])
    event = Event.objects.get(type="transactionbatch.created")
    said = f"Batch 2 opened: {gateway.title}"
    for name, args in (
        ("delivery_event_change", [event.pk]),
        ("delivery_event_changelist", []),
        ("index", []),
    ):
        answer = admin_client.get(reverse(f"admin:{name}", args=args))
        assert answer.status_code == 200
        assert said in answer.content.decode() or name == "index"
