"""A store with something on every page, and people who may do little."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import Task

from config import roles
from customers import access
from customers.models import ApiUser
from delivery import signing
from tests.admin.store import Store, a_store
from tests.postbacks.listeners import a_config


@pytest.fixture
def store(db: None) -> Store:
    return a_store()


@pytest.fixture
def whole_store(db: None) -> Store:
    """With a row of what the store itself has none of."""
    roles.ship()
    User.objects.create_user("first")
    User.objects.create_superuser("root", password="right")
    access.issue_key(ApiUser.objects.create(name="shop"), by="admin:root")
    now, store = timezone.now(), a_store()
    signing.rotate(store.profile.endpoint_id, by="admin:root")  # so that there is an old secret too
    for password in ("right", "wrong"):
        Client().post(reverse("admin:login"), {"username": "root", "password": password})
    a_config(store.location, "http://127.0.0.1:9/hook")
    for success in (True, False):
        Task.objects.create(
            id=f"task-{success}", name="t", func="f", started=now, stopped=now, success=success
        )
    return store


@pytest.fixture
def client_who_may(db: None) -> Callable[..., Client]:
    """A client logged in as staff with just these permissions ("delivery.view_delivery")."""

    def make(*names: str) -> Client:
        user = User.objects.create_user(f"staff{User.objects.count()}", is_staff=True)
        user.user_permissions.add(*(permission(name) for name in names))
        client = Client()
        client.force_login(user)
        return client

    return make


def permission(name: str) -> Permission:
    """By its full name ("delivery.view_delivery")."""
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)
