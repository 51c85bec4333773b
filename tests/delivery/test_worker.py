"""The engine between two ticks: it ends in time, and what fails beside it does not stop it."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from config import schedules
from customers.models import Location
from delivery import services, worker
from delivery.models import Attempt, Delivery, Lease
from delivery.transports.http_requests import RequestsTransport
from exports import services as profiles
from tests.exports.partners import a_profile, a_sale, a_store, sweep_all
from tests.journeys import shop
from tests.receiver import Answer, Hang, Receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("transport", ["pycurl", "requests"])
def test_it_ends_in_time_however_slow_a_receiver_is(transport: str, receiver: Receiver, settings) -> None:
    """Else the cluster would kill it in the middle; what had not begun is due for others."""
    settings.POSTRIDER_TRANSPORT = transport
    settings.POSTRIDER_SEND_THREADS = settings.POSTRIDER_HOST_CONNECTIONS = 2
    receiver.answers("*", Hang())
    profile = a_profile(store := a_store(), receiver.url(), timeout_seconds=1)
    for _ in range(12):
        a_sale(store)
    sweep_all()
    shop.proven(profile)
    started = time.monotonic()
    worker.drain(seconds=0)
    assert Attempt.objects.count() == 0
    worker.drain(seconds=0.3)
    assert time.monotonic() - started < 3
    tried = Attempt.objects.count()
    assert tried == 2
    due = Delivery.objects.filter(state="pending", attempts_made=0, lease=None, due_at__lte=timezone.now())
    assert due.count() == 12 - tried


class Behind(RequestsTransport):
    """Has more to do than it gets done."""

    is_behind = True


def test_nothing_is_claimed_for_a_transport_that_is_behind(receiver: Receiver) -> None:
    """It would wait for us until its time is over, and a healthy receiver would be blamed for that."""
    a_profile(store := a_store(), receiver.url())
    a_sale(store)
    sweep_all()
    looks = iter([False] * 5 + [True] * 5)
    transport = Behind()
    worker.drain(should_stop=lambda: next(looks), transport=transport)
    transport.close()
    assert (receiver.requests, Lease.objects.count()) == ([], 0)
    assert worker.drain().delivered == 1


def test_the_next_try_waits_from_the_end_of_the_last(receiver: Receiver) -> None:
    receiver.answers("*", Answer(500, delay=1.5))
    a_sale(store := a_store())
    a_profile(store, receiver.url())
    sweep_all()
    worker.drain()
    waits = Delivery.objects.get().due_at
    assert waits is not None and waits > timezone.now() + timedelta(seconds=59)


@pytest.mark.parametrize("look", [schedules.tick, schedules.after_commit])
def test_a_sweep_that_fails_stops_no_delivery(receiver: Receiver, look) -> None:
    store = a_store()
    profile = a_profile(store, receiver.url(), cadence="immediate")
    a_sale(store)
    sweep_all()
    a_sale(store)
    Location.objects.update(time_zone="Nowhere/Land")
    profile.routes.update(effective_from=timezone.now() + timedelta(days=1))
    with pytest.raises(Exception, match="Nowhere"):
        look()
    assert len(receiver.requests) == 1
    assert Delivery.objects.get().state == "delivered"


def test_what_people_hurry_wakes_the_workers(receiver: Receiver) -> None:
    """Sending again, another address, and switching on: nobody waits for the minute's tick."""
    profile = a_profile(store := a_store(), receiver.url())
    a_sale(store)
    sweep_all()
    profiles.switch_off(profile, by="test")
    for hurry in (
        lambda: profiles.switch_on(profile, by="test", catch_up=True),
        lambda: profiles.edit_profile(profile, by="test", url=receiver.url("/new")),
        lambda: services.send_again(Delivery.objects.get(), by="test"),
    ):
        OrmQ.objects.all().delete()
        hurry()
        assert OrmQ.objects.count() == 1
