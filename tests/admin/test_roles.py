"""Each role gets in where its line says, and nowhere else; who is turned away changes nothing."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client
from django.urls import reverse

from tests.admin.doors import NO_DOORS, ROLES, Door, all_doors, names_of_the_admin
from tests.admin.store import Store

SEEN = ("audit", "auth", "admin", "customers", "delivery", "exports", "orders", "postbacks", "config")


@pytest.fixture
def store(whole_store: Store) -> Store:
    return whole_store


def client_of(letter: str) -> Client:
    """Somebody of staff with this role; "" for none."""
    user = User.objects.create_user(f"staff-{letter or 'nobody'}", is_staff=True)
    if letter:
        user.groups.add(Group.objects.get(name=ROLES[letter]))
    client = Client()
    client.force_login(user)
    return client


def everything() -> dict[str, list[Any]]:
    """All that is stored of the store and of people."""
    models = [model for app in SEEN for model in apps.get_app_config(app).get_models()]
    models = [model for model in models if not model.__module__.startswith("tests.")]
    return {model._meta.label: list(model._default_manager.order_by("pk").values_list()) for model in models}


def status_of(client: Client, door: Door, store: Store, *, is_taken_back: bool) -> int:
    """What it answers; what it did may be taken back."""
    with transaction.atomic():
        send = client.post if door.method == "POST" else client.get
        status = send(door.url(store), door.data(store) or None).status_code
        transaction.set_rollback(is_taken_back)
    return int(status)


def test_every_door_has_its_line() -> None:
    known = {door.name for door in all_doors()} | NO_DOORS
    assert not names_of_the_admin() - known, "add lines to tests/admin/doors.py"
    assert not known - names_of_the_admin(), "there is no such page any more"


# What answers otherwise than with a page, or with the way back to one after a button.
OPENS_WITH = {
    "GET exports_exportprofile_pci_document": 404,  # there is none
    "GET exports_exportprofile_tested": 404,  # it is none
    "GET exports_exportprofile_delete": 302,  # it has exported: the page says so
}
FRAME = (
    "index",
    "dashboard",
    "search",
    "password_change",
)  # what staff without a role sees: an index of nothing


@pytest.mark.parametrize("letter", [*ROLES, ""], ids=lambda letter: ROLES.get(letter, "nobody"))
def test_a_role_gets_in_where_its_line_says_and_nowhere_else(letter: str, store: Store) -> None:
    client, before = client_of(letter), everything()
    for door in all_doors():
        is_open = letter in door.who if letter else door.name in FRAME
        expected = {OPENS_WITH.get(str(door), 200)} if is_open else {403}
        if is_open and door.method == "POST":
            expected = {200, 302, 422}  # a form that says what is wrong
        assert status_of(client, door, store, is_taken_back=is_open) in expected, str(door)
    assert everything() == before  # by any of those that were shut


def test_who_is_not_logged_in_is_asked_to(store: Store) -> None:
    client, before = Client(), everything()
    for door in all_doors():
        send = client.post if door.method == "POST" else client.get
        answer = send(door.url(store), door.data(store) or None)
        assert answer.status_code == 302 and answer.url.startswith(reverse("admin:login")), str(door)
    assert everything() == before


def test_who_is_a_customer_of_the_site_but_no_staff_is_asked_too(store: Store) -> None:
    user = User.objects.create_user("visitor")
    user.groups.add(Group.objects.get(name="Administrator"))
    client = Client()
    client.force_login(user)
    for door in all_doors():
        assert client.get(door.url(store)).status_code == 302, str(door)


@pytest.mark.parametrize("letter", [*ROLES, ""], ids=lambda letter: ROLES.get(letter, "nobody"))
def test_boxes_that_complete_names_tell_them_to_who_sees_their_list(letter: str, store: Store) -> None:
    client = client_of(letter)
    asked = {"app_label": "exports", "model_name": "route", "field_name": "campaign"}
    answer = client.get(reverse("admin:autocomplete"), asked)
    assert answer.status_code == (200 if letter and letter in "EMAX" else 403)


def test_the_menu_has_what_a_role_may_open_and_nothing_else(store: Store) -> None:
    for letter in ROLES:
        client = client_of(letter)
        menu = client.get(reverse("admin:password_change_done")).context["menu"]
        links = [entry.url for section in menu for entry in section.entries]
        assert len(links) > 2
        assert not [link for link in links if client.get(link).status_code != 200], ROLES[letter]


def test_only_a_superuser_makes_or_touches_one(store: Store) -> None:
    client, root = client_of("X"), User.objects.get(username="root")
    agent = User.objects.create_user("agent", is_staff=True)
    page = reverse("admin:auth_user_change", args=[agent.pk])
    data = {"username": "agent", "is_staff": "on", "is_active": "on", "is_superuser": "on"}
    data |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    assert client.post(page, data).status_code == 302
    agent.refresh_from_db()
    assert agent.is_staff and not agent.is_superuser
    for name in ("change", "delete", "password_change"):
        address = reverse(f"admin:auth_user_{name}", args=[root.pk])
        assert client.post(address, {**data, "post": "yes"}).status_code == 403
    assert User.objects.get(username="root").is_superuser
