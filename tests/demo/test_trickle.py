"""The trickle makes every kind of event, touches only orders of its own, never dies, and ends when told."""

import signal
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from customers import services
from customers.models import Location
from delivery.models import Event
from demo import store, trickle
from demo.trickle import scene, steps
from exports import customer_types
from orders import lifecycle
from orders.lifecycle import Line, MoveRefused
from orders.models import Campaign, Order, Product

pytestmark = pytest.mark.django_db


@pytest.fixture
def location() -> Location:
    """A small store, so that the tests are quick."""
    location = Location.objects.create(name=store.NAME, time_zone=store.TIME_ZONE)
    store._add_club(location)
    store._add_gateway(location)
    return location


@pytest.fixture
def at_once(monkeypatch):
    """No order is left alone first."""
    monkeypatch.setattr(steps, "_LEFT_ALONE", timedelta(0))


def test_it_makes_all_that_an_export_route_can_ask_for(location, at_once):
    here = scene.of(location, seed=1)
    missing = {kind.event_type for kind in customer_types.ALL}
    missing |= {"accountvault.created", "transactionbatch.created"}
    for _ in range(20):
        steps.start_order(here)

    for _ in range(12):  # rounds in which each step is tried once, in any order; four are usual
        for step in here.chance.sample(steps.STEPS, len(steps.STEPS)):
            with suppress(MoveRefused):
                step.make(here)
        missing -= set(Event.objects.filter(by=trickle.BY).values_list("type", flat=True))
        if not missing:
            break

    assert not missing
    assert Order.objects.filter(is_test=True).exists()


def test_the_same_seed_makes_the_same_choices(location):
    first, second = (scene.of(location, seed=3) for _ in range(2))

    assert [scene.lines(first) for _ in range(5)] == [scene.lines(second) for _ in range(5)]
    assert scene._details(first.faker) == scene._details(second.faker)


def test_orders_of_people_are_left_alone(location, at_once):
    person = services.create(location, by="jane", first_name="Jane")
    product = Product.objects.create(location=location, name="Cream", sku="cream")
    order = lifecycle.create_partial(
        by="jane", location=location, customer=person, lines=[Line(product, Decimal("10.00"))]
    )
    here = scene.of(location, seed=1)

    for _ in range(80):
        trickle.happen(here)

    assert set(Event.objects.filter(order=order).values_list("by", flat=True)) == {"jane"}
    assert not Event.objects.filter(by=trickle.BY, customer=person).exists()


@pytest.mark.parametrize("error", [MoveRefused("It has moved on."), OperationalError("database is locked")])
def test_what_cannot_be_done_does_not_end_it(location, monkeypatch, error):
    def refused(_):
        raise error

    monkeypatch.setattr(trickle, "STEPS", (steps.Step(1, "Refuse", refused),))
    monkeypatch.setattr(trickle, "connection", _Unclosable())

    assert trickle.happen(scene.of(location)) == ""


def test_it_rests_when_it_has_made_enough(location, monkeypatch):
    monkeypatch.setattr(trickle, "MOST_ORDERS", 2)
    here = scene.of(location, seed=1)
    steps.start_order(here), steps.start_order(here)
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(trickle.time, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        trickle.run(here, every=1)

    assert slept == [600, 600]
    assert Order.objects.count() == 2


def test_the_command_makes_so_many_and_stops(location):
    before = signal.getsignal(signal.SIGTERM)
    try:
        call_command("demo_trickle", every=0, count=5, seed=2)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert Event.objects.filter(by=trickle.BY).values("order").distinct().count() >= 3


def test_without_the_sample_store_it_says_how_to_get_one():
    with pytest.raises(CommandError, match="demo_store"):
        call_command("demo_trickle")


def test_campaigns_are_those_of_the_store(location):
    Campaign.objects.create(location=Location.objects.create(name="Other"), name="Elsewhere")

    steps.start_order(scene.of(location, seed=1))

    assert Order.objects.get().campaign.location == location


class _Unclosable:
    """The test's own connection, which must not be closed."""

    def close(self) -> None:
        pass
