"""The page that describes the API: works under the strict policy, from files of ours, and calls the API."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.models import Location
from tests.api.clients import an_integrator
from tests.browser.conftest import Seen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_description_is_shown_and_tried(live_server: LiveServer, page: Page, seen: Seen) -> None:
    api = an_integrator(Location.objects.create(name="Main store"))
    page.goto(f"{live_server.url}/v2/docs")
    expect(page.get_by_role("heading", name="Postrider")).to_be_visible()
    page.get_by_role("button", name="Authorize").first.click()
    for name, value in api.headers.items():
        page.locator(f".auth-container:has-text('Name: {name}') input").fill(value)
        page.locator(f".auth-container:has-text('Name: {name}') button[type=submit]").click()
    page.locator(".btn-done").first.click()
    page.locator("#operations-contacts-list_contact .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table td.response-col_status").nth(1)).to_contain_text("200")
    assert not seen.complaints
