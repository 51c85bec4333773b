"""Which pictures there are, and how one comes to each page: as a person would, by its links."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page


@dataclass(frozen=True)
class Picture:
    """One file. `open` leads the page there."""

    name: str
    open: Callable[[Page], object]
    is_dark: bool = False
    is_phone: bool = False
    is_whole: bool = True
    is_logged_in: bool = True


def _at(path: str) -> Callable[[Page], object]:
    return lambda page: page.goto(path)


def _first(path: str, link: str) -> Callable[[Page], object]:
    """The page behind the first link of that address in a list."""

    def lead(page: Page) -> None:
        page.goto(path)
        page.locator(f"#result_list a[href*='{link}'][href*='/change/']").first.click()
        page.wait_for_load_state()

    return lead


def _exported_order(page: Page) -> None:
    """An order of which something was sent."""
    page.goto("/admin/delivery/delivery/?state__exact=delivered&q=fulfilment")
    page.locator("#content a[href*='/admin/orders/order/']").first.click()
    page.wait_for_load_state()


def _exported_customer(page: Page) -> None:
    _exported_order(page)
    page.locator("#content a[href*='/admin/customers/customer/']").first.click()
    page.wait_for_load_state()


def _new_profile(page: Page) -> None:
    page.goto("/admin/exports/")
    page.get_by_role("button", name="New export profile").click()
    page.locator("#dialog[open]").wait_for()


def _new_route(page: Page) -> None:
    page.goto("/admin/exports/")
    page.get_by_role("button", name="New route").click()
    page.locator("#dialog[open]").wait_for()


def _profile(page: Page) -> None:
    """The one that sends JSON."""
    page.goto("/admin/exports/")
    page.get_by_role("link", name="Sales to fulfilment", exact=True).first.click()
    page.wait_for_load_state()


def _new_mapping(page: Page) -> None:
    _profile(page)
    page.get_by_role("button", name="Add a field mapping").click()
    page.locator("dialog[open]").wait_for()


def _refund(page: Page) -> None:
    page.goto("/admin/delivery/delivery/?q=fulfilment")
    page.locator("#content a[href*='/admin/orders/order/']").first.click()
    page.get_by_role("link", name="Cancel the order").or_(
        page.get_by_role("button", name="Cancel the order")
    ).first.click()
    page.locator("dialog[open]").wait_for()


def _versions(page: Page) -> None:
    _profile(page)
    page.get_by_role("link", name="Versions").click()
    page.wait_for_load_state()


def _sent_again(page: Page) -> None:
    """The list of what was sent again, after one delivery was."""
    page.goto("/admin/delivery/delivery/?state__exact=delivered")
    page.locator("#result_list input[type=checkbox]").nth(1).check()
    page.locator("#result_list input[type=checkbox]").nth(2).check()
    page.locator("select[name=action]").first.select_option(index=1)
    page.get_by_role("button", name="Go").first.click()
    page.locator("#content form button[type=submit], #content form input[type=submit]").last.click()
    page.wait_for_load_state()
    page.goto("/admin/delivery/replay/")


def _postbacks(page: Page) -> None:
    page.goto("/admin/customers/location/")
    page.locator("#result_list a").first.click()
    page.get_by_role("link", name="Postback Config").first.click()
    page.wait_for_load_state()


PICTURES = (
    Picture("login", _at("/admin/login/"), is_whole=False, is_logged_in=False),
    Picture("dashboard", _at("/admin/")),
    Picture("dashboard-dark", _at("/admin/"), is_dark=True),
    Picture("dashboard-phone", _at("/admin/"), is_phone=True),
    Picture("exports", _at("/admin/exports/")),
    Picture("exports-dark", _at("/admin/exports/"), is_dark=True),
    Picture("exports-phone", _at("/admin/exports/"), is_phone=True),
    Picture("exports-new-profile", _new_profile, is_whole=False),
    Picture("exports-new-route", _new_route, is_whole=False),
    Picture("profile", _profile),
    Picture("profile-dark", _profile, is_dark=True),
    Picture("profile-phone", _profile, is_phone=True),
    Picture("profile-new-mapping", _new_mapping, is_whole=False),
    Picture("profile-versions", _versions),
    Picture("customers", _at("/admin/customers/customer/")),
    Picture("customer", _exported_customer),
    Picture("customer-phone", _exported_customer, is_phone=True),
    Picture("orders", _at("/admin/orders/order/")),
    Picture("order", _exported_order),
    Picture("order-phone", _exported_order, is_phone=True),
    Picture("order-move", _refund, is_whole=False),
    Picture("campaigns", _at("/admin/orders/campaign/")),
    Picture("products", _at("/admin/orders/product/")),
    Picture("locations", _at("/admin/customers/location/")),
    Picture("postback-configs", _postbacks),
    Picture("search", _at("/admin/search/?q=partner")),
    Picture("deliveries", _at("/admin/delivery/delivery/")),
    Picture(
        "delivery",
        _first("/admin/delivery/delivery/?state__exact=delivered&q=fulfilment", "/delivery/delivery/"),
    ),
    Picture(
        "delivery-waiting", _first("/admin/delivery/delivery/?state__exact=waiting", "/delivery/delivery/")
    ),
    Picture("endpoints", _at("/admin/delivery/endpoint/")),
    Picture("endpoint", _first("/admin/delivery/endpoint/", "/endpoint/")),
    Picture("events", _at("/admin/delivery/event/")),
    Picture("sent-again", _sent_again),
    Picture("roles", _at("/admin/auth/group/")),
    Picture("api", _at("/v2/docs")),
    Picture("audit-log", _at("/admin/audit/change/")),
    Picture("receiver", _at("/receiver/")),
)
