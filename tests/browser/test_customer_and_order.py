"""What a support agent does: finds the customer, sees what was sent, gives money back, leaves a note."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from delivery.models import Event
from orders import lifecycle
from orders.models import Order
from tests.admin.store import BY, Store, a_profile, a_store
from tests.browser.axe import violations
from tests.browser.conftest import Seen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def _a_sold_store() -> Store:
    store = a_store()
    a_profile(store.location, "Refunds to the accountant", "all_refunds", "partial_refunds")
    lifecycle.complete_sale(store.order, by=BY)
    return store


def _is_as_it_should_be(page: Page, width: int) -> None:
    """Nothing beside the page, and nothing that keeps people out."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


def _search(page: Page, term: str) -> None:
    box = page.get_by_role("searchbox", name=re.compile("Find an order"))
    box.fill(term)
    box.press("Enter")


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (390, "dark")], ids=["desk-light", "phone-dark"]
)
def test_from_an_e_mail_to_a_refund_that_the_history_shows(
    live_server: LiveServer, page: Page, seen: Seen, log_in, width: int, scheme: str
) -> None:
    store = _a_sold_store()
    log_in(User.objects.create_superuser("jane"))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{live_server.url}/admin/")

    _search(page, "nobody@example.com")
    expect(page.get_by_role("heading", name="What can be found")).to_be_visible()
    _is_as_it_should_be(page, width)
    _search(page, "ANN@example.com")
    customer = reverse("admin:customers_customer_change", args=[store.customer.pk])
    expect(page).to_have_url(f"{live_server.url}{customer}")
    expect(page.get_by_role("link", name="1 waiting")).to_be_visible()
    page.get_by_role("link", name="What was sent", exact=True).click()
    history = page.get_by_role("region", name="History")
    expect(history).not_to_contain_text("Called Ann")
    expect(history.locator("a.blue")).to_have_count(1)
    history.get_by_label("Add a note").fill("Will call back <b>tomorrow</b>")
    history.get_by_role("button", name="Add note").click()
    expect(history).to_contain_text("Will call back <b>tomorrow</b>")
    expect(page.get_by_role("status")).to_have_text("The note is in the history.")
    _is_as_it_should_be(page, width)
    history.locator("a.blue").click()
    expect(page.locator("body")).to_contain_text("https://postingmydata.com/partials.php")

    _search(page, store.order.client_order_id.lower())
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Order {store.order.client_order_id}")
    why = page.get_by_role("region", name="Why / why not")
    expect(why).to_contain_text("Call centre partials")
    _is_as_it_should_be(page, width)
    page.get_by_role("group", name="Money").get_by_role("button", name="Refund").click()
    dialog = page.get_by_role("dialog", name="Refund")
    expect(dialog).to_contain_text("Refund of 39.90 (full)")
    expect(dialog.locator(".htmx-added, .htmx-settling")).to_have_count(0)  # nobody types within 20 ms
    dialog.get_by_label("Amount").fill("99")
    expect(dialog).to_contain_text("is more than the 39.90")
    dialog.get_by_label("Amount").fill("10.00")
    expect(dialog).to_contain_text("Refund of 10.00 (partial)")
    expect(dialog).to_contain_text("Refunds to the accountant (All refunds, Partial refunds)")
    _is_as_it_should_be(page, width)
    dialog.get_by_label("Reason").fill("Damaged")
    dialog.get_by_role("button", name="Refund").dblclick()
    expect(page.get_by_text("Refund: Refund of 10.00 (partial).")).to_be_visible()
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("Refund of 10.00 (partial)")
    expect(page.get_by_role("region", name="Why / why not")).to_contain_text("Refunds to the accountant")
    assert Event.objects.filter(type="order.refunded").count() == 1
    assert not seen.complaints


def test_a_move_by_keyboard_and_somebody_who_was_faster(
    live_server: LiveServer, page: Page, seen: Seen, log_in
) -> None:
    store = _a_sold_store()
    log_in(User.objects.create_superuser("jane"))
    page.goto(f"{live_server.url}{reverse('admin:orders_order_change', args=[store.order.pk])}")
    ship = page.get_by_role("button", name="Mark as shipped")
    ship.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Mark as shipped")
    expect(dialog.get_by_label("Tracking number")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(ship).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Tracking number")).to_be_focused()
    page.keyboard.type("1Z999")
    lifecycle.cancel_subscription(store.order.subscriptions.get(), by="admin:bob", reason="Too dear")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("Subscription cancelled: Too dear (by admin:bob)")
    dialog.get_by_label("Tracking number").press("Enter")  # it is still wanted
    expect(page.get_by_text("Mark as shipped: Shipped 1Z999.")).to_be_visible()
    page.get_by_role("button", name="Add an upsell").click()
    upsell = page.get_by_role("dialog", name="Add an upsell")
    upsell.get_by_label("Product").fill("Crea")
    expect(upsell.locator("datalist option")).to_have_count(1)
    upsell.get_by_label("Product").fill(f"Cream (#{store.product.pk})")
    expect(upsell).to_contain_text("Upsell of 19.95")
    assert violations(page) == []
    upsell.get_by_role("button", name="Add an upsell").click()
    expect(page.get_by_text("Add an upsell: Upsell of 19.95")).to_be_visible()
    assert Order.objects.get(pk=store.order.pk).has_upsell
    assert not seen.complaints
