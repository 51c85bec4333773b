"""Killed with SIGKILL at any moment, nothing is lost, and nothing that was settled happens twice."""

import json
import random
import time
from collections.abc import Iterator

import pytest
from django.utils import timezone

from delivery import queue, settling
from delivery.courtesy import Tried
from delivery.models import Attempt, Delivery, Endpoint, Lease
from delivery.settling import AttemptRow, Settlement
from exports import services
from exports.models import Export, ExportProfile
from orders.models import Campaign
from tests.journeys import crashes, shop
from tests.journeys.shop import Shop
from tests.processes import Process, Processes, wait_until
from tests.receiver import Answer, Receiver

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = {"POSTRIDER_LEASE_SECONDS": "1"}
THREADS = {"POSTRIDER_SEND_THREADS": "8"}


@pytest.fixture
def quick_end(transactional_db: None) -> Iterator[None]:
    """Exports go first: emptying the tables would look them through for each event that goes."""
    yield
    Export.objects.all().delete()


@pytest.mark.usefixtures("quick_end")
@pytest.mark.parametrize("seed", [1])
def test_sweep(processes: Processes, receiver: Receiver, seed: int) -> None:
    """10,000 events make five batches, each of them one transaction."""
    rng = random.Random(seed)
    profiles = profiles_by_campaign(shop.a_shop(), receiver)
    total = len(shop.events_of("order.refunded"))
    was_interrupted = []
    for number in range(3):
        process = processes.start("sweep_exports", "--now")
        until_the_kill(process, rng, is_at_work=number % 2 == 0)
        crashes.kill(process)
        assert Export.objects.count() == Delivery.objects.count()
        was_interrupted.append(0 < Export.objects.count() < total)
    assert any(was_interrupted), "No kill came in the middle of a run."

    assert processes.start("sweep_exports", "--now").wait() == 0
    for campaign, profile in profiles.items():
        assert shop.taken_by(profile) == shop.events_of("order.refunded", order__campaign=campaign)
    assert Export.objects.count() == Delivery.objects.count() == total == 10_000


def profiles_by_campaign(store: Shop, receiver: Receiver) -> dict[Campaign, ExportProfile]:
    """Three partners, each of whom is told of the refunds of a campaign of its own; and these refunds."""
    made = {}
    for number in range(3):
        campaign = Campaign.objects.create(location=store.location, name=f"Campaign {number}")
        made[campaign] = shop.a_profile(store, f"Partner {number}", receiver.url("/"))
        services.add_route(made[campaign], customer_type="all_refunds", campaign=campaign, by=shop.BY)
    shop.many_refunds(store, orders=500, of_each=20, campaigns=list(made))
    return made


def until_the_kill(process: Process, rng: random.Random, *, is_at_work: bool) -> None:
    """Returns at a random moment: soon after it has written something, or of its life from the start."""
    before = Export.objects.count()
    if is_at_work:
        wait_until(lambda: Export.objects.count() > before or process.popen.poll() is not None)
    time.sleep(rng.uniform(0, 0.3) if is_at_work else rng.uniform(0.7, 1.7))


@pytest.mark.parametrize(
    ("delay", "kills", "seed"),
    [pytest.param(0.03, 2, 2, id="while sending"), pytest.param(0, 3, 3, id="while settling")],
)
def test_delivery(processes: Processes, receiver: Receiver, delay: float, kills: int, seed: int) -> None:
    """A slow answer keeps the worker busy with waiting, an instant one with settling."""
    rng = random.Random(seed)
    receiver.answers("*", Answer(delay=delay))
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 400)
    held, seen, settled = 0, 0, set[str]()
    for _ in range(kills):
        kill_while_delivering(processes, receiver, rng)
        assert settled.isdisjoint(crashes.ids(receiver.requests[seen:]))
        settled, seen = crashes.settled(), len(receiver.requests)
        held += Lease.objects.count()
        assert delivered() == settled
        crashes.until_leases_end()
    assert len(settled) < 400, "The kills did not come in the middle of the work."

    assert processes.start("deliver", **LEASE).wait() == 0
    assert settled.isdisjoint(crashes.ids(receiver.requests[seen:]))
    assert everything_arrived(receiver)
    assert len(receiver.requests) - 400 <= held


def kill_while_delivering(processes: Processes, receiver: Receiver, rng: random.Random) -> None:
    process = processes.start("deliver", **LEASE, **THREADS)
    receiver.wait_for(len(receiver.requests) + rng.randint(1, 30))
    time.sleep(rng.uniform(0, 0.05))
    crashes.kill(process)


def delivered() -> set[str]:
    done = Delivery.objects.filter(state="delivered", attempts_made=1, due_at=None, lease=None)
    return set(done.exclude(finished_at=None).values_list("pk", flat=True))


def everything_arrived(receiver: Receiver) -> bool:
    """Whole, and on record with one attempt each."""
    every = set(Delivery.objects.values_list("pk", flat=True))
    assert crashes.repeats_say_the_same(receiver)
    assert set(crashes.ids(receiver.requests)) == delivered() == crashes.settled() == every
    return Attempt.objects.filter(number=1, error="").count() == Attempt.objects.count() == len(every)


@pytest.mark.postgres
def test_delivery_between_outcome_and_attempt(processes: Processes, receiver: Receiver) -> None:
    """Killed when the outcome is written and its attempt is not: neither is, and it is sent once more."""
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 5)
    before = Endpoint.objects.get().last_success_at
    with crashes.nobody_writes("delivery_attempt"):
        process = processes.start("deliver", **LEASE)
        wait_until(crashes.waiting_for_us, what="the settling to wait for us")
        process.kill()
    wait_until(lambda: not crashes.other_connections(), what="the end of its connection")
    assert crashes.settled() == set()
    assert Delivery.objects.filter(state="pending", attempts_made=0).count() == 5
    assert Endpoint.objects.get().last_success_at == before

    crashes.until_leases_end()
    assert processes.start("deliver", **LEASE).wait() == 0
    assert everything_arrived(receiver)
    assert len(receiver.requests) <= 10


def test_worker_that_lost_its_lease_writes_no_outcome(processes: Processes, receiver: Receiver) -> None:
    """It sleeps beyond its lease, another takes over, it wakes up while that one is still sending."""
    refused, accepted = Answer(500, delay=1), Answer(200, delay=1)
    receiver.answers("/", refused, accepted)
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 1)
    asleep = processes.start("deliver", "--json", **LEASE)
    receiver.wait_for(1)
    crashes.put_to_sleep(asleep)
    crashes.until_leases_end()
    other = processes.start("deliver", "--json")
    receiver.wait_for(2)
    crashes.wake_up(asleep)
    asleep.wait()
    assert other.wait() == 0

    assert last_line(asleep) == {"delivered": 0, "failed": 0, "lost": 1, "due": 0}
    assert last_line(other) == {"delivered": 1, "failed": 0, "lost": 0, "due": 0}
    assert list(Attempt.objects.values_list("number", "status", "error")) == [(1, 200, "")]
    assert everything_arrived(receiver)
    assert len(receiver.requests) == 2
    assert Endpoint.objects.get().failures_in_a_row == 0


def last_line(process: Process) -> dict[str, int]:
    found: dict[str, int] = json.loads(process.output.splitlines()[-1])
    return found


def test_outcome_of_a_lost_lease_changes_nothing_afterwards(receiver: Receiver) -> None:
    """The same when the other is done already, and beside an outcome that may be written."""
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 2)
    first = {one.pk: one for one in queue.claim(2)}
    taken_over, kept = first
    Lease.objects.filter(pk=taken_over).update(ends_at=timezone.now())
    queue.mend()
    [second] = queue.claim(2)
    assert second.pk == taken_over
    assert settling.settle([outcome(second, "delivered")]) == {taken_over}
    assert settling.settle([outcome(first[taken_over], "waiting"), outcome(first[kept], "waiting")]) == {kept}
    assert settling.settle([outcome(second, "waiting")]) == set()  # nor twice
    states = Delivery.objects.values_list("state", "attempts_made").order_by("state")
    assert list(states) == [("delivered", 1), ("waiting", 1)]
    assert Attempt.objects.count() == 2


def outcome(delivery: Delivery, state: str) -> Settlement:
    error = "" if state == "delivered" else "status"
    attempt = AttemptRow(
        delivery_id=delivery.pk,
        number=delivery.attempts_made + 1,
        started_at=timezone.now(),
        duration_ms=1,
        method="POST",
        url="http://127.0.0.1/",
        request_headers="[]",
        error=error,
    )
    return Settlement(delivery, state, None, error=error, attempt=attempt, tried=Tried(error, is_down=True))
