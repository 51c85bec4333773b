"""Several sweeps and several workers at once on one database: nothing is doubled, nothing is left out."""

import json

import pytest
from django.db import connection

from delivery.models import Attempt, Delivery
from exports.models import Export
from tests.journeys import crashes, shop
from tests.processes import Process, Processes, wait_until
from tests.receiver import Answer, Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def test_sweeps(processes: Processes, receiver: Receiver) -> None:
    store = shop.a_shop()
    types = ("all_refunds", "partial_refunds", "partial")
    profiles = [shop.a_profile(store, f"Partner {number}", receiver.url("/"), *types) for number in range(2)]
    shop.many_refunds(store, orders=130, of_each=20)
    shop.many_partials(store, 100)
    refunds = shop.events_of("order.refunded")

    sweeps = at_once(processes, 3, "exports_export", "sweep_exports", "--now")
    for profile in profiles:
        assert shop.taken_by(profile, "all_refunds") == shop.taken_by(profile, "partial_refunds") == refunds
        assert len(shop.taken_by(profile, "partial")) == 100
    assert Delivery.objects.count() == len(profiles) * (2 * len(refunds) + 100)
    results = [profile for sweep in sweeps for profile in said(sweep)["profiles"]]
    assert sum(result["queued"] for result in results) == Delivery.objects.count()
    assert not any(result["error"] for result in results)
    if connection.vendor == "postgresql":  # each of the three had all of it in hand
        assert {result["matched"] for result in results} == {2 * len(refunds) + 100 + 130}
    Export.objects.all().delete()  # quicker than emptying the tables with them


def test_workers(processes: Processes, receiver: Receiver) -> None:
    receiver.answers("*", Answer(delay=0.02))
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 300)

    # Few at a time, so that they come back for more.
    few = {"POSTRIDER_SEND_THREADS": "4", "POSTRIDER_TRANSPORT": "requests"}
    workers = at_once(processes, 2, "delivery_endpoint", "deliver", **few)
    every = sorted(Delivery.objects.filter(state="delivered", attempts_made=1).values_list("pk", flat=True))
    assert sorted(crashes.ids(receiver.requests)) == every
    assert len(every) == Attempt.objects.count() == Attempt.objects.filter(number=1).count() == 300
    shares = [said(worker)["delivered"] for worker in workers]
    assert sum(shares) == 300
    assert [said(worker)["lost"] for worker in workers] == [0, 0]
    if connection.vendor == "postgresql":
        assert all(shares)


def at_once(processes: Processes, count: int, table: str, *command: str, **env: str) -> list[Process]:
    """Processes that begin to write together, at their end."""
    with crashes.nobody_writes(table):
        running = [processes.start(*command, "--json", **env) for _ in range(count)]
        if connection.vendor == "postgresql":
            wait_until(lambda: crashes.waiting_for_us() == count, what="all to wait for us")
        else:  # when one that began after them and only reads is done, they are about to write
            processes.run("deliver", "--dry-run")
    assert [process.wait() for process in running] == [0] * count
    return running


def said(process: Process) -> dict:
    return json.loads(process.output)
