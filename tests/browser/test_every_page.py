"""Every page of the menu, and a row of each: readable by everybody, on a desk and on a phone in the dark."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from config.menu import MENU
from tests.admin.store import Store, a_store
from tests.browser.axe import violations
from tests.browser.conftest import Seen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def _pages(store: Store) -> list[str]:
    rows = {
        "customers_customer": store.customer,
        "customers_location": store.location,
        "orders_order": store.order,
        "orders_campaign": store.campaign,
        "orders_product": store.product,
        "exports_exportprofile": store.profile,
        "delivery_delivery": store.delivery,
        "delivery_endpoint": store.profile.endpoint,
    }
    lists = [page.name for section in MENU.values() for page in section]
    return [
        *(reverse(f"admin:{name}") for name in lists),
        *(reverse(f"admin:{name}_change", args=[row.pk]) for name, row in rows.items()),
        reverse("admin:exports_why", args=[store.order.pk]),
        reverse("admin:exports_exportprofile_versions", args=[store.profile.pk]),
        reverse("admin:delivery_endpoint_signatures", args=[store.profile.endpoint_id]),
        reverse("admin:search") + "?q=Ann",
    ]


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (390, "dark")], ids=["desk-light", "phone-dark"]
)
def test_is_for_everybody(
    live_server: LiveServer, page: Page, seen: Seen, log_in, width: int, scheme: str
) -> None:
    pages = _pages(a_store())
    log_in(User.objects.create_superuser("jane"))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    faults: dict[str, list[str]] = {}
    for path in pages:
        page.goto(f"{live_server.url}{path}")
        found = violations(page)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append("the page scrolls sideways")
        if found:
            faults[path] = found
    assert faults == {}
    assert not seen.complaints
