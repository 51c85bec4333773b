"""A store of any size: every number as asked for, in an empty database of PostgreSQL only."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from customers import services
from tests.processes import Processes

NAME = "many_rows"


@pytest.fixture
def another_database(processes: Processes) -> Iterator[str]:
    """The URL of an empty database beside the test's: months are tables, and stay."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")
        cursor.execute(f"CREATE DATABASE {NAME}")
    yield urlsplit(processes.env["DATABASE_URL"])._replace(path=f"/{NAME}").geturl()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_as_many_as_asked_for(processes: Processes, another_database: str) -> None:
    env = {"DATABASE_URL": another_database}
    for arguments in (
        ["migrate", "--verbosity", "0"],
        ["demo_many", "--deliveries", "1000", "--orders", "200", "--profiles", "3", "--routes", "70"],
        ["shell", "--verbosity", "0", "-c", _COUNT],
    ):
        process = processes.start(*arguments, **env)
        assert process.wait(120) == 0, process.output
    # The store's own customer, order and event are there too.
    assert process.output.split() == ["1000", "201", "3", "70", "1000", "990", "1000"]
    again = processes.start("demo_many", **env)
    assert again.wait() == 1
    assert "has a store already" in again.output


@pytest.mark.django_db
def test_not_beside_what_is_there() -> None:
    services.only_location()
    with pytest.raises(CommandError, match=r"has a store already|PostgreSQL itself"):
        call_command("demo_many")


_COUNT = """
from delivery.models import Attempt, Delivery, Event
from exports.models import Export, ExportProfile, Route
from orders.models import Order
print(Delivery.objects.count(), Order.objects.count(), ExportProfile.objects.count(), Route.objects.count(),
      Export.objects.count(), Attempt.objects.count(),
      Delivery.objects.filter(event__order__isnull=False).count())
"""
