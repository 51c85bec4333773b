"""The profile page as the seed documentation walks it (Steps 3 to 5), with the preview that no seed has."""

from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from delivery import worker
from delivery.models import Delivery, Endpoint
from exports import services
from exports.models import ExportProfile
from tests.admin.store import SECRET, Store, a_store
from tests.browser.axe import violations
from tests.browser.conftest import Seen
from tests.receiver import Answer, Receiver

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

URL = "https://postingmydata.com/partials.php"
LogIn = Callable[[User], None]


@pytest.fixture
def store(transactional_db: None, settings: LazySettings) -> Store:
    settings.POSTRIDER_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    made = a_store()
    Delivery.objects.filter(pk=made.delivery.pk).update(due_at=None, state="delivered")
    Endpoint.objects.update(ready_at=None)
    return made


def _empty_profile(store: Store) -> ExportProfile:
    """As Step 2 leaves it: a name and a type; with a route, which is Step 6."""
    profile = services.create_profile(location=store.location, name="Call Center", by="admin:jane", url=URL)
    services.add_route(profile, customer_type="partial", by="admin:jane")
    return profile


def _open(page: Page, live_server: LiveServer, log_in: LogIn, profile: ExportProfile) -> None:
    log_in(User.objects.create_superuser("jane"))
    page.goto(f"{live_server.url}/admin/exports/exportprofile/{profile.pk}/change/")


def _row(page: Page, name: str) -> Locator:
    """The line of a mapping, by its export name; a header's without the word header."""
    return page.locator("#mappings > .mapping").filter(has=page.locator(f'.name:text-is("{name}")'))


def _names(page: Page) -> list[str]:
    return page.locator("#mappings > .mapping:not(.removed) .name").all_inner_texts()


def _map(page: Page, name: str, search: str, field: str = "", static: str = "", secret: bool = False) -> None:
    """The green +, and the dialog, as a person goes through it."""
    page.get_by_role("button", name="Add a field mapping").click()
    dialog = page.get_by_role("dialog", name="Add a field mapping")
    dialog.get_by_label("Export Name").fill(name)
    dialog.get_by_label("Field", exact=True).press_sequentially(search)
    dialog.get_by_role("option").filter(has=page.locator(f'code:text-is("{field or search}")')).click()
    if static:
        dialog.get_by_label("Static Value").fill(static)
    else:
        expect(dialog.get_by_label("Static Value")).to_be_disabled()
    if secret:
        dialog.get_by_label("secret").check()
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_be_hidden()


def _lines(page: Page) -> Locator:
    return page.locator("#draft ol.request")


def _update(page: Page) -> None:
    page.get_by_role("button", name="Update").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    expect(page.locator("#unsaved.is-unsaved")).to_have_count(0)


def test_steps_3_to_5_of_the_seed(
    live_server: LiveServer, page: Page, seen: Seen, log_in: LogIn, store: Store
) -> None:
    profile = _empty_profile(store)
    _open(page, live_server, log_in, profile)
    expect(page.locator("#no-mapping")).to_contain_text("Nothing is mapped yet")
    page.get_by_label("Export Delay").fill("5")
    _map(page, "first_name", "first", "firstName")
    expect(_lines(page)).to_contain_text("?first_name=Ann")  # before anything is saved
    _map(page, "order_date", "orderDate")
    _map(page, "list_id", "Static", static="400")
    _map(page, "email_address", "email", "emailAddress")
    _map(page, "campaign_number", "campaignId")
    expect(_lines(page)).to_contain_text("&campaign_number=")
    expect(_row(page, "first_name").locator(".open")).to_have_text("first_name ← [firstName]")
    expect(_row(page, "email_address").locator(".value")).to_have_text("ann@example.com")
    expect(_row(page, "list_id").locator(".value")).to_have_text("400")
    assert not profile.mappings.exists()
    expect(page.locator("#unsaved")).to_contain_text("Not saved yet")
    expect(page.get_by_role("button", name="Send test")).to_be_disabled()
    page.get_by_text("View output (template)").click()
    expect(page.locator("#template")).to_have_text(
        f"{URL}?first_name=[firstName]&order_date=[orderDate]&list_id=400"
        "&email_address=[emailAddress]&campaign_number=[campaignId]"
    )
    _update(page)
    profile.refresh_from_db()
    assert (profile.delay_minutes, profile.version) == (5, 2)  # one version for all of it
    assert [str(row) for row in profile.mappings.all()] == [
        "first_name ← firstName",
        "order_date ← orderDate",
        "list_id ← Static",
        "email_address ← emailAddress",
        "campaign_number ← campaignId",
    ]
    expect(page.locator("#draft .state")).to_contain_text("This is what is live.")
    assert violations(page) == []
    assert not seen.complaints


def test_a_json_post_with_a_secret_is_tried_on_the_partner(
    live_server: LiveServer, page: Page, seen: Seen, log_in: LogIn, store: Store, receiver: Receiver
) -> None:
    receiver.answers("/partner", Answer(200, b'{"result": "ERROR", "why": "duplicate"}'))
    _open(page, live_server, log_in, store.profile)
    page.get_by_label("Postback URL").fill(receiver.url("/partner"))
    expect(_lines(page)).to_contain_text(f"GET {receiver.url('/partner')}")
    _map(page, "header:Content-Type", "Static", static="application/json")
    _map(page, "header:X-Key", "Static", static="hush", secret=True)
    expect(_row(page, "Content-Type")).to_contain_text("header")
    expect(_lines(page).locator("li.draft").first).to_contain_text("POST")
    expect(_lines(page)).to_contain_text('"first_name": "Ann')
    expect(_lines(page).locator("li.live").first).to_contain_text("GET https://postingmydata.com")
    _update(page)
    page.get_by_role("button", name="Send test").click()
    expect(page.locator("#test-outcome")).to_contain_text("Queued")
    worker.drain()
    expect(page.locator("#test-outcome")).to_contain_text("Delivered")
    expect(page.locator("#test-outcome")).to_contain_text("duplicate")
    (request,) = receiver.requests
    assert (request.method, request.header("X-Key")) == ("POST", "hush")
    assert b'"token":"hunter2-static-secret"' in request.body
    # The partner said no with a 200: a success rule sees that, and would have seen it just now.
    expect(page.get_by_label("Path")).to_be_hidden()
    page.get_by_label("Accepted if").select_option("json")
    page.get_by_label("Path").fill("result")
    page.get_by_label("Text", exact=True).fill("OK")
    expect(page.locator("#accepted-said")).to_contain_text("would not pass: At result the answer has “ERROR”")
    page.get_by_label("Accepted if").select_option("contains")
    expect(page.get_by_label("Path")).to_be_hidden()
    assert SECRET not in page.content() and "hush" not in page.content()
    page.get_by_role("link", name="Discard").click()
    expect(page.locator("#unsaved.is-unsaved")).to_have_count(0)
    assert not seen.complaints


def test_rows_are_sorted_edited_removed_and_kept(
    live_server: LiveServer, page: Page, seen: Seen, log_in: LogIn, store: Store
) -> None:
    _open(page, live_server, log_in, store.profile)
    assert _names(page) == ["first_name", "order", "list_id", "token"]
    # by keyboard: the third one up
    page.get_by_role("button", name="Move list_id up").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert _names(page) == ["list_id", "first_name", "order", "token"]
    expect(page.locator("#mappings-said")).to_have_text("list_id: now number 1 of 4.")
    expect(_lines(page)).to_contain_text("?list_id=400")
    # by hand
    _row(page, "order").locator(".handle").drag_to(_row(page, "list_id"), target_position={"x": 30, "y": 4})
    expect(page.locator("#mappings > .mapping .name").first).to_have_text("order")
    # in place, by keyboard
    _row(page, "first_name").locator(".open").press("Enter")
    dialog = page.get_by_role("dialog", name="Edit the field mapping")
    expect(dialog.get_by_label("Field", exact=True)).to_have_value("firstName")
    assert violations(page) == []
    dialog.get_by_label("Field", exact=True).fill("frstName")
    dialog.get_by_label("Export Name").press("Enter")
    expect(dialog.get_by_label("Field", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(dialog).to_contain_text("Did you mean firstName?")
    dialog.get_by_label("Field", exact=True).fill("last")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Field", exact=True)).to_have_value("lastName")
    dialog.get_by_role("button", name="Done").click()
    expect(_row(page, "first_name").locator(".value")).to_have_text("Löve")
    # removed, and one of them kept after all
    page.get_by_role("button", name="Remove list_id").click()
    page.get_by_role("button", name="Remove token").click()
    expect(_lines(page).locator("li:not(.live)").filter(has_text="list_id")).to_have_count(0)
    page.get_by_role("button", name="Keep token after all").click()
    # who leaves now is asked
    asked: list[str] = []
    page.remove_listener("dialog", seen._dialog)
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="Home").click()
    expect(page.locator("#unsaved")).to_contain_text("Not saved yet")
    assert asked == ["beforeunload"]
    _update(page)
    rows = [(row.export_name, row.field) for row in store.profile.mappings.all()]
    assert rows == [("order", "clientOrderId"), ("first_name", "lastName"), ("token", "Static")]
    assert store.profile.mappings.get(export_name="token").secret_value == SECRET
    assert not seen.complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(
    live_server: LiveServer, page: Page, seen: Seen, log_in: LogIn, store: Store, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    _open(page, live_server, log_in, store.profile)
    _map(page, "city", "city")
    expect(_lines(page).locator("li.draft")).to_contain_text("city=")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert violations(page) == []
    page.get_by_role("button", name="Add a field mapping").click()
    page.get_by_role("dialog").get_by_label("Field", exact=True).press_sequentially("order")
    expect(page.get_by_role("dialog").get_by_role("option").first).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("textbox", name="Order number", exact=True).last.fill(store.order.client_order_id)
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#why")).to_contain_text("matched by route 1")
    expect(page.locator("#unsaved")).to_contain_text("Not saved yet")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("dialog", name="Switch off")).to_contain_text("nothing is lost")
    assert violations(page) == []
    assert not seen.complaints


def test_a_row_that_is_half_typed_loses_no_preview(
    live_server: LiveServer, page: Page, seen: Seen, log_in: LogIn, store: Store
) -> None:
    """And who has no scripts sees inputs, and the same rules."""
    _open(page, live_server, log_in, store.profile)
    page.get_by_label("Postback URL").fill("htps:/")
    expect(page.locator("#draft-faults")).to_contain_text("must begin with https://")
    expect(_lines(page)).to_contain_text("first_name=Ann")
    page.get_by_label("Postback URL").fill(URL)
    expect(page.locator("#draft-faults")).to_be_empty()
    page.get_by_label("or an order number").fill("nope")
    expect(page.locator("#draft")).to_contain_text("There is no order “nope”")
    assert not seen.complaints
