"""Whatever happens in whatever order, the queue keeps its promises: hypothesis looks for one in which not.

It puts, claims, settles, renews, gives back, holds, releases, hurries, sends again, lets workers die and
clocks jump, on the real tables, beside a small model in Python. `queue.mend` is never called: what is due
must be found without it. POSTRIDER_TEST_STATE_MACHINE=deep tries more, and makes a failure small (minutes).
"""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from delivery import channels, outcomes, queue, services, settling
from delivery.courtesy import UNPROVEN_AT_ONCE
from delivery.ids import new_id
from delivery.models import Attempt, Delivery, Endpoint, Lease
from delivery.queue import NewDelivery
from delivery.settling import Settlement
from delivery.transports import Answer, Request
from tests.delivery import fixed_attempts

LEASE = 60.0
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDPOINTS = (
    {"channel": "export"},
    {"channel": "export", "concurrency": 3},
    {"channel": "export", "rate_per_second": 0.5},
    {"channel": "fixed", "concurrency": 4},
)
ANSWERS = {
    "yes": Answer(status=200),
    "down": Answer(status=500),
    "gone": Answer(error="refused", detail="The connection was refused."),
    "no": Answer(status=404),
    "wait": Answer(status=429, headers=(("Retry-After", "40"),)),
}
UNSENDABLE = "unsendable"
REQUEST = Request("POST", "http://127.0.0.1/", (), b"", 10, "http://127.0.0.1/", ())

FEW = st.integers(1, 6)
ENDPOINT = st.integers(0, len(ENDPOINTS) - 1)
WORKER = st.integers(0, 1)
OUTCOMES = st.lists(st.sampled_from([*ANSWERS, "yes", UNSENDABLE]), min_size=1, max_size=4)
Hands = dict[str, Delivery]  # what a worker has claimed and not said a word about


@dataclass(slots=True)
class Known:
    """What the model knows of a delivery."""

    endpoint: int
    state: str = "pending"
    attempts: int = 0
    token: str = ""
    until: datetime = START

    def is_out(self, now: datetime) -> bool:
        return bool(self.token) and self.until > now

    @property
    def is_finished(self) -> bool:
        return self.state not in ("pending", "waiting")


@dataclass(slots=True)
class Health:
    """What the model knows of an endpoint."""

    failures: int = 0
    has_succeeded: bool = False
    is_held: bool = False


@dataclass(slots=True)
class Model:
    """All that was put, and who has it in hand by the latest lease."""

    known: dict[str, Known] = field(default_factory=dict)
    health: dict[int, Health] = field(default_factory=lambda: defaultdict(Health))

    def out(self, now: datetime) -> Counter[int]:
        return Counter(one.endpoint for one in self.known.values() if one.is_out(now))

    def is_ours(self, hand: Delivery) -> bool:
        return bool(hand.token) and self.known[hand.pk].token == hand.token

    def settle(self, hand: Delivery, answer: str) -> None:
        one = self.known[hand.pk]
        one.token = ""
        if answer == UNSENDABLE:
            one.state = one.state if one.is_finished else "waiting"
            return
        one.attempts += 1
        health = self.health[one.endpoint]
        health.failures = 0 if answer == "yes" else health.failures + 1
        health.has_succeeded |= answer == "yes"
        if answer == "yes":
            one.state = "delivered"
        elif not one.is_finished:
            is_last = hand.channel == "fixed" and one.attempts >= fixed_attempts.ATTEMPTS
            one.state = "failed" if is_last else "waiting"


class QueueMachine(RuleBasedStateMachine):
    """Two workers with what they have in hand; of some, the other has taken over."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.latest = START
        self.clock = patch.object(timezone, "now", lambda: self.now)
        self.clock.start()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.model = Model()
        self.hands: tuple[Hands, Hands] = ({}, {})
        self.endpoints = [
            Endpoint.objects.create(name=f"Partner {number}", **columns)
            for number, columns in enumerate(ENDPOINTS)
        ]

    # --- what can happen -----------------------------------------------------------------------------

    @initialize(counts=st.tuples(FEW, FEW, FEW, FEW), answers=OUTCOMES)
    def begin(self, counts: tuple[int, ...], answers: list[str]) -> None:
        for number, count in enumerate(counts):
            self.put(number, count)
        self.claim_and_settle(0, answers)

    @rule(number=ENDPOINT, count=FEW)
    def put(self, number: int, count: int) -> None:
        self.tick()
        endpoint = self.endpoints[number]
        new = [
            NewDelivery(new_id(), None, endpoint.channel, 1, endpoint.name, 1, "", endpoint.pk, "said")
            for _ in range(count)
        ]
        queue.put(new, now=self.now)
        self.model.known |= {one.id: Known(endpoint.pk) for one in new}

    @rule(worker=WORKER, limit=st.integers(1, 9), proven_only=st.booleans())
    def claim(self, worker: int, limit: int, proven_only: bool) -> None:
        self.tick()
        self.take(self.hands[worker], limit, proven_only=proven_only)

    @rule(worker=WORKER, answers=OUTCOMES)
    def claim_and_settle(self, worker: int, answers: list[str]) -> None:
        """What is usual, in one step."""
        self.tick()
        self.take(self.hands[worker], 9)
        self.tick()
        self.write(self.hands[worker], answers, 9)

    @rule(worker=WORKER, answers=OUTCOMES)
    def wait_claim_and_settle(self, worker: int, answers: list[str]) -> None:
        """The same as soon as there may be something to do."""
        self.now = max(self.now, queue.next_ready_at() or self.now)
        self.claim_and_settle(worker, answers)

    @rule(number=ENDPOINT)
    def claim_and_claim_more(self, number: int) -> None:
        """As soon as there may be something to do; the second finds an endpoint that is hurried."""
        self.now = max(self.now, queue.next_ready_at() or self.now)
        self.claim(0, 9, proven_only=False)
        self.hurry(number, is_elsewhere=False)
        self.claim(1, 9, proven_only=False)

    @rule(worker=WORKER, answers=OUTCOMES)
    def take_over(self, worker: int, answers: list[str]) -> None:
        """The leases end, another claims what this one has, and then this one comes with its outcomes."""
        self.claim(worker, 9, proven_only=False)
        self.now += timedelta(seconds=LEASE)
        self.claim(1 - worker, 9, proven_only=False)
        self.write(self.hands[worker], answers, 9)

    def take(self, hands: Hands, limit: int, *, proven_only: bool = False) -> None:
        before = {endpoint.pk: endpoint for endpoint in Endpoint.objects.all()}
        out = self.model.out(self.now)
        claimed = queue.claim(limit, proven_only=proven_only)
        assert len({one.pk for one in claimed}) == len(claimed) <= limit
        for one in claimed:
            assert not self.model.known[one.pk].is_out(self.now), "In two hands, both with a lease."
            self.model.known[one.pk].token = one.token
            self.model.known[one.pk].until = queue.lease_end(self.now)
        for pk, taken in Counter(one.endpoint_id for one in claimed).items():
            self.check_limits(before[pk], out[pk] + taken)
            assert not proven_only or before[pk].is_proven
        for one in claimed:  # a worker that has it still, its lease having run out, keeps it with the new one
            hands[one.pk] = one

    def check_limits(self, endpoint: Endpoint, out: int) -> None:
        health = self.model.health[endpoint.pk]
        assert not health.is_held
        assert out <= endpoint.concurrency
        if health.failures or not health.has_succeeded:
            assert out <= UNPROVEN_AT_ONCE
        if endpoint.window is not None:
            assert out <= endpoint.window
        if endpoint.asleep_until is not None:
            assert endpoint.asleep_until <= self.now, "It sleeps."
            assert out == 1, "It sleeps, and gets one probe."

    @rule(worker=WORKER, answers=OUTCOMES, count=FEW)
    def settle(self, worker: int, answers: list[str], count: int) -> None:
        self.tick()
        self.write(self.hands[worker], answers, count)

    def write(self, hands: Hands, answers: Sequence[str], count: int) -> None:
        some = [hands.pop(pk) for pk in list(hands)[:count]]
        said = [(hand, answers[number % len(answers)]) for number, hand in enumerate(some)]
        ours = {hand.pk for hand in some if self.model.is_ours(hand)}
        written = settling.settle([self.settlement(hand, answer) for hand, answer in said])
        assert written == ours, "A lost lease wrote, or a good one did not."
        for hand, answer in said:
            if hand.pk in ours:
                self.model.settle(hand, answer)

    def settlement(self, hand: Delivery, answer: str) -> Settlement:
        if answer == UNSENDABLE:
            state = hand.state if hand.is_finished else "waiting"
            due_at = None if hand.is_finished else self.now + timedelta(minutes=1)
            return Settlement(hand, state, due_at, "config", "The profile has no Postback URL.")
        made = ANSWERS[answer]
        wait = channels.channel(hand.channel).retry_after(hand, hand.attempts_made + 1)
        if hand.channel == "export":
            wait = outcomes.asked_to_wait(made, self.now) or wait
        return outcomes.settlement(hand, REQUEST, made, self.now, lambda: wait)

    @rule(worker=WORKER)
    def renew(self, worker: int) -> None:
        self.tick()
        hands = list(self.hands[worker].values())
        queue.renew(hands)
        for hand in hands:
            if self.model.is_ours(hand):
                self.model.known[hand.pk].until = queue.lease_end(self.now)

    @rule(worker=WORKER, count=FEW)
    def give_back(self, worker: int, count: int) -> None:
        self.tick()
        hands = self.hands[worker]
        some = [hands.pop(pk) for pk in list(hands)[:count]]
        queue.give_back(some)
        for hand in some:
            if self.model.is_ours(hand):
                self.model.known[hand.pk].token = ""

    @rule(worker=WORKER)
    def die(self, worker: int) -> None:
        self.hands[worker].clear()

    @rule(number=ENDPOINT)
    def hold(self, number: int) -> None:
        self.tick()
        queue.hold(self.endpoints[number])
        self.model.health[self.endpoints[number].pk].is_held = True

    @rule(number=ENDPOINT)
    def release(self, number: int) -> None:
        self.tick()
        queue.release(self.endpoints[number])
        self.model.health[self.endpoints[number].pk].is_held = False
        self.model.health[self.endpoints[number].pk].failures = 0

    @rule(number=ENDPOINT, is_elsewhere=st.booleans())
    def hurry(self, number: int, is_elsewhere: bool) -> None:
        self.tick()
        queue.hurry(self.endpoints[number], is_elsewhere=is_elsewhere)
        if is_elsewhere:
            self.model.health[self.endpoints[number].pk].failures = 0

    @rule(number=st.integers(0, 30))
    def send_again(self, number: int) -> None:
        self.tick()
        pk = list(self.model.known)[number % len(self.model.known)]
        one = self.model.known[pk]
        try:
            services.send_again(Delivery.objects.get(pk=pk), by="ann")
        except services.NotNow:
            assert self.model.health[one.endpoint].is_held or one.is_out(self.now - timedelta(seconds=2))
        else:
            assert not self.model.health[one.endpoint].is_held
            assert not one.is_out(self.now)
            one.token = ""

    @rule(seconds=st.sampled_from([1, 30, 61, 61, 61, 300, 4000, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(seconds=st.sampled_from([1, 30, 61, 4000]))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.latest = max(self.latest, queue.lease_end(self.now))
        self.now -= timedelta(seconds=seconds)

    def tick(self) -> None:
        self.now += timedelta(milliseconds=3)

    # --- what must be so at any time -----------------------------------------------------------------

    @invariant()
    def the_tables_say_what_the_model_says(self) -> None:
        rows = Delivery.objects.values_list("pk", "state", "attempts_made", "lease__token")
        said = {pk: (one.state, one.attempts, one.token) for pk, one in self.model.known.items()}
        assert {pk: (state, made, token or "") for pk, state, made, token in rows} == said

    @invariant()
    def each_attempt_is_on_record_once(self) -> None:
        numbers: dict[str, list[int]] = defaultdict(list)
        for pk, number in Attempt.objects.order_by("number").values_list("delivery_id", "number"):
            numbers[pk].append(number)
        made = {pk: one.attempts for pk, one in self.model.known.items() if one.attempts}
        assert numbers == {pk: list(range(1, count + 1)) for pk, count in made.items()}

    @invariant()
    def nothing_falls_out_of_the_queue(self) -> None:
        """What is not finished is due at some time, or its endpoint is held."""
        lost = Delivery.objects.filter(state__in=["pending", "waiting"], due_at=None)
        assert not lost.filter(endpoint__is_held=False).exists()
        assert not Delivery.objects.filter(kept_on__isnull=False, due_at__isnull=False).exists()

    @invariant()
    def endpoints_know_their_health(self) -> None:
        for endpoint in Endpoint.objects.all():
            health = self.model.health[endpoint.pk]
            assert endpoint.failures_in_a_row == health.failures
            assert endpoint.is_held == health.is_held
            assert (endpoint.last_success_at is not None) == health.has_succeeded

    @invariant()
    def what_is_due_is_found(self) -> None:
        """Claims that are taken back: they end, and leave nothing due where there is room for it."""
        due = Delivery.objects.filter(due_at__lte=self.now, endpoint__is_held=False)
        due = due.exclude(lease__ends_at__gt=self.now)
        if not due.exists():
            return
        with transaction.atomic():
            for _ in range(len(self.model.known) + 3 * len(ENDPOINTS)):
                queue.claim(9)
                if not queue.is_anything_ready():
                    break
            else:
                raise AssertionError("The claims do not come to an end.")
            for endpoint in Endpoint.objects.filter(pk__in=due.values("endpoint")):
                assert self.may_wait(endpoint), f"{endpoint} has something due, and nobody finds it."
            transaction.set_rollback(True)

    def may_wait(self, endpoint: Endpoint) -> bool:
        """Whether what is due at it rightly waits, all having been claimed that there was room for."""
        assert endpoint.ready_at is not None, f"{endpoint} is never looked at again."
        if (
            self.now < endpoint.ready_at <= self.latest
        ):  # since the clock was set back: until it is right again
            return True
        out = Lease.objects.filter(endpoint=endpoint, ends_at__gt=self.now).count()
        if endpoint.asleep_until is not None:
            return out > 0 or endpoint.asleep_until > self.now
        if endpoint.rate_spent_until is not None and endpoint.rate_spent_until > self.now:
            return True
        room = min(
            endpoint.window or 1000, endpoint.concurrency, 1000 if endpoint.is_proven else UNPROVEN_AT_ONCE
        )
        return out >= room

    # --- and in the end ------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self.in_the_end_all_is_delivered()
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)
            self.clock.stop()

    def in_the_end_all_is_delivered(self) -> None:
        for endpoint in self.endpoints:
            queue.release(endpoint)
            self.model.health[endpoint.pk].is_held = False
            self.model.health[endpoint.pk].failures = 0
        hands: Hands = {}
        # A look for each lease, until the clock is right again.
        jumped = max((self.latest - self.now) / timedelta(seconds=LEASE), 0)
        for _ in range(6 * (len(self.model.known) + int(jumped)) + 20):
            next_at = queue.next_ready_at()
            if next_at is None:
                break
            self.now = max(self.now + timedelta(milliseconds=1), next_at)
            self.take(hands, 50)
            self.write(hands, ["yes"], 50)
        assert queue.next_ready_at() is None
        assert not Delivery.objects.filter(due_at__isnull=False).exists()
        assert all(one.is_finished for one in self.model.known.values())
        self.the_tables_say_what_the_model_says()
        self.each_attempt_is_on_record_once()


IS_DEEP = os.environ.get("POSTRIDER_TEST_STATE_MACHINE") == "deep"
PROFILE = settings(
    max_examples=300 if IS_DEEP else 25,
    stateful_step_count=50 if IS_DEEP else 30,
    deadline=None,
    derandomize=not IS_DEEP,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, *([Phase.shrink] if IS_DEEP else [])],
)


@pytest.mark.django_db
def test_the_queue_keeps_its_promises(settings) -> None:
    settings.POSTRIDER_LEASE_SECONDS = LEASE
    settings.POSTRIDER_CHANNELS = {
        **settings.POSTRIDER_CHANNELS,
        "fixed": "tests.delivery.fixed_attempts",
    }
    run_state_machine_as_test(QueueMachine, settings=PROFILE)
