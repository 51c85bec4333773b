"""The main job as staff see it: from the login to the customer, the history, and the bytes that went out."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.admin.store import SECRET, a_store
from tests.browser.conftest import Seen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_from_the_login_to_what_was_sent(live_server: LiveServer, page: Page, seen: Seen, width: int) -> None:
    store = a_store()
    User.objects.create_superuser("jane", password="correct horse")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{live_server.url}/admin/customers/customer/")
    page.get_by_label("Username").fill("jane")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    page.locator("#result_list a").filter(has_text="Ann").click()
    said = f"Order {store.order.client_order_id} failed to export to export profile"
    expect(page.locator("body")).to_contain_text(said)
    page.locator("a.blue").first.click()
    expect(page).to_have_url(f"{live_server.url}/admin/delivery/delivery/{store.delivery.pk}/change/")
    expect(page.locator("body")).to_contain_text("https://postingmydata.com/partials.php")
    expect(page.locator("body")).to_contain_text("404 Not Found")
    assert SECRET not in page.content()
    assert not seen.complaints
