"""An event is judged by what its config asked for when it was recorded, whenever it is taken."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers import services as customers
from customers.models import Location
from delivery.models import Delivery
from postbacks import services, taking
from postbacks.models import PostbackConfig, Watch
from tests.journeys import crashes
from tests.postbacks.listeners import BY, a_config, a_contact, a_gateway, a_location, all_said, carry
from tests.processes import wait_until
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def here() -> Location:
    return a_location()


@pytest.fixture
def other() -> Iterator[Any]:
    """Does something on a connection of its own; `other(act, …)` is its future."""
    with ThreadPoolExecutor() as pool:

        def submit(act: Any, *arguments: Any, **named: Any) -> Any:
            def run() -> Any:
                try:
                    return act(*arguments, **named)
                finally:
                    connections.close_all()

            return pool.submit(run)

        yield submit


def names(receiver: Receiver) -> list[str]:
    return sorted(one.data["last_name"] for one in all_said(receiver))


def test_switched_off_and_on_again_before_anything_is_taken(here: Location, receiver: Receiver) -> None:
    config = a_config(here, receiver.url("/hook"))
    for number in range(3):
        a_contact(here, last_name=f"Watched {number}")
        services.edit(config, by=BY, is_active=False)
        a_contact(here, last_name=f"Pause {number}")
        services.edit(config, by=BY, is_active=True)
    carry()
    assert names(receiver) == ["Watched 0", "Watched 1", "Watched 2"]


@pytest.mark.postgres
def test_a_transaction_that_is_open_over_the_switches(here: Location, receiver: Receiver, other: Any) -> None:
    config = a_config(here, receiver.url("/hook"))
    with transaction.atomic():
        a_contact(here, last_name="Open")
        other(services.edit, config, by=BY, is_active=False).result(30)
        other(a_contact, here, last_name="Pause").result(30)
        other(taking.run).result(30)
        other(services.edit, config, by=BY, is_active=True).result(30)
        other(taking.run).result(30)
    carry()
    assert names(receiver) == ["Open"]


def test_a_switch_counts_from_when_it_is_thrown(here: Location, receiver: Receiver) -> None:
    config = a_config(here, receiver.url("/hook"))
    contact = a_contact(here, last_name="One")
    customers.update(contact, by=BY, last_name="Two")
    services.edit(config, by=BY, on_update=False)
    customers.update(contact, by=BY, last_name="Three")
    services.edit(config, by=BY, on_update=True, on_create=False)
    customers.update(contact, by=BY, last_name="Four")
    a_contact(here, last_name="Five")
    carry()
    assert names(receiver) == ["Four", "One", "Two"]


def test_another_resource(here: Location, receiver: Receiver) -> None:
    """What was recorded for the old one is told as that, with what of the new expands it has."""
    config = a_config(here, receiver.url("/hook"))
    a_contact(here, last_name="Watched")
    services.edit(config, by=BY, resource="order", expands="contact,location")
    a_contact(here, last_name="Later")
    carry()
    (told,) = all_said(receiver)
    assert (told.type, told.resource, told.data["last_name"]) == ("CREATE", "contact", "Watched")
    assert "location" in told.data and "contact" not in told.data


def test_another_gateway(here: Location) -> None:
    one, two = a_gateway(here), a_gateway(here, "Another")
    config = a_config(here, "http://127.0.0.1:9/hook", resource="transaction", gateway=one)
    services.edit(config, by=BY, gateway=two)
    services.edit(config, by=BY, number_of_attempts=3)  # of no matter here
    services.edit(config, by=BY, is_active=False)
    services.edit(config, by=BY, on_create=False)
    watches = Watch.objects.order_by("pk").select_related("gateway")
    assert [watch.gateway for watch in watches] == [one, two]
    assert all(watch.until is not None for watch in watches)


def test_a_deleted_config_was_told_of_what_came_before(here: Location, receiver: Receiver) -> None:
    """It stands in the history, as what was waiting then: cancelled."""
    config = a_config(here, receiver.url("/hook"))
    a_contact(here, last_name="Before")
    services.delete(config, by=BY)
    a_contact(here, last_name="After")
    carry()
    assert services.cancel_what_is_left() == 1
    assert list(Delivery.objects.values_list("state", flat=True)) == ["cancelled"]
    assert receiver.requests == []


@pytest.mark.postgres
def test_two_edits_at_once_keep_both(here: Location, other: Any) -> None:
    config = a_config(here, "http://127.0.0.1:9/hook")
    mine, theirs = PostbackConfig.objects.get(), PostbackConfig.objects.get()
    with transaction.atomic():
        PostbackConfig.objects.select_for_update().get(pk=config.pk)
        first = other(
            services.edit, mine, by=BY, number_of_attempts=3, boolean_forms={"is_active": "boolean"}
        )
        second = other(
            services.edit, theirs, by=BY, expands="location", boolean_forms={"on_create": "number"}
        )
        wait_until(lambda: crashes.waiting() == 2, what="both to wait")
    first.result(30)
    second.result(30)
    stored = PostbackConfig.objects.get()
    assert (stored.number_of_attempts, stored.expands) == (3, "location")
    assert stored.boolean_forms == {"is_active": "boolean", "on_create": "number"}


@pytest.mark.postgres
def test_a_form_that_is_saved_beside_another_change(here: Location, admin_client: Client) -> None:
    """It writes what was changed in it, and nothing of what it only showed."""
    config = a_config(here, "http://127.0.0.1:9/hook")
    services.edit(config, by=BY, expands="location")
    typed = {
        "resource": "contact",
        "on_create": "on",
        "on_update": "on",
        "on_delete": "on",
        "is_active": "on",
    }
    typed |= {"url": config.url, "number_of_attempts": "4", "attempt_interval": "300", "expands": "location"}
    save = services.edit

    def edited_meanwhile(*arguments: Any, **settings: Any) -> PostbackConfig:
        save(PostbackConfig.objects.get(), by="api:shop", attempt_interval=600)
        return save(*arguments, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "edit", edited_meanwhile)
        page = reverse("admin:postbacks_postbackconfig_change", args=[config.pk])
        assert admin_client.post(page, typed).status_code == 302
    stored = PostbackConfig.objects.get()
    assert (stored.number_of_attempts, stored.attempt_interval) == (4, 600)


def test_what_was_watched_before_the_upgrade_is_watched_after_it(here: Location, receiver: Receiver) -> None:
    on, off = a_config(here, receiver.url("/on")), a_config(here, receiver.url("/off"))
    a_config(here, receiver.url("/never"), is_active=False)
    a_contact(here, last_name="Before")
    services.edit(off, by=BY, is_active=False)
    since, until = timezone.now() - timedelta(hours=1), timezone.now()
    try:
        call_command("migrate", "postbacks", "0001", verbosity=0)
        with connection.cursor() as cursor:
            set_to = (
                "UPDATE postbacks_postbackconfig SET watching_since = %s, watching_until = %s WHERE id = %s"
            )
            moments = [connection.ops.adapt_datetimefield_value(moment) for moment in (since, until)]
            cursor.execute(set_to, [moments[0], None, on.pk])
            cursor.execute(set_to, [*moments, off.pk])
    finally:
        call_command("migrate", verbosity=0)
    assert list(Watch.objects.order_by("config_id").values_list("config_id", "until")) == [
        (on.pk, None),
        (off.pk, until),
    ]
    a_contact(here, last_name="After")
    carry()
    assert names(receiver) == ["After", "Before"]
    services.edit(off, by=BY, is_active=True)
    carry()
    assert names(receiver) == ["After", "Before", "Before"]
