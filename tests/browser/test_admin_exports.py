"""ADMIN | EXPORTS as the documentation walks through it (its Steps 1, 2 and 6), by mouse and by keyboard."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.services import only_location
from exports.models import ExportProfile, Route
from orders.models import Campaign, Product
from tests.admin.store import SCRIPT, a_profile, a_store
from tests.browser.axe import violations
from tests.browser.conftest import Seen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BOARD = "/admin/exports/"
LogIn = Callable[[User], None]


def _half(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def _no_sideways_scrolling(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def _seed_campaigns() -> None:
    """The seed's campaigns, of a store that sells more than a select box should hold."""
    location = only_location()
    Campaign.objects.create(location=location, name="Lander")
    Campaign.objects.create(location=location, name="Lander 2")
    Product.objects.bulk_create(
        Product(location=location, name=f"Cream {number:02}", sku=f"N-{number}") for number in range(60)
    )


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")], ids=["desk", "phone-dark"])
def test_steps_1_2_and_6(
    live_server: LiveServer, page: Page, seen: Seen, log_in: LogIn, width: int, scheme: str
) -> None:
    _seed_campaigns()
    log_in(User.objects.create_superuser("jane"))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{live_server.url}/admin/")

    # Step 1: Go to ADMIN | EXPORTS page by using the main navigation.
    if width < 500:
        page.get_by_role("button", name="Menu").click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Exports").click()
    expect(page).to_have_url(f"{live_server.url}{BOARD}")
    profiles, routing = _half(page, "Export Profiles"), _half(page, "Profile Routing")
    expect(profiles).to_contain_text("No export profiles yet")
    expect(routing).to_contain_text("No routes yet, so nothing is exported")
    assert violations(page) == [] and _no_sideways_scrolling(page)

    # Step 2: Create a New Export Profile by clicking the green + button. Enter your profile name and select
    # Postback as the export type. Click create and the profile will be added to your Export Profile List.
    profiles.get_by_role("button", name="New export profile").click()
    dialog = page.get_by_role("dialog")
    assert violations(page) == [] and _no_sideways_scrolling(page)
    dialog.get_by_label("Profile name").fill("Call centre")
    dialog.get_by_label("Export type").select_option("Postback")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_be_hidden()
    line = profiles.get_by_role("row").filter(has_text="Call centre")
    expect(line).to_contain_text("no route yet")
    expect(line).to_contain_text("new")
    expect(page.locator("#told")).to_contain_text("“Call centre” is created")
    expect(routing).to_contain_text("No routes yet")

    # Step 3 begins: click edit to enter the profile configuration page. Step 6: click on Export Profiles on
    # the top bar to navigate back.
    line.get_by_role("link", name="edit").click()
    profile = ExportProfile.objects.get()
    expect(page).to_have_url(f"{live_server.url}/admin/exports/exportprofile/{profile.pk}/change/")
    page.get_by_role("link", name="Export Profiles", exact=True).click()
    expect(page).to_have_url(f"{live_server.url}{BOARD}")

    # Example 1: Exporting partials from a specific campaign.
    for number, campaign in enumerate(("Lander", "Lander 2"), start=1):
        routing.get_by_role("button", name="New route").click()
        if number == 1:
            assert violations(page) == [] and _no_sideways_scrolling(page)
        dialog.get_by_label("Profile").select_option(f"Call centre (#{profile.pk})")
        dialog.get_by_label("Customer type").select_option(
            "Partial – only incomplete orders (also called leads)"
        )
        dialog.get_by_label("Campaign").select_option(campaign)
        dialog.get_by_role("button", name="Create").click()
        expect(dialog).to_be_hidden()
        expect(routing.get_by_role("row").filter(has_text="Partial")).to_have_count(number)
    expect(profiles.get_by_role("row").filter(has_text="Call centre")).not_to_contain_text("no route yet")

    # Sales too, of one product among very many; then the route is edited and removed.
    routing.get_by_role("button", name="New route").click()
    dialog.get_by_label("Profile").select_option(f"Call centre (#{profile.pk})")
    dialog.get_by_label("Customer type").select_option("new_sale")
    dialog.get_by_role("combobox", name="Product").fill("cream 5")
    expect(dialog.get_by_role("listbox", name="All products").get_by_role("option")).to_have_count(10)
    assert violations(page) == []
    dialog.get_by_role("option", name="Cream 57 (N-57)").click()
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_be_hidden()
    sales = routing.get_by_role("row").filter(has_text="New Sale")
    expect(sales).to_contain_text("Cream 57")
    sales.get_by_role("link", name="edit").click()
    expect(dialog.get_by_role("combobox", name="Product")).to_have_value("Cream 57 (N-57)")
    dialog.get_by_role("combobox", name="Product").fill("")
    dialog.get_by_role("button", name="Update").click()
    expect(sales).not_to_contain_text("Cream 57")
    sales.get_by_role("link", name="remove").click()
    expect(dialog).to_contain_text("no longer exports New Sale")
    assert violations(page) == [] and _no_sideways_scrolling(page)
    dialog.get_by_role("button", name="Remove").click()
    expect(sales).to_have_count(0)
    assert list(Route.objects.values_list("customer_type", "campaign__name")) == [
        ("partial", "Lander"),
        ("partial", "Lander 2"),
    ]
    assert violations(page) == [] and _no_sideways_scrolling(page)
    assert not seen.complaints


def test_both_dialogs_by_keyboard(live_server: LiveServer, page: Page, seen: Seen, log_in: LogIn) -> None:
    store = a_store()
    _seed_campaigns()
    log_in(User.objects.create_superuser("jane"))
    page.goto(f"{live_server.url}{BOARD}")
    dialog, keys = page.get_by_role("dialog"), page.keyboard
    for name in ("New export profile", "New route"):
        plus = page.get_by_role("button", name=name)
        plus.focus()
        keys.press("Enter")
        expect(dialog).to_be_visible()
        keys.press("Escape")
        expect(dialog).to_be_hidden()
        expect(plus).to_be_focused()

    # A profile: a name that is taken is said, and the box with it has the focus.
    plus = page.get_by_role("button", name="New export profile")
    plus.focus()
    keys.press("Space")
    name = dialog.get_by_label("Profile name")
    expect(name).to_be_focused()
    keys.type(store.profile.name)
    keys.press("Enter")
    expect(dialog).to_contain_text("already")
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    assert violations(page) == []
    keys.press("Control+A")
    keys.type("By keyboard")
    for _ in range(3):  # the type, Cancel, Create
        keys.press("Tab")
    keys.press("Enter")
    expect(dialog).to_be_hidden()
    expect(plus).to_be_focused()

    # A route: Escape closes the list first, the dialog second.
    plus = page.get_by_role("button", name="New route")
    plus.focus()
    keys.press("Enter")
    profile = dialog.get_by_label("Profile")
    expect(profile).to_be_focused()
    keys.type("By key")
    keys.press("Tab")
    keys.type("Decl")
    keys.press("Tab")
    keys.press("Tab")
    product = dialog.get_by_role("combobox", name="Product")
    expect(product).to_be_focused()
    keys.press("ArrowDown")
    expect(dialog.get_by_role("listbox", name="All products")).to_be_visible()
    keys.press("Escape")
    expect(dialog.get_by_role("listbox", name="All products")).to_be_hidden()
    expect(dialog).to_be_visible()
    keys.type("n-5")
    expect(dialog.get_by_role("listbox", name="All products").get_by_role("option").first).to_contain_text(
        "N-5"
    )
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(product).to_have_value("Cream 05 (N-5)")
    keys.press("Enter")
    expect(dialog).to_be_hidden()
    expect(plus).to_be_focused()
    route = Route.objects.get(customer_type="decline")
    assert (route.profile.name, route.product.name) == ("By keyboard", "Cream 05")
    assert not seen.complaints


def test_filters_switches_and_pages(live_server: LiveServer, page: Page, seen: Seen, log_in: LogIn) -> None:
    store = a_store()
    for number in range(30):
        a_profile(store.location, f"Partner {number:02} {SCRIPT}", "new_sale", "decline")
    log_in(User.objects.create_superuser("jane"))
    page.goto(f"{live_server.url}{BOARD}")
    profiles, routing, dialog = (
        _half(page, "Export Profiles"),
        _half(page, "Profile Routing"),
        page.get_by_role("dialog"),
    )
    expect(profiles.get_by_role("row")).to_have_count(26)

    # As one types; the address can be kept.
    profiles.get_by_role("searchbox").fill("partner 1")
    expect(profiles.get_by_role("row")).to_have_count(11)
    expect(page).to_have_url(f"{live_server.url}{BOARD}?q=partner+1")
    routing.get_by_role("link", name="Next").click()
    expect(routing).to_contain_text("page 2 of 3")
    expect(page).to_have_url(f"{live_server.url}{BOARD}?q=partner+1&rpage=2")
    page.reload()
    expect(profiles.get_by_role("row")).to_have_count(11)
    expect(routing).to_contain_text("page 2 of 3")
    expect(profiles.get_by_role("searchbox")).to_have_value("partner 1")

    # The number of routes leads to them; the box says whose they are, and another profile is looked up in it.
    line = profiles.get_by_role("row").filter(has_text="Partner 13")
    line.get_by_title("Show only the routes of this profile").click()
    expect(routing.get_by_role("row")).to_have_count(3)
    box = routing.get_by_role("combobox", name="Only the routes of this profile")
    expect(box).to_have_value(f"Partner 13 {SCRIPT}")
    box.fill("call")
    routing.get_by_role("option").filter(has_text="Call centre").click()
    expect(routing.get_by_role("row")).to_have_count(2)
    box.fill("")
    expect(routing.get_by_role("row")).to_have_count(26)

    # Off at once, on after a question; the focus stays at the switch.
    switch = line.get_by_role("switch")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(switch).to_be_focused()
    expect(page.locator("#told")).to_contain_text("is switched off")
    profiles.get_by_label("On or off").select_option("Off")
    expect(profiles.get_by_role("row")).to_have_count(2)
    switch.click()
    assert violations(page) == []
    dialog.get_by_role("button", name="Switch on").click()
    expect(dialog).to_be_hidden()
    expect(profiles).to_contain_text("No profile is like that")
    profiles.get_by_role("link", name="Show all profiles").click()

    # Clone.
    profiles.get_by_role("row").filter(has_text="Call centre").get_by_role("link", name="clone").click()
    expect(dialog.get_by_label("Name of the copy")).to_have_value("Call centre partials (copy)")
    assert violations(page) == []
    dialog.get_by_role("button", name="Clone").click()
    expect(profiles.locator("tr.new")).to_contain_text("Call centre partials (copy)")
    assert not ExportProfile.objects.get(name="Call centre partials (copy)").is_active
    assert not seen.complaints
