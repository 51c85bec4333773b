"""A mistake in a profile is found in its versions and undone; and who guesses a password reads what to do."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from exports import services
from exports.models import ExportProfile
from tests.admin.store import BY, SECRET, a_store
from tests.browser.axe import violations
from tests.browser.conftest import Seen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_a_mistake_is_undone(
    live_server: LiveServer,
    page: Page,
    seen: Seen,
    log_in: Callable[[User], None],
    width: int,
    scheme: str,
) -> None:
    store = a_store()
    services.edit_profile(store.profile, by=BY, url="https://example.com/" + "a-long-way/" * 20)
    log_in(User.objects.create_superuser("jane"))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{live_server.url}/admin/exports/exportprofile/{store.profile.pk}/change/")
    page.get_by_role("link", name="Versions", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Versions of Call centre partials")
    expect(page.locator("body")).to_contain_text("changed Postback URL")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="Undo to this version 1").first.click()
    expect(page.locator("body")).to_contain_text("https://postingmydata.com/partials.php")
    assert violations(page) == []
    page.get_by_role("button", name="Undo to version 1").click()
    expect(page.locator("body")).to_contain_text("is again as it was in version 1")
    stored = ExportProfile.objects.get(pk=store.profile.pk)
    assert stored.url == "https://postingmydata.com/partials.php"
    page.goto(f"{live_server.url}/admin/audit/change/")
    page.locator("#result_list th a").first.click()
    expect(page.locator("body")).to_contain_text("admin:jane")
    page.get_by_text("After, as a whole").click()
    assert violations(page) == []
    assert SECRET not in page.content()
    assert not seen.complaints


def test_who_guesses_reads_what_to_do(live_server: LiveServer, page: Page) -> None:
    User.objects.create_superuser("jane", password="correct horse")
    for _ in range(5):
        page.goto(f"{live_server.url}/admin/login/")
        page.get_by_label("Username").fill("jane")
        page.get_by_label("Password").fill("a guess")
        page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Too many failed logins")
    expect(page.locator("body")).to_contain_text("ask an administrator for a new one")
    assert violations(page) == []
