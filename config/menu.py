"""The main navigation: which pages there are, under which heading, and who sees them."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True, slots=True)
class Page:
    """A line of the menu. Who has one of the permissions sees it; with none named, every member of staff."""

    label: str
    name: str  # of its address, in the admin
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """The same on one page, for one person."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Section:
    """Entries under their heading."""

    title: str
    entries: tuple[Entry, ...]


MENU: dict[str, tuple[Page, ...]] = {
    "": (Page("Dashboard", "index"),),
    "CRM": (
        Page("Customers", "customers_customer_changelist", ("customers.view_customer",)),
        Page("Orders", "orders_order_changelist", ("orders.view_order",)),
        Page("Campaigns", "orders_campaign_changelist", ("orders.view_campaign",)),
        Page("Products", "orders_product_changelist", ("orders.view_product",)),
        Page("Locations", "customers_location_changelist", ("customers.view_location",)),
    ),
    "Admin": (
        Page("Exports", "exports_board", ("exports.view_exportprofile", "exports.view_route")),
        Page("Postbacks", "postbacks_postbackconfig_changelist", ("postbacks.view_postbackconfig",)),
        Page("Taken by profiles", "exports_export_changelist", ("exports.view_export",)),
        Page("API users", "customers_apiuser_changelist", ("customers.view_apiuser",)),
        Page("Users", "auth_user_changelist", ("auth.view_user",)),
        Page("Roles", "auth_group_changelist", ("auth.view_group",)),
        Page("Failed logins", "axes_accessattempt_changelist", ("axes.view_accessattempt",)),
        Page("Audit log", "audit_change_changelist", ("audit.view_change",)),
    ),
    "Sending": (
        Page("Deliveries", "delivery_delivery_changelist", ("delivery.view_delivery",)),
        Page("Sent again", "delivery_replay_changelist", ("delivery.view_replay",)),
        Page("Endpoints", "delivery_endpoint_changelist", ("delivery.view_endpoint",)),
        Page("Event log", "delivery_event_changelist", ("delivery.view_event",)),
    ),
}


def menu(request: HttpRequest) -> list[Section]:
    """What this person sees, with the page that is open marked; empty for who may not be here."""
    if not (request.user.is_active and request.user.is_staff):
        return []
    here = _here(request.path)
    sections = [Section(title, tuple(_entries(request, pages, here))) for title, pages in MENU.items()]
    return [section for section in sections if section.entries]


def _entries(request: HttpRequest, pages: tuple[Page, ...], here: str) -> Iterator[Entry]:
    for page in pages:
        if page.permissions and not any(may_see(request, name) for name in page.permissions):
            continue
        if url := _url_of(page):
            yield Entry(page.label, url, url == here)


def _here(path: str) -> str:
    """The address of the page of the menu that this one is, or lies under: the nearest, so never two."""
    home = reverse("admin:index")
    urls = [_url_of(page) for pages in MENU.values() for page in pages]
    above = [url for url in urls if url and (path == url if url == home else path.startswith(url))]
    return max(above, key=len, default="")


def _url_of(page: Page) -> str:
    """ "" of an app that is not installed."""
    try:
        return reverse(f"admin:{page.name}")
    except NoReverseMatch:
        return ""


def may_see(request: HttpRequest, name: str) -> bool:
    """Who may change a thing sees it too."""
    return request.user.has_perm(name) or request.user.has_perm(name.replace(".view_", ".change_"))
