"""The engine: claim a batch, send it side by side outside any transaction, settle it, until nothing is due.

Killed at any line it loses nothing: what was claimed is due again when the lease ends, and what was sent but
not settled is sent again under the same id.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from delivery import channels, outcomes, queue, retries
from delivery.channels import Unsendable
from delivery.models import Delivery
from delivery.queue import Settlement
from delivery.transports import Answer, Request, Transport, make_transport

log = logging.getLogger(__name__)
IN_HAND = 8  # claimed per sending thread: enough to claim rarely, little enough to leave work to others
FLUSH_SECONDS = 0.05  # a crash can repeat what was sent since: keep it small


@dataclass(slots=True)
class Tally:
    """What one drain did."""

    delivered: int = 0
    failed: int = 0
    lost: int = 0  # outcomes that were not ours to write any more


@dataclass(slots=True)
class _Flight:
    """A request that is out."""

    delivery: Delivery
    request: Request


@dataclass(slots=True)
class _Drain:
    transport: Transport
    tally: Tally = field(default_factory=Tally)
    out: dict[str, _Flight] = field(default_factory=dict)
    landed: list[Settlement] = field(default_factory=list)
    flushed: float = field(default_factory=time.monotonic)
    renewed: float = field(default_factory=time.monotonic)


def drain(
    *,
    seconds: float | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda done: None,
) -> Tally:
    """Carries all that is due, and returns when nothing is due or out any more.

    After `seconds`, or when told to stop, it takes nothing new, gives back what has not begun and finishes
    the rest, which takes one time limit at most. `progress` is told how many have been tried so far.
    """
    end = time.monotonic() + seconds if seconds is not None else None
    run = _Drain(make_transport())
    try:
        while True:
            is_ending = should_stop() or (end is not None and time.monotonic() > end)
            if is_ending:
                _give_back(run)
            may_be_more = not is_ending and _start_more(run)
            _land(run, wait_seconds=0.02 if run.out else 0)
            if _flush(run, at_once=not run.out):
                progress(run.tally.delivered + run.tally.failed)
            _renew(run)
            if not run.out and not may_be_more:
                return run.tally
    finally:
        run.transport.close()


def _start_more(run: _Drain) -> bool:
    """Claims what there is room for and sends it off. False: we looked, and nothing more is due."""
    most = min(IN_HAND * settings.POSTRIDER_SEND_THREADS, queue.BATCH)
    room = most - len(run.out)
    if room < most // 2:
        return True
    claimed = queue.claim(room)
    for delivery, request in _prepared([one for one in claimed if not _is_in_hand(run, one)]):
        if isinstance(request, Unsendable):
            run.landed.append(_unsendable(delivery, request))
            continue
        assert not connection.in_atomic_block, "Nothing is sent inside a transaction."
        run.out[delivery.pk] = _Flight(delivery, request)
        run.transport.start(delivery.pk, request)
    return bool(claimed)


def _give_back(run: _Drain) -> None:
    """What no thread has begun with is due for others."""
    unbegun = [run.out.pop(key).delivery for key in run.transport.withdraw()]
    if unbegun:
        queue.give_back(unbegun)


def _is_in_hand(run: _Drain, claimed: Delivery) -> bool:
    """Whether we have it still, our lease having run out (the machine slept): the new lease is for that."""
    in_hand = [one.delivery for one in run.landed if one.delivery.pk == claimed.pk]
    if claimed.pk in run.out:
        in_hand.append(run.out[claimed.pk].delivery)
    for delivery in in_hand:
        delivery.lease = claimed.lease
    return bool(in_hand)


def _prepared(deliveries: Sequence[Delivery]) -> list[tuple[Delivery, Request | Unsendable]]:
    """Each with its request: its channel is asked once for all of its deliveries."""
    by_channel: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        by_channel[delivery.channel].append(delivery)
    requests: dict[str, Request | Unsendable] = {}
    for name, group in by_channel.items():
        requests |= _prepared_by(name, group)
    unknown = Unsendable("internal", "Postrider could not prepare this delivery; see the log.")
    return [(delivery, requests.get(delivery.pk, unknown)) for delivery in deliveries]


def _prepared_by(channel: str, deliveries: Sequence[Delivery]) -> dict[str, Request | Unsendable]:
    """What the channel makes of them; if it stumbles, of each half, so that one cannot stop the others."""
    try:
        return channels.channel(channel).prepare(deliveries)
    except Exception:
        if len(deliveries) == 1:
            log.exception("The channel %s could not prepare delivery %s.", channel, deliveries[0].pk)
            return {}
    half = len(deliveries) // 2
    return _prepared_by(channel, deliveries[:half]) | _prepared_by(channel, deliveries[half:])


def _unsendable(delivery: Delivery, reason: Unsendable) -> Settlement:
    """Nothing was sent: held, or tried again later with the reason on record, but no attempt counted."""
    if delivery.is_finished:
        return Settlement(delivery, delivery.state, None, delivery.last_error, delivery.last_detail)
    wait: timedelta | None = retries.FIRST
    if not reason.is_held:  # else due if it is released before this is written: nobody will look for it then
        wait = channels.channel(delivery.channel).retry_after(delivery, delivery.attempts_made + 1)
    due_at = None if wait is None else timezone.now() + wait
    return Settlement(delivery, Delivery.State.WAITING, due_at, reason.error, reason.detail)


def _land(run: _Drain, *, wait_seconds: float) -> None:
    for key, answer in run.transport.finished(wait_seconds) if run.out else ():
        flight = run.out.pop(key)
        run.landed.append(_outcome(flight, answer))


def _outcome(flight: _Flight, answer: Answer) -> Settlement:
    delivery = flight.delivery
    # Counted back: a request may have waited for a free thread before it started.
    started_at = timezone.now() - timedelta(milliseconds=answer.duration_ms)
    wait = channels.channel(delivery.channel).retry_after(delivery, delivery.attempts_made + 1)
    return outcomes.settlement(delivery, flight.request, answer, started_at, wait)


def _flush(run: _Drain, *, at_once: bool) -> bool:
    """Writes outcomes in batches: every 50 ms, or 500 of them, or at the end. Whether it wrote."""
    now = time.monotonic()
    if not run.landed or not (
        at_once or len(run.landed) >= queue.BATCH or now - run.flushed >= FLUSH_SECONDS
    ):
        return False
    batch, run.landed = run.landed, []
    ids = queue.settle(batch)
    written = [one for one in batch if one.delivery.pk in ids]
    delivered = sum(one.state == Delivery.State.DELIVERED for one in written)
    run.tally.delivered += delivered
    run.tally.failed += len(written) - delivered
    run.tally.lost += len(batch) - len(written)
    run.flushed = time.monotonic()
    return True


def _renew(run: _Drain) -> None:
    if time.monotonic() - run.renewed > settings.POSTRIDER_LEASE_SECONDS / 3:
        in_hand: list[_Flight | Settlement] = [*run.out.values(), *run.landed]
        queue.renew([one.delivery for one in in_hand])
        run.renewed = time.monotonic()
