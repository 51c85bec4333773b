"""The order page: it shows all that belongs to the order, and makes the moves that are allowed now."""

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from delivery.models import Event
from orders import lifecycle
from orders.models import Order
from tests.admin.store import BY, HOSTILE, Store, an_order


def _page(order: Order) -> str:
    return reverse("admin:orders_order_change", args=[order.pk])


def _move(order: Order) -> str:
    return reverse("admin:orders_order_move", args=[order.pk])


def test_only_what_is_allowed_now_is_offered(store: Store, admin_client: Client) -> None:
    partial = admin_client.get(_page(store.order)).content.decode()
    assert 'value="complete_sale"' in partial and 'value="refund"' not in partial
    lifecycle.complete_sale(store.order, by=BY)
    complete = admin_client.get(_page(store.order)).content.decode()
    assert 'value="refund"' in complete and 'value="complete_sale"' not in complete
    assert f'value="pause:{store.order.subscriptions.get().pk}"' in complete


def test_a_move_is_made_by_who_asks(store: Store, admin_client: Client) -> None:
    lifecycle.complete_sale(store.order, by=BY)
    sent = {"move": "refund", "amount": "10.00", "reason": HOSTILE}
    page = admin_client.post(_move(store.order), sent, follow=True)
    assert "Done: Refund." in page.content.decode()
    event = Event.objects.get(type="order.refunded")
    assert (event.by, event.data["amount"], event.data["reason"]) == ("admin:admin", "10.00", HOSTILE)
    assert "<script>alert(" not in page.content.decode()


def test_a_move_of_a_subscription(store: Store, admin_client: Client) -> None:
    lifecycle.complete_sale(store.order, by=BY)
    subscription = store.order.subscriptions.get()
    admin_client.post(_move(store.order), {"move": f"pause:{subscription.pk}"})
    subscription.refresh_from_db()
    assert subscription.status == "PAUSED"


def test_what_is_not_possible_is_said_and_changes_nothing(store: Store, admin_client: Client) -> None:
    lifecycle.complete_sale(store.order, by=BY)
    before = Event.objects.count()
    for sent, words in (
        ({"move": "refund", "amount": "1000.00"}, "is more than the 39.90"),
        ({"move": "refund", "amount": "-1"}, "must be more than 0.00"),
        ({"move": "refund", "amount": "ten"}, "Enter a number"),
        ({"move": "refund", "tracking_number": "1Z"}, "has no tracking number"),
        ({"move": "decline"}, "cannot be declined"),
        ({"move": "destroy"}, "not one of the available choices"),
        ({}, "This field is required"),
        ({"move": "pause:999999"}, "not one of the available choices"),
        ({"move": "ship", "tracking_number": "1" * 101}, "at most 100 characters"),
    ):
        assert words in admin_client.post(_move(store.order), sent, follow=True).content.decode(), sent
    assert Event.objects.count() == before


def test_moving_needs_the_permission_to_change(store: Store, client_who_may: Callable[..., Client]) -> None:
    looker = client_who_may("orders.view_order")
    assert "What happened with it" not in looker.get(_page(store.order)).content.decode()
    assert looker.post(_move(store.order), {"move": "complete_sale"}).status_code == 403
    mover = client_who_may("orders.view_order", "orders.change_order")
    assert mover.post(_move(store.order), {"move": "complete_sale"}).status_code == 302
    store.order.refresh_from_db()
    assert store.order.status == "COMPLETE"


def test_a_move_without_the_token_of_the_form_is_refused(store: Store, admin_user: object) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)  # type: ignore[arg-type]
    assert client.post(_move(store.order), {"move": "complete_sale"}).status_code == 403


def test_nothing_is_edited_by_hand(store: Store, admin_client: Client) -> None:
    assert admin_client.post(_page(store.order), {"status": "COMPLETE"}).status_code == 403
    store.order.refresh_from_db()
    assert store.order.status == "PARTIAL"


def test_test_card_orders_say_so(store: Store, admin_client: Client) -> None:
    order = an_order(store.location, store.customer, store.product)
    lifecycle.complete_sale(order, by=BY, payments=[lifecycle.Payment(card_last4="0000")])
    assert "test card order: never exported" in admin_client.get(_page(order)).content.decode()
    listed = admin_client.get(reverse("admin:orders_order_changelist")).content.decode()
    assert 'Complete</span> <span class="badge test">Test card</span>' in listed


def test_orders_are_found_by_what_people_know(store: Store, admin_client: Client) -> None:
    other = an_order(store.location, store.customer, store.product, external_order_id="shop-77")
    url = reverse("admin:orders_order_changelist")

    def found(term: str) -> str:
        return admin_client.get(url, {"q": term}).content.decode()

    assert other.client_order_id not in found(store.order.client_order_id.lower())
    assert store.order.client_order_id not in found("shop-77")
    for term in ("ann@EXAMPLE.com", "(155) 512-34567", "Löve", "crm-17"):
        assert store.order.client_order_id in found(term), term
    for term in ("no such thing", "\x00", "%", "'"):
        assert admin_client.get(url, {"q": term}).status_code == 200
