"""No page shows a link to somebody whom the page behind it would refuse."""

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from tests.admin.conftest import permission
from tests.admin.doors import ROLES, TABLES, Door, all_doors
from tests.admin.store import Store

PAGES = [door for door in all_doors() if door.method == "GET"]
LINKS = re.compile(r'\shref="([^"]*)"')
NO_PAGES = ("/static/", "/v2/", "mailto:", "tel:")
# Who has just this one permission: whoever was not thought of when the roles were made.
ALONE = [table.replace(".", ".view_") for table in TABLES]


def links_of(client: Client, url: str) -> set[str]:
    """The pages that a page links to; empty if it does not open."""
    answer = client.get(url)
    if answer.status_code != 200 or "text/html" not in answer.get("Content-Type", ""):
        return set()
    found = {urljoin(url, unescape(one)) for one in LINKS.findall(answer.content.decode())}
    return {
        one.partition("#")[0] for one in found if not one.startswith(NO_PAGES) and not urlsplit(one).netloc
    }


def refused(client: Client, store: Store, pages: list[Door]) -> list[str]:
    """Page → link, of each link that leads to a refusal."""
    answers: dict[str, int] = {}
    found = []
    for page in pages:
        for link in sorted(links_of(client, page.url(store))):
            if link not in answers:
                answers[link] = client.get(link).status_code
            if answers[link] == 403:
                found.append(f"{page.name} → {link}")
    return found


@pytest.mark.parametrize("letter", ROLES)
def test_who_has_a_role_is_refused_by_no_link(letter: str, whole_store: Store) -> None:
    jane = User.objects.create_user("jane", is_staff=True)
    jane.groups.add(Group.objects.get(name=ROLES[letter]))
    client = Client()
    client.force_login(jane)
    assert refused(client, whole_store, [door for door in PAGES if letter in door.who]) == []


@pytest.mark.parametrize("name", ALONE)
def test_nor_is_who_may_look_at_one_table_alone(name: str, whole_store: Store) -> None:
    jane = User.objects.create_user("jane", is_staff=True)
    jane.user_permissions.add(permission(name))
    client = Client()
    client.force_login(jane)
    table = name.replace(".view_", "_")
    pages = [
        page for page in PAGES if page.name.startswith((table, "index", "dashboard", "search", "exports_"))
    ]
    assert refused(client, whole_store, pages) == []
    assert client.get(reverse("admin:index")).status_code == 200
