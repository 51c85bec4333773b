"""Several connections on one queue at once: nothing is overlooked, nothing doubled, nobody is stuck."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from delivery import queue, settling
from delivery.courtesy import Tried
from delivery.ids import new_id
from delivery.models import Attempt, Delivery, Endpoint, Lease
from delivery.queue import NewDelivery
from delivery.settling import AttemptRow, Settlement
from exports import services, sweep
from exports.models import ExportProfile
from tests.journeys import crashes, shop
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 20.0


def an_endpoint(name: str = "Partner", **columns: Any) -> Endpoint:
    """One that is known to say yes, so that only its own limits bind it."""
    return Endpoint.objects.create(
        **{"channel": "export", "name": name, "last_success_at": timezone.now(), **columns}
    )


def put(endpoint: Endpoint, count: int = 1) -> set[str]:
    new = [
        NewDelivery(new_id(), None, "export", 1, endpoint.name, 1, "", endpoint.pk, "said")
        for _ in range(count)
    ]
    with transaction.atomic():
        queue.put(new, now=timezone.now())
    return {one.id for one in new}


def look_at(endpoint: Endpoint) -> None:
    with transaction.atomic():
        queue.make_ready([endpoint.pk], timezone.now())


def settled(deliveries: Sequence[Delivery], error: str = "") -> set[str]:
    """All of them accepted, or refused for now."""
    now = timezone.now()
    state = "waiting" if error else "delivered"
    due_at = now if error else None
    return settling.settle(
        [
            Settlement(one, state, due_at, error, attempt=attempt(one, error), tried=Tried(error, now))
            for one in deliveries
        ]
    )


def attempt(delivery: Delivery, error: str) -> AttemptRow:
    return AttemptRow(
        delivery_id=delivery.pk,
        number=delivery.attempts_made + 1,
        started_at=timezone.now(),
        duration_ms=1,
        method="POST",
        url="http://127.0.0.1/",
        request_headers="[]",
        error=error,
    )


def claimed_ids(limit: int = 500) -> set[str]:
    return {one.pk for one in queue.claim(limit)}


@contextmanager
def beside(*functions: Callable[[], Any]) -> Iterator[list[Future[Any]]]:
    """Each in a thread with a connection of its own; whatever one raises is raised at the end."""

    def run(function: Callable[[], Any]) -> Any:
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(functions)) as pool:
        futures = [pool.submit(run, function) for function in functions]
        yield futures
        for future in futures:
            future.result(SECONDS)


class Uncommitted:
    """Does something in a transaction of another connection, which stays open until it is told to commit."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._is_done, self._may_commit = threading.Event(), threading.Event()
        self.result: Any = None

    def __call__(self) -> None:
        with transaction.atomic():
            self.result = self._function()
            self._is_done.set()
            assert self._may_commit.wait(SECONDS)

    def wait(self) -> None:
        assert self._is_done.wait(SECONDS)

    def commit(self) -> None:
        self._may_commit.set()


# --- the lost wake-up ------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_what_is_being_queued_is_found_once_it_is_committed() -> None:
    endpoint = an_endpoint()
    putting = Uncommitted(lambda: put(endpoint))
    with beside(putting):
        putting.wait()
        assert claimed_ids() == set()
        assert queue.next_ready_at() is None
        putting.commit()
    assert claimed_ids() == putting.result


@pytest.mark.postgres
def test_what_is_queued_while_a_claim_looks_is_found_afterwards() -> None:
    """The claim has seen that nothing more waits, and says so when the other has queued something."""
    endpoint = an_endpoint()
    first = put(endpoint)
    claiming = Uncommitted(claimed_ids)
    with beside(claiming):
        claiming.wait()
        with beside(lambda: put(endpoint)) as [putting]:
            wait_until(lambda: others_wait() == 1, what="the one who queues to wait for the one who claims")
            claiming.commit()
    assert claiming.result == first
    assert claimed_ids() == putting.result()


@pytest.mark.postgres
@pytest.mark.parametrize("error", ["", "status"])
def test_what_is_queued_while_an_outcome_is_written_is_found_afterwards(error: str) -> None:
    endpoint = an_endpoint()
    put(endpoint)
    [delivery] = queue.claim(1)
    settling = Uncommitted(lambda: settled([delivery], error))
    with beside(settling):
        settling.wait()
        with beside(lambda: put(endpoint)) as [putting]:
            wait_until(lambda: others_wait() == 1, what="the one who queues to wait for the one who settles")
            settling.commit()
    assert putting.result() <= claimed_ids()


@pytest.mark.postgres
@pytest.mark.parametrize("is_settled_first", [True, False])
def test_an_outcome_and_a_claim_at_once(is_settled_first: bool) -> None:
    """One of two is out; its outcome makes room, which the claim either sees or is told of afterwards."""
    endpoint = an_endpoint(concurrency=1)
    both = put(endpoint, 2)
    [delivery] = queue.claim(2)
    look_at(endpoint)
    steps = [lambda: settled([delivery]), claimed_ids]
    first, second = steps if is_settled_first else steps[::-1]
    begun = Uncommitted(first)
    with beside(begun):
        begun.wait()
        with beside(second) as [other]:
            if not is_settled_first:  # a claim passes by what is locked; an outcome waits
                wait_until(lambda: others_wait() == 1, what="the outcome to wait for the claim")
            else:
                other.result(SECONDS)
            begun.commit()
    found = claimed_ids() | (begun.result if not is_settled_first else other.result())
    assert found == both - {delivery.pk}


def others_wait() -> int:
    """How many connections wait for a lock that somebody holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0")
        return int(cursor.fetchone()[0])


# --- at the same moment ----------------------------------------------------------------------------------


def test_claims_at_once_never_share_a_delivery_nor_pass_a_limit() -> None:
    limits = {an_endpoint(f"Partner {limit}", concurrency=limit).pk: limit for limit in (1, 3, 7, 100)}
    for endpoint in Endpoint.objects.all():
        put(endpoint, 20)
    start = threading.Barrier(4)

    def claim() -> list[Delivery]:
        start.wait(SECONDS)
        found = queue.claim(5)
        while queue.is_anything_ready():
            found += queue.claim(5)
        return found

    with beside(claim, claim, claim, claim) as claims:
        pass
    claimed = [one for claim in claims for one in claim.result()]
    assert len({one.pk for one in claimed}) == len(claimed)
    taken = Counter(one.endpoint_id for one in claimed)
    assert taken == {pk: min(limit, 20) for pk, limit in limits.items()}


def test_workers_at_once_carry_everything_once() -> None:
    endpoints = [an_endpoint(f"Partner {number}", concurrency=3) for number in range(4)]
    queued = set[str]().union(*[put(endpoint, 25) for endpoint in endpoints])
    most_out = 3 * len(endpoints)

    def carry(seed: int) -> list[str]:
        rng, done = random.Random(seed), []
        for _ in range(200):
            some = queue.claim(rng.randint(1, 8))
            out = Lease.objects.count()
            assert out <= most_out
            given_back = some[:1] if rng.random() < 0.3 else []
            queue.give_back(given_back)
            done += settled(some[len(given_back) :])
            if not some and not queue.is_anything_ready() and not Lease.objects.exists():
                break
        return done

    with beside(*[lambda seed=seed: carry(seed) for seed in range(3)]) as workers:
        pass
    done = [pk for worker in workers for pk in worker.result()]
    assert sorted(done) == sorted(queued)
    assert set(Attempt.objects.values_list("delivery_id", "number")) == {(pk, 1) for pk in queued}
    assert queue.next_ready_at() is None


# --- nobody waits in a circle ----------------------------------------------------------------------------


@pytest.mark.postgres
def test_nobody_waits_in_a_circle() -> None:
    """Outcomes, claims, renewals, what is queued and what people do, each in an order of its own."""
    endpoints = [an_endpoint(f"Partner {number}", concurrency=1000) for number in range(6)]
    for endpoint in endpoints:
        put(endpoint, 60)

    def settle(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(25):
            some = queue.claim(24)
            rng.shuffle(some)
            queue.renew(some)
            settled(some[:10], "status")
            queue.give_back(some[10:])

    def interfere(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(25):
            with transaction.atomic():
                new = [
                    NewDelivery(new_id(), None, "export", 1, "", 1, "", one.pk, "said")
                    for one in rng.sample(endpoints, 4)
                ]
                queue.put(new, now=timezone.now())
            queue.hold(endpoints[rng.randrange(6)])
            for endpoint in rng.sample(endpoints, 6):
                queue.release(endpoint)

    with beside(*[lambda s=s: settle(s) for s in range(3)], *[lambda s=s: interfere(s) for s in range(2)]):
        pass


@pytest.mark.postgres
def test_who_mends_waits_for_nobody() -> None:
    """What others have locked they see to; what they have not is mended meanwhile."""
    locked, free = an_endpoint("Locked"), an_endpoint("Free")
    expected = put(free)
    put(locked)
    Endpoint.objects.update(ready_at=None)
    with transaction.atomic():
        queue.lock_endpoints([locked.pk])
        with beside(lambda: (queue.mend(), claimed_ids())) as [mending]:
            pass
    assert mending.result()[1] == expected
    queue.mend()
    assert len(claimed_ids()) == 1


@pytest.mark.postgres
def test_a_sweep_and_who_saves_the_profile_do_not_wait_in_a_circle() -> None:
    """The profile first, then its endpoint: whoever wants both takes them in this order."""
    store = shop.a_shop()
    profile = shop.a_profile(store, "Partner", "http://127.0.0.1/", "partial")
    sweep.run([profile])  # from now on it knows where it is in the log
    shop.a_partial(store)
    is_locked = threading.Event()

    def run() -> None:
        assert is_locked.wait(SECONDS)
        sweep.run([profile])

    with beside(run), transaction.atomic():
        ExportProfile.objects.select_for_update().get(pk=profile.pk)
        is_locked.set()
        wait_until(crashes.waiting_for_us, what="the sweep to wait for us")
        services.switch_off(profile, by="ann")
    assert Endpoint.objects.get(pk=profile.endpoint_id).is_held
    assert Delivery.objects.count() == 1


# --- clocks ----------------------------------------------------------------------------------------------


def test_a_clock_set_back_hands_nothing_out_twice() -> None:
    """The endpoint woke two hours from now, as it looks: what is out is not what waited for that."""
    endpoint = an_endpoint(awake_since=timezone.now() + timedelta(hours=2))
    assert claimed_ids() == set() != put(endpoint)
    assert len(claimed_ids()) == 1
    look_at(endpoint)
    assert claimed_ids() == set()
