"""Who may do what is itself on record; and no form of the admin names a function to run."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ, Schedule

from audit import changes
from audit.differences import differences
from config import roles
from tests.admin.conftest import permission

JOINED = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}


@pytest.fixture(autouse=True)
def shipped(db: None) -> None:
    roles.ship()


def told(row: User | Group) -> list[tuple[str, str, str]]:
    change = changes.of(row)[0]
    found = differences(change.old, change.new, changes.labels(change.subject_type))
    return [(one.what, one.old, one.new) for one in found]


def test_a_role_that_somebody_gets_is_on_record(admin_client: Client) -> None:
    jane = User.objects.create_user("jane")
    role = Group.objects.get(name="Support agent")
    data = {"username": "jane", "is_staff": "on", "is_active": "on", "groups": [role.pk], **JOINED}
    assert admin_client.post(reverse("admin:auth_user_change", args=[jane.pk]), data).status_code == 302
    assert told(jane) == [("staff status", "no", "yes"), ("roles", "", "Support agent")]
    assert changes.of(jane)[0].by == "admin:admin"


def test_so_is_a_new_one_and_one_who_is_gone_without_any_password(admin_client: Client) -> None:
    word = "a long word of 30 letters or so"
    data = {"username": "bob", "password1": word, "password2": word, "usable_password": "true"}
    assert admin_client.post(reverse("admin:auth_user_add"), data).status_code == 302
    bob = User.objects.get(username="bob")
    assert changes.of(bob)[0].action == "created"
    assert word not in str(changes.of(bob)[0].new) and bob.password not in str(changes.of(bob)[0].new)
    admin_client.post(reverse("admin:auth_user_delete", args=[bob.pk]), {"post": "yes"})
    assert [change.action for change in changes.of(bob)] == ["deleted", "created"]


def test_that_somebody_sets_a_password_is_on_record_and_the_password_is_not(admin_client: Client) -> None:
    jane = User.objects.create_user("jane")
    page, word = reverse("admin:auth_user_password_change", args=[jane.pk]), "a long word of 30 letters or so"
    sent = {"password1": word, "password2": "another", "usable_password": "true", "set-password": "1"}
    assert admin_client.post(page, sent).status_code == 200
    assert not changes.of(jane).exists()
    assert admin_client.post(page, {**sent, "password2": word}).status_code == 302
    change = changes.of(jane)[0]
    assert (change.action, change.by, change.old, change.new) == (
        "set the password",
        "admin:admin",
        None,
        None,
    )


def test_a_permission_that_a_role_gets_is_on_record(admin_client: Client) -> None:
    role = Group.objects.get(name="Marketer")
    more = [*role.permissions.values_list("pk", flat=True), permission("delivery.view_secrets").pk]
    page = reverse("admin:auth_group_change", args=[role.pk])
    assert admin_client.post(page, {"name": "Marketer", "permissions": more}).status_code == 302
    assert told(role) == [("permissions", "", "delivery.view_secrets")]


def test_roles_say_what_they_are_for(admin_client: Client) -> None:
    html = admin_client.get(reverse("admin:auth_group_changelist")).content.decode()
    assert "says whether a partner got a customer" in html


def test_no_form_takes_the_name_of_a_function() -> None:
    assert not admin.site.is_registered(Schedule) and not admin.site.is_registered(OrmQ)
