"""Whatever dies, comes late or comes twice: every event becomes one postback of each config."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from customers.models import Location
from delivery.models import Delivery, Event
from postbacks import taking
from postbacks.models import Postback, Reach
from tests.journeys import crashes
from tests.postbacks.listeners import a_config, a_contact, a_location, all_said, carry
from tests.processes import Processes, wait_until
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = {"POSTRIDER_LEASE_SECONDS": "2"}


@pytest.fixture
def here() -> Location:
    return a_location()


def everything_once(receiver: Receiver, location: Location, configs: int) -> None:
    """Each contact was posted to each config: taken once, delivered, and what came twice said the same."""
    contacts = set(location.customers.values_list("public_id", flat=True))
    taken = list(Postback.objects.values_list("config", "resource_id"))
    assert len(taken) == len(set(taken)) == configs * len(contacts)
    assert {contact for _, contact in taken} == contacts
    ids = set(Postback.objects.values_list("delivery_id", flat=True))
    assert ids == set(Delivery.objects.filter(state="delivered").values_list("pk", flat=True))
    assert len(ids) == len(taken) == Delivery.objects.count()
    assert set(crashes.ids(receiver.requests)) == ids
    assert crashes.repeats_say_the_same(receiver)
    assert {one.data["id"] for one in all_said(receiver)} == contacts


@pytest.mark.postgres
def test_killed_in_the_middle_of_taking(processes: Processes, here: Location, receiver: Receiver) -> None:
    """When what is taken is written down, and what is queued is not: neither is."""
    a_config(here, receiver.url("/hook"))
    with crashes.nobody_writes("delivery_delivery"):
        process = processes.start("deliver", "--stay", **LEASE)
        with ThreadPoolExecutor(1) as other:
            other.submit(_in_a_thread, a_contact, here).result(30)
        wait_until(crashes.waiting_for_us, what="the taking to wait for us")
        process.kill()
    wait_until(lambda: not crashes.other_connections(), what="the end of its connection")
    assert (Postback.objects.count(), Delivery.objects.count()) == (0, 0)
    carry()
    everything_once(receiver, here, configs=1)
    assert len(receiver.requests) == 1


def test_killed_again_and_again(processes: Processes, here: Location, receiver: Receiver) -> None:
    chance = random.Random(7)
    for number in range(2):
        a_config(here, receiver.url(f"/{number}"))
    for _ in range(4):
        process = processes.start("deliver", "--stay", **LEASE)
        before = len(receiver.requests)
        for _ in range(chance.randint(5, 15)):
            a_contact(here)
        receiver.wait_for(before + chance.randint(1, 4))
        crashes.kill(process)
        a_contact(here)  # while nobody is there
    crashes.until_leases_end()
    carry()
    everything_once(receiver, here, configs=2)


def test_two_at_once(processes: Processes, here: Location, receiver: Receiver) -> None:
    for number in range(3):
        a_config(here, receiver.url(f"/{number}"))
    running = [processes.start("deliver", "--stay") for _ in range(2)]
    for _ in range(40):
        a_contact(here)
    receiver.wait_for(120)
    wait_until(lambda: Delivery.objects.filter(state="delivered").count() == 120, what="the outcomes")
    for process in running:
        process.interrupt()
        process.wait()
    everything_once(receiver, here, configs=3)
    assert len(receiver.requests) == 120


@pytest.mark.postgres
def test_both_have_the_same_batch_in_hand(here: Location, receiver: Receiver) -> None:
    a_config(here, receiver.url("/hook"))
    for _ in range(20):
        a_contact(here)
    with ThreadPoolExecutor(2) as others:
        with crashes.nobody_writes("postbacks_postback"):
            running = [others.submit(_in_a_thread, taking.run) for _ in range(2)]
            wait_until(lambda: crashes.waiting_for_us() >= 1, what="one to wait for us")
        queued = [one.result(30) for one in running]
    assert sorted(queued) == [0, 20]
    carry()
    everything_once(receiver, here, configs=1)


@pytest.mark.postgres
def test_a_late_commit_is_not_missed(here: Location, receiver: Receiver) -> None:
    a_config(here, receiver.url("/hook"))
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            late = a_contact(here)
            other.submit(_in_a_thread, a_contact, here).result(30)
            other.submit(_in_a_thread, taking.run).result(30)
        carry()
    assert late.public_id in set(Postback.objects.values_list("resource_id", flat=True))
    everything_once(receiver, here, configs=1)


@pytest.mark.postgres
def test_after_a_restore_nothing_is_missed_and_nothing_doubled(here: Location, receiver: Receiver) -> None:
    """In a new cluster transactions are counted from the start: events of the old one seem to be to come."""
    a_config(here, receiver.url("/hook"))
    a_contact(here)
    carry()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_event SET tx_id = tx_id + 1000000000")
    Reach.objects.update(tx=Reach.objects.get().tx + 1_000_000_000)
    a_contact(here)
    carry()
    everything_once(receiver, here, configs=1)
    assert len(receiver.requests) == 2
    assert Event.objects.filter(tx_id=0).exists()


def _in_a_thread(act: object, *arguments: object) -> object:
    try:
        return act(*arguments)  # type: ignore[operator]
    finally:
        connections.close_all()
