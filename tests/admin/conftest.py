"""A store with something on every page, and people who may do little."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.admin.store import Store, a_store


@pytest.fixture
def store(db: None) -> Store:
    return a_store()


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
