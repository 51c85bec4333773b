"""Add Postback as the seed documentation walks it: Locations, a location, settings, postback config."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from delivery import worker
from delivery.models import Delivery
from postbacks.models import PostbackConfig
from tests.browser.axe import violations
from tests.browser.conftest import Seen
from tests.postbacks.listeners import a_contact, a_location, all_said, carry
from tests.receiver import Receiver

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[[User], None]


def test_step_by_step(
    page: Page, live_server: LiveServer, log_in: LogIn, seen: Seen, receiver: Receiver
) -> None:
    receiver.answers("/receiver", 500, 200)
    here = a_location("Berlin store")
    a_location("Paris store")
    log_in(User.objects.create_superuser("jane"))
    page.goto(live_server.url + "/admin/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Locations").click()
    page.get_by_role("searchbox").last.fill("berlin")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Paris store")).to_have_count(0)
    page.get_by_role("link", name="Berlin store", exact=True).click()
    _look(page, "location")
    page.get_by_role("link", name="Postback Config").click()
    _look(page, "empty")
    page.get_by_role("link", name="Add Postback").click()
    page.get_by_label("URL").fill("http://10.0.0.1/receiver")
    page.get_by_label("Resource").select_option("contact")
    page.get_by_label("Number of attempts").fill("2")
    _look(page, "add")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("10.0.0.1 is not a public address")).to_be_visible()
    _look(page, "refused")
    page.get_by_label("URL").fill(receiver.url("/receiver"))
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("Nothing has been posted yet.")).to_be_visible()

    a_contact(here)
    carry()
    page.reload()
    expect(page.get_by_role("cell", name="500 Internal Server Error")).to_be_visible()
    _look(page, "log")
    page.get_by_role("button", name="Send again what happened").click()
    worker.drain()
    config = PostbackConfig.objects.get()
    page.goto(f"{live_server.url}/admin/postbacks/postbackconfig/{config.pk}/change/")
    page.get_by_role("link", name="What was sent at").click()
    _look(page, "sent")
    assert [one.number for one in all_said(receiver)] == [1, 2]

    page.goto(f"{live_server.url}/admin/postbacks/postbackconfig/{config.pk}/change/")
    page.get_by_role("button", name="Send test").click()
    worker.drain()
    assert Delivery.objects.filter(is_test=True, state="delivered").count() == 1
    page.goto(f"{live_server.url}/admin/postbacks/postbackconfig/")
    _look(page, "list")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/admin/postbacks/postbackconfig/{config.pk}/change/")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    _look(page, "phone")
    page.get_by_role("link", name="Delete").first.click()
    _look(page, "delete")
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("Its log is kept")).to_be_visible()
    assert seen.complaints == []


def _look(page: Page, name: str) -> None:
    """Nothing serious for who cannot see it; and a picture for who wants to look."""
    assert violations(page) == []
    if folder := os.environ.get("POSTRIDER_TEST_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"postback-{name}.png"), full_page=True)
