"""The order page: it shows all that belongs to the order, and makes the moves that are allowed now."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.test import Client
from django.urls import reverse

from customers.models import Location
from delivery.models import Event
from orders import lifecycle
from orders.admin.moves import GROUPS
from orders.lifecycle import MOVES
from orders.models import Order, Product
from tests.admin.store import BY, HOSTILE, Store, a_profile, an_order


def _page(order: Order) -> str:
    return reverse("admin:orders_order_change", args=[order.pk])


def _move(order: Order, key: str) -> str:
    return reverse("admin:orders_order_move", args=[order.pk, key])


def _seen(order: Order) -> int:
    """Where the story of the order has come to."""
    return Event.objects.filter(order=order).order_by("-id").values_list("pk", flat=True)[0]


def _make(client: Client, order: Order, key: str, **details: Any) -> str:
    """Makes a move as the page does, and follows it to what it says."""
    sent = {"seen": _seen(order), **details}
    return client.post(_move(order, key), sent, follow=True).content.decode()


def _sold(store: Store) -> Order:
    lifecycle.complete_sale(store.order, by=BY)
    return Order.objects.get(pk=store.order.pk)


def test_only_what_is_allowed_now_is_offered(store: Store, admin_client: Client) -> None:
    partial = admin_client.get(_page(store.order)).content.decode()
    assert _move(store.order, "complete_sale") in partial and _move(store.order, "refund") not in partial
    order = _sold(store)
    complete = admin_client.get(_page(order)).content.decode()
    assert _move(order, "refund") in complete and _move(order, "complete_sale") not in complete
    assert _move(order, f"pause:{order.subscriptions.get().pk}") in complete
    assert _move(order, "start_subscription") not in complete  # it has one of all that could


def test_every_move_has_its_place_on_the_page(store: Store) -> None:
    placed = {name for names in GROUPS.values() for name in names}
    of_subscriptions = {name for name, move in MOVES.items() if move.of_subscription}
    assert placed | of_subscriptions == set(MOVES) and not placed & of_subscriptions


def test_every_dialog_opens_and_asks_for_no_more_than_it_needs(store: Store, admin_client: Client) -> None:
    order = _sold(store)
    keys = [name for name, move in MOVES.items() if not move.of_subscription]
    subscription = order.subscriptions.get().pk
    keys += [f"{name}:{subscription}" for name, move in MOVES.items() if move.of_subscription]
    for key in keys:
        for asked in ({}, {"headers": {"HX-Request": "true"}}):
            assert admin_client.get(_move(order, key), **asked).status_code == 200, key
    refund = admin_client.get(_move(order, "refund")).content.decode()
    assert 'name="amount"' in refund and 'value="39.90"' in refund and 'name="tracking_number"' not in refund
    ship = admin_client.get(_move(order, "ship")).content.decode()
    assert 'name="tracking_number"' in ship and 'name="amount"' not in ship


def test_the_dialog_says_what_will_happen_and_who_will_be_told(
    store: Store, admin_client: Client, client_who_may: Callable[..., Client]
) -> None:
    order = _sold(store)
    a_profile(store.location, "Refunds <b>ledger</b>", "all_refunds", "partial_refunds")
    off = a_profile(store.location, "Switched off", "all_refunds")
    type(off).objects.filter(pk=off.pk).update(is_active=False)
    before = Event.objects.count()
    full = admin_client.get(_move(order, "refund")).content.decode()
    assert "Refund of 39.90 (full)" in full and "(All refunds)" in full and "Switched off" not in full
    asked = {"HX-Request": "true", "HX-Target": "foreseen"}
    sent = {"seen": _seen(order), "amount": "10.00"}
    part = admin_client.get(_move(order, "refund"), sent, headers=asked).content.decode()
    assert "Refund of 10.00 (partial)" in part and "(All refunds, Partial refunds)" in part
    assert "Refunds &lt;b&gt;ledger&lt;/b&gt;" in part
    too_much = admin_client.get(_move(order, "refund"), {**sent, "amount": "99"}, headers=asked)
    assert "is more than the 39.90" in too_much.content.decode()
    nobody = admin_client.get(_move(order, "ship")).content.decode()
    assert "No export profile: none has a route for it." in nobody
    unnamed = client_who_may("orders.view_order", "orders.change_order").get(_move(order, "refund"))
    assert "1 export profile." in unnamed.content.decode() and "ledger" not in unnamed.content.decode()
    assert Event.objects.count() == before  # looking does nothing
    order.refresh_from_db()
    assert (order.refunded, order.status) == (0, "COMPLETE")


def test_a_move_is_made_by_who_asks(store: Store, admin_client: Client) -> None:
    html = _make(admin_client, _sold(store), "refund", amount="10.00", reason=HOSTILE)
    assert "Refund: Refund of 10.00 (partial)." in html
    event = Event.objects.get(type="order.refunded")
    assert (event.by, event.data["amount"], event.data["reason"]) == ("admin:admin", "10.00", HOSTILE)
    assert "<script>alert(" not in html


def test_a_move_in_a_dialog_leads_back_to_the_order(store: Store, admin_client: Client) -> None:
    order = _sold(store)
    sent = {"seen": _seen(order), "amount": "10.00"}
    answer = admin_client.post(_move(order, "refund"), sent, headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (204, _page(order))
    refused = admin_client.post(_move(order, "refund"), sent, headers={"HX-Request": "true"})
    assert refused.status_code == 422 and 'id="dialog-title"' in refused.content.decode()


def test_sent_twice_it_is_made_once(store: Store, admin_client: Client) -> None:
    order = _sold(store)
    sent = {"seen": _seen(order), "amount": "10.00"}
    admin_client.post(_move(order, "refund"), sent)
    again = admin_client.post(_move(order, "refund"), sent)
    html = again.content.decode()
    assert again.status_code == 422
    assert "Refund of 10.00 (partial) (by admin:admin). Nothing more was done." in html
    order.refresh_from_db()
    assert order.refunded == Decimal("10.00")
    seen = html.split('name="seen" value="')[1].split('"')[0]  # whoever still wants it says so
    admin_client.post(_move(order, "refund"), {**sent, "seen": seen})
    order.refresh_from_db()
    assert order.refunded == Decimal("20.00")


def test_who_was_slower_is_told_so(store: Store, admin_client: Client) -> None:
    order = _sold(store)
    seen = _seen(order)
    lifecycle.ship(order, by="admin:bob", tracking_number="1Z")
    answer = admin_client.post(_move(order, "ship"), {"seen": seen, "tracking_number": "1Z"})
    html = answer.content.decode()
    assert answer.status_code == 422 and "Shipped 1Z (by admin:bob)" in html
    late = admin_client.get(_move(order, "ship")).content.decode()
    assert "it is shipped" in late and "Somebody may have been faster" in late
    assert Event.objects.filter(type="fulfillment.shipped").count() == 1


def test_a_move_of_a_subscription(store: Store, admin_client: Client) -> None:
    order = _sold(store)
    subscription = order.subscriptions.get()
    _make(admin_client, order, f"pause:{subscription.pk}")
    subscription.refresh_from_db()
    assert subscription.status == "PAUSED"


def test_what_is_not_possible_is_said_and_changes_nothing(store: Store, admin_client: Client) -> None:
    order = _sold(store)
    before = Event.objects.count()
    for key, sent, words in (
        ("refund", {"amount": "1000.00"}, "is more than the 39.90"),
        ("refund", {"amount": "-1"}, "must be more than 0.00"),
        ("refund", {"amount": "ten"}, "Enter a number"),
        ("refund", {"amount": "NaN"}, "Enter a number"),
        ("decline", {}, "cannot be declined"),
        ("ship", {"tracking_number": "1" * 101}, "at most 100 characters"),
        ("refund", {"reason": "a\x00b"}, "Null characters are not allowed"),
        ("refund", {"seen": ""}, "Open it again"),
        ("refund", {"seen": "x"}, "Open it again"),
        ("add_upsell", {"quantity": "1"}, "Choose the product"),
        ("add_upsell", {"product": "No such", "quantity": "1"}, "There is no such product here"),
        ("add_upsell", {"product": "Cream", "quantity": "0"}, "greater than or equal to 1"),
        ("add_upsell", {"product": "Cream", "quantity": "1", "price": "-5"}, "greater than or equal to 0"),
    ):
        assert words in _make(admin_client, order, key, **sent), (key, sent)
    for key in ("destroy", "pause", "pause:999999", "refund:1"):
        assert admin_client.post(_move(order, key), {"seen": 1}).status_code == 404, key
    assert Event.objects.count() == before


def test_an_upsell_has_the_price_of_the_campaign(store: Store, admin_client: Client) -> None:
    order = _sold(store)
    listed = admin_client.get(
        reverse("admin:orders_order_products", args=[order.pk]), {"product": "crea"}
    ).content.decode()
    name = f"Cream (#{store.product.pk})"
    assert f'value="{name}"' in listed
    assert "Upsell of 39.90" in _make(admin_client, order, "add_upsell", product=name, quantity="2")
    other = Product.objects.create(location=store.location, name="Soap", sku="S-1")
    html = _make(admin_client, order, "add_upsell", product="S-1", quantity="1")
    assert "has no price for it" in html
    assert "Upsell of 3.50" in _make(
        admin_client, order, "add_upsell", product="soap", quantity="1", price="3.50"
    )
    assert order.items.filter(type="UPSALE").count() == 2 and other.name == "Soap"


def test_a_product_of_another_location_cannot_be_sold(store: Store, admin_client: Client) -> None:
    order = _sold(store)
    theirs = Product.objects.create(location=Location.objects.create(name="Other"), name="Secret", sku="X")
    for text in (f"Secret (#{theirs.pk})", "X", "Secret"):
        html = _make(admin_client, order, "add_upsell", product=text, quantity="1", price="1")
        assert "There is no such product here" in html, text
    address = reverse("admin:orders_order_products", args=[order.pk])
    assert "Secret" not in admin_client.get(address, {"product": "Secret"}).content.decode()


def test_a_cart_is_changed_line_by_line(store: Store, admin_client: Client) -> None:
    item = store.order.items.get()
    soap = Product.objects.create(location=store.location, name="Soap")
    _make(
        admin_client,
        store.order,
        "update_cart",
        **{f"quantity_{item.pk}": "3", "product": "Soap", "quantity": "1", "price": "2.00"},
    )
    assert [(one.product_id, one.quantity) for one in store.order.items.all()] == [
        (store.product.pk, 3),
        (soap.pk, 1),
    ]
    store.order.refresh_from_db()
    assert store.order.total == Decimal("61.85")
    first = store.order.items.first()
    assert first is not None
    last = store.order.items.last()
    assert last is not None
    _make(
        admin_client,
        store.order,
        "update_cart",
        **{f"quantity_{first.pk}": "0", f"quantity_{last.pk}": "1", "quantity": "1"},
    )
    assert store.order.items.get().product_id == soap.pk


def test_moving_needs_the_permission_to_change(store: Store, client_who_may: Callable[..., Client]) -> None:
    looker = client_who_may("orders.view_order")
    assert "What can be done now" not in looker.get(_page(store.order)).content.decode()
    address = _move(store.order, "complete_sale")
    assert looker.get(address).status_code == 403
    assert looker.post(address, {"seen": _seen(store.order)}).status_code == 403
    products = reverse("admin:orders_order_products", args=[store.order.pk])
    assert looker.get(products).status_code == 403
    store.order.refresh_from_db()
    assert store.order.status == "PARTIAL"
    mover = client_who_may("orders.view_order", "orders.change_order")
    assert mover.post(address, {"seen": _seen(store.order)}).status_code == 302
    store.order.refresh_from_db()
    assert store.order.status == "COMPLETE"


def test_a_move_without_the_token_of_the_form_is_refused(store: Store, admin_user: object) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)  # type: ignore[arg-type]
    sent = {"seen": _seen(store.order)}
    assert client.post(_move(store.order, "complete_sale"), sent).status_code == 403


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
