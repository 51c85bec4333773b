"""The frame of every page: menu, search, light and dark, desk and phone."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.admin.store import a_store
from tests.browser.axe import violations
from tests.browser.conftest import Seen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_the_menu_leads_everywhere(
    live_server: LiveServer, page: Page, seen: Seen, log_in, width: int, scheme: str
) -> None:
    a_store()
    log_in(User.objects.create_superuser("jane"))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{live_server.url}/admin/")
    menu = page.get_by_role("navigation", name="Main")
    if width < 500:
        expect(menu.get_by_role("link", name="Orders")).to_be_hidden()
        page.get_by_role("button", name="Menu").click()
    menu.get_by_role("link", name="Orders").click()
    expect(page).to_have_url(f"{live_server.url}/admin/orders/order/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
    if width < 500:
        page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("navigation", name="Filter")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    assert not seen.complaints
