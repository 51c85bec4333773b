"""Two locations, and a program for each; neither may see the other's."""

from collections.abc import Iterator

import pytest

from customers.models import Location
from rest import allowances
from tests.admin.conftest import client_who_may
from tests.api.clients import Integrator, an_integrator

__all__ = ["client_who_may"]


@pytest.fixture(autouse=True)
def _nothing_used_up() -> Iterator[None]:
    """Processes remember what they have drawn; the tables of a test are rolled back."""
    allowances.forget()
    yield
    allowances.forget()


@pytest.fixture
def here(db: None) -> Location:
    return Location.objects.create(name="Main store", time_zone="Europe/Berlin")


@pytest.fixture
def elsewhere(db: None) -> Location:
    return Location.objects.create(name="Another store")


@pytest.fixture
def api(here: Location) -> Integrator:
    return an_integrator(here, name="shop")


@pytest.fixture
def stranger(elsewhere: Location) -> Integrator:
    return an_integrator(elsewhere, name="other")
