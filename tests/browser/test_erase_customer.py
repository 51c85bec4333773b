"""What an administrator does for whoever asks to be forgotten: types the number, sees that it is done."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from customers import erasing
from customers.models import Customer
from tests.admin.store import a_store
from tests.browser.axe import violations
from tests.browser.conftest import Seen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (390, "dark")], ids=["desk-light", "phone-dark"]
)
def test_from_the_customer_to_erased_on(
    live_server: LiveServer, page: Page, seen: Seen, log_in, width: int, scheme: str
) -> None:
    def is_as_it_should_be() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []

    store = a_store()
    log_in(User.objects.create_superuser("jane"))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{live_server.url}{reverse('admin:customers_customer_change', args=[store.customer.pk])}")
    page.get_by_role("link", name="Erase personal data…").click()
    what = page.get_by_role("region", name="What is emptied")
    expect(what.get_by_role("row", name="Orders 1")).to_be_visible()
    expect(what.get_by_role("row", name="Waiting deliveries among them, to be cancelled 1")).to_be_visible()
    is_as_it_should_be()

    number = page.get_by_label("To confirm, type the customer's number")
    number.fill("0")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.locator("body")).to_contain_text("This is not the customer's number.")
    is_as_it_should_be()
    page.get_by_label("To confirm, type the customer's number").fill(str(store.customer.pk))
    page.get_by_role("button", name="Erase for good").click()
    expect(page.locator("body")).to_contain_text("being erased")
    expect(page.locator("body")).to_contain_text("Still to be emptied: deliveries: 1")
    expect(page.get_by_role("link", name="Erase personal data…")).to_have_count(0)
    is_as_it_should_be()

    erasing.task()
    assert Customer.objects.get(pk=store.customer.pk).erased_at is not None
    page.reload()
    expect(page.locator("body")).to_contain_text("Erased on")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Customer {store.customer.pk}")
    is_as_it_should_be()
    page.get_by_role("region", name="History").locator("a.blue").first.click()
    expect(page.locator("body")).to_contain_text("SHA-256 of what it said")
    expect(page.get_by_role("link", name="Send again…")).to_have_count(0)
    is_as_it_should_be()
    assert not seen.complaints
