"""Every page there is: readable by everybody, on a desk and on a phone in the dark."""

import re

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests.admin import doors
from tests.admin.store import Store, a_store
from tests.browser.axe import violations
from tests.browser.conftest import Seen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


# What is no page: pieces that scripts ask for, and a file.
PIECES = re.compile("_(entries|choices|fields|products|progress|tested|document)$|^dashboard$")


def _pages(store: Store) -> list[str]:
    """Every list of every table, its newest row, and every page that a button or a link opens."""
    tables = [apps.get_model(label) for label in doors.TABLES]
    names = {model: f"admin:{model._meta.app_label}_{model._meta.model_name}" for model in tables}
    newest = {model: model._default_manager.order_by("pk").last() for model in tables}
    opened = [door for door in doors.BUTTONS if door.method == "GET" and not PIECES.search(door.name)]
    return [
        *(reverse(f"{name}_changelist") for name in names.values()),
        *(reverse(f"{names[model]}_change", args=[row.pk]) for model, row in newest.items() if row),
        *(door.url(store) for door in opened),
        reverse("admin:search") + "?q=Ann",
    ]


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (390, "dark")], ids=["desk-light", "phone-dark"]
)
def test_is_for_everybody(
    live_server: LiveServer, page: Page, seen: Seen, log_in, width: int, scheme: str
) -> None:
    log_in(User.objects.create_superuser("jane"))
    pages = _pages(a_store())
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
    assert not faults, "\n".join(f"{path}: {found}" for path, found in faults.items())
    assert not seen.complaints
