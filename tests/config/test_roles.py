"""Roles are shipped once, whole, and after that they are what staff make of them."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection

from config import roles
from config.models import RoleGrant
from config.roles import ROLES, Role
from tests.admin.conftest import permission

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shipped(db: None) -> None:
    """As `migrate` leaves them, also after tests that emptied the tables."""
    roles.ship()


def names(role: str) -> set[str]:
    pairs = Group.objects.get(name=role).permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in pairs}


def test_every_permission_of_the_table_exists() -> None:
    there = {
        f"{app}.{codename}"
        for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
    }
    assert not {name for role in ROLES for name in role.permissions} - there


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_each_has_what_its_line_says(role: Role) -> None:
    wanted = Permission.objects.count() if role.is_everything else len(set(role.permissions))
    assert len(names(role.name)) == wanted


def test_only_administrators_touch_people_and_approve_papers() -> None:
    for role in ROLES:
        found = names(role.name)
        is_administrator = role.name == "Administrator"
        assert any(name.startswith("auth.") for name in found) == is_administrator
        assert ("exports.approve_pci" in found) == is_administrator
        assert ("delivery.view_secrets" in found) == (is_administrator or role.name == "Integrator manager")


def test_a_migrated_database_has_them() -> None:
    Group.objects.all().delete()
    RoleGrant.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert {role.name for role in ROLES} == set(Group.objects.values_list("name", flat=True))


def test_shipping_again_changes_nothing() -> None:
    before = {role.name: names(role.name) for role in ROLES}
    roles.ship()
    assert {role.name: names(role.name) for role in ROLES} == before
    assert RoleGrant.objects.count() == sum(len(found) for found in before.values())


def test_what_staff_add_and_take_away_stays() -> None:
    group = Group.objects.get(name="Support agent")
    group.permissions.add(permission("orders.change_order"))
    group.permissions.remove(permission("delivery.send_again_delivery"))
    roles.ship()
    assert "orders.change_order" in names("Support agent")
    assert "delivery.send_again_delivery" not in names("Support agent")


def test_what_is_new_in_the_table_comes_and_what_left_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = next(role for role in ROLES if role.name == "Support agent")
    permissions = (*(set(agent.permissions) - {"delivery.view_delivery"}), "delivery.view_event")
    monkeypatch.setattr(roles, "ROLES", (Role(agent.name, agent.why, permissions),))
    roles.ship()
    found = names("Support agent")
    assert "delivery.view_event" in found and "delivery.view_delivery" not in found


def test_a_role_that_staff_deleted_or_renamed_does_not_come_back() -> None:
    Group.objects.get(name="Marketer").delete()
    Group.objects.filter(name="Analyst").update(name="Number cruncher")
    roles.ship()
    assert not Group.objects.filter(name__in=["Marketer", "Analyst"]).exists()
    assert "orders.view_order" in names("Number cruncher")


def test_a_group_of_their_own_of_that_name_is_theirs() -> None:
    Group.objects.get(name="Marketer").delete()
    RoleGrant.objects.filter(role="Marketer").delete()
    Group.objects.create(name="Marketer")
    roles.ship()
    assert names("Marketer") == set()


def test_a_database_that_is_not_there_yet_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.introspection, "table_names", lambda: ["auth_group"])
    RoleGrant.objects.all().delete()
    roles.ship()
    assert not RoleGrant.objects.exists()
