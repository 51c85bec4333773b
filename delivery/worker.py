"""The engine: claim a batch, send it side by side outside any transaction, settle it, until nothing is due.

Killed at any line it loses nothing: what was claimed is due again when the lease ends, and what was sent but
not settled is sent again under the same id.
"""

import gc
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.utils import timezone
from django.utils.module_loading import import_string

from delivery import channels, outcomes, queue, settling, signing, waking
from delivery.channels import Unsendable
from delivery.models import Delivery
from delivery.settling import NOT_TRIED, Settlement
from delivery.transports import Answer, Request, Transport, make_transport

log = logging.getLogger(__name__)
FLUSH_SECONDS = 0.05  # a crash can repeat what was sent since: keep it small
YOUNG_SECONDS = 0.25  # what is out longer only waits, and leaves its place to others
STALE_SECONDS = 60  # what has not begun by then would go out with a signature that is too old
MANY, GATHER_SECONDS = 64, 0.004  # with more out than that, answers are gathered for so long
LOOK_SECONDS = 0.02  # between two looks for more, when the last found nothing
MEND_SECONDS = 60  # between two looks for what nobody made ready
IDLE_SECONDS = 1.0  # between two looks when nobody calls
GONE_SECONDS = 0.5  # before the database is asked again
ENDURED_SECONDS = 60
FIRST_WAIT = timedelta(minutes=1)
LAST_WAIT = timedelta(hours=1)


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
    started: float
    is_proven: bool  # its endpoint had just said yes when it began


@dataclass(slots=True)
class _Drain:
    transport: Transport
    tally: Tally = field(default_factory=Tally)
    unproven: int = 0  # of those out, to endpoints whose last answer was not a yes
    look_at: float = 0
    gone_since: float | None = None  # the database
    out: dict[str, _Flight] = field(default_factory=dict)
    landed: list[Settlement] = field(default_factory=list)
    flushed: float = field(default_factory=time.monotonic)
    renewed: float = field(default_factory=time.monotonic)


def drain(
    *,
    seconds: float | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda done: None,
    between: Callable[[], None] = lambda: None,
    transport: Transport | None = None,
    is_mending: bool = True,
) -> Tally:
    """Carries all that is due, and returns when nothing is due or out any more.

    After `seconds`, or when told to stop, it takes nothing new, gives back what has not begun and finishes
    the rest, which takes one time limit at most. `progress` is told how many have been tried so far;
    `between` is called again and again while it works. A `transport` of the caller's stays open. With
    `is_mending` it first looks for what nobody made ready.
    """
    end = time.monotonic() + seconds if seconds is not None else None
    with _open(transport) as carrier:
        run = _Drain(carrier)
        if is_mending:
            with _enduring(run):
                queue.mend()
        while True:
            is_ending = should_stop() or (end is not None and time.monotonic() > end)
            was_out = bool(run.out)  # what lands makes room: only who had nothing out may stop looking
            may_be_more = True
            with _enduring(run):
                if is_ending:
                    _give_back(run, list(run.out))
                else:
                    between()
                may_be_more = not is_ending and _start_more(run)
            _land(run, wait_seconds=LOOK_SECONDS)
            with _enduring(run):
                if _flush(run, at_once=not run.out):
                    progress(run.tally.delivered + run.tally.failed)
                _renew(run)
            if not (was_out or run.out or run.landed or may_be_more):
                return run.tally


@contextmanager
def _enduring(run: _Drain) -> Iterator[None]:
    """A database that is gone for a while stops nothing: what has come back is written when it is back too.

    Nothing is lost and, as long as the leases last, nothing is sent twice. Raises what it says after
    ENDURED_SECONDS.
    """
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        now = time.monotonic()
        run.gone_since = run.gone_since or now
        if now - run.gone_since > ENDURED_SECONDS:
            raise
        log.warning("The database does not answer, trying again: %s", str(error).strip().partition("\n")[0])
        connection.close()
        time.sleep(GONE_SECONDS)
    else:
        run.gone_since = None


def keep_what_is_loaded() -> None:
    """For a process that does nothing but carry: the search for garbage leaves out what is loaded by now.

    Rows come in thousands; to look through all of Django for each few hundred would cost more than they do.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def stay(*, should_stop: Callable[[], bool]) -> None:
    """Stays awake: carries what is due, and as soon as something is committed, what follows from it.

    Subscribers (POSTRIDER_SUBSCRIBERS) that want to act at once on what was recorded are called here.
    """
    listener = waking.Listener()

    def serve(seconds: float = 0) -> None:
        if listener.heard(seconds):
            _tell_subscribers()

    mend_at = time.monotonic()
    while not should_stop():
        try:
            with _open(None) as transport:
                while not should_stop():
                    is_time = time.monotonic() >= mend_at
                    drain(should_stop=should_stop, between=serve, transport=transport, is_mending=is_time)
                    if is_time:
                        mend_at = time.monotonic() + MEND_SECONDS
                    close_old_connections()
                    serve(_idle_seconds())
        except (OperationalError, InterfaceError):
            log.exception("The database has been gone for long; still trying.")
            connection.close()
            time.sleep(GONE_SECONDS)


def _idle_seconds() -> float:
    """Until something may be due by the clock, at most IDLE_SECONDS."""
    next_at = queue.next_ready_at()
    if next_at is None:
        return IDLE_SECONDS
    return min(max((next_at - timezone.now()).total_seconds(), 0), IDLE_SECONDS)


def _tell_subscribers() -> None:
    """Of one that stumbles the log tells; the tick will try it again."""
    for name in settings.POSTRIDER_SUBSCRIBERS:
        try:
            import_string(name)()
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("%s failed.", name)


@contextmanager
def _open(transport: Transport | None) -> Iterator[Transport]:
    if transport is not None:
        yield transport
        return
    own = make_transport()
    try:
        yield own
    finally:
        own.close()


def _start_more(run: _Drain) -> bool:
    """Claims what there is room for and sends it off. False: we looked, and nothing more is due."""
    if run.transport.is_behind:
        return True
    room = _room(run)
    if room < min(run.transport.most_young // 4, queue.BATCH // 2) or time.monotonic() < run.look_at:
        return True
    proven_only = run.unproven >= run.transport.most_unproven
    claimed = queue.claim(min(room, queue.BATCH), proven_only=proven_only)
    now = time.monotonic()
    assert not connection.in_atomic_block, "Nothing is sent inside a transaction."
    for delivery, request in _prepared(_not_in_hand(run, claimed)):
        if isinstance(request, Unsendable):
            run.landed.append(_unsendable(delivery, request))
            continue
        is_proven = delivery.endpoint.is_proven
        run.out[delivery.id] = _Flight(delivery, request, now, is_proven)
        run.unproven += not is_proven
        run.transport.start(delivery.id, request)
    if claimed:
        return True
    run.look_at = now + LOOK_SECONDS
    return queue.is_anything_ready(proven_only=proven_only)


def _room(run: _Drain) -> int:
    """How many may be begun now: what has been out for long does not count, but for the most there may be."""
    since = time.monotonic() - YOUNG_SECONDS
    young = 0
    for flight in reversed(run.out.values()):
        if flight.started < since or young >= run.transport.most_young:
            break
        young += 1
    return min(run.transport.most_young - young, run.transport.most - len(run.out))


def _give_back(run: _Drain, keys: Collection[str]) -> None:
    """What of these has not begun is due for others."""
    unbegun = [_take_out(run, key).delivery for key in run.transport.withdraw(keys)]
    if unbegun:
        queue.give_back(unbegun)


def _take_out(run: _Drain, key: str) -> _Flight:
    flight = run.out.pop(key)
    run.unproven -= not flight.is_proven
    return flight


def _not_in_hand(run: _Drain, claimed: Sequence[Delivery]) -> list[Delivery]:
    """What we have still, our lease having run out (the machine slept), goes on under its new lease."""
    in_hand = {one.delivery.id: one.delivery for one in run.landed}
    others = []
    for delivery in claimed:
        flight = run.out.get(delivery.id)
        ours = flight.delivery if flight is not None else in_hand.get(delivery.id)
        if ours is None:
            others.append(delivery)
        else:
            ours.token = delivery.token
    return others


def _prepared(deliveries: Sequence[Delivery]) -> list[tuple[Delivery, Request | Unsendable]]:
    """Each with its request: its channel is asked once for all of its deliveries."""
    by_channel: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        by_channel[delivery.channel].append(delivery)
    requests: dict[str, Request | Unsendable] = {}
    for name, group in by_channel.items():
        requests |= _prepared_by(name, group)
    requests = signing.signed(requests, deliveries, timezone.now())
    unknown = Unsendable(
        "internal", "Postrider could not prepare this delivery; see the log.", is_its_own=True
    )
    return [(delivery, requests.get(delivery.id, unknown)) for delivery in deliveries]


def _prepared_by(channel: str, deliveries: Sequence[Delivery]) -> dict[str, Request | Unsendable]:
    """What the channel makes of them; if it stumbles, of each half, so that one cannot stop the others."""
    try:
        return channels.channel(channel).prepare(deliveries)
    except Exception:
        if len(deliveries) == 1:
            log.exception("The channel %s could not prepare delivery %s.", channel, deliveries[0].id)
            return {}
    half = len(deliveries) // 2
    return _prepared_by(channel, deliveries[:half]) | _prepared_by(channel, deliveries[half:])


def _unsendable(delivery: Delivery, reason: Unsendable) -> Settlement:
    """Nothing was sent: held, or tried again later with the reason on record, but no attempt counted."""
    if delivery.is_finished:
        return Settlement(delivery, delivery.state, None, delivery.last_error, delivery.last_detail)
    if delivery.is_test:  # whose outcome somebody waits for
        return Settlement(delivery, Delivery.State.FAILED, None, reason.error, reason.detail, tried=None)
    now = timezone.now()
    # The longer it has been missing, the less often we look; a minute at first.
    wait = min(max(FIRST_WAIT, (now - delivery.created_at) / 4), LAST_WAIT)
    tried = None if reason.is_its_own else NOT_TRIED
    return Settlement(delivery, Delivery.State.WAITING, now + wait, reason.error, reason.detail, tried=tried)


def _land(run: _Drain, *, wait_seconds: float) -> None:
    if not run.out:
        if time.monotonic() < run.look_at:
            time.sleep(max(run.look_at - time.monotonic(), 0))
        return
    if len(run.out) > MANY:
        time.sleep(GATHER_SECONDS)  # to be woken for each answer would cost more than to carry it
    answers = run.transport.finished(wait_seconds)
    now = timezone.now()
    run.landed += [_outcome(_take_out(run, key), answer, now) for key, answer in answers]


def _outcome(flight: _Flight, answer: Answer, now: datetime) -> Settlement:
    delivery = flight.delivery
    # Counted back: a request may have waited for its turn before it started.
    started_at = now - timedelta(milliseconds=answer.duration_ms)

    def wait() -> timedelta | None:
        if delivery.is_test:  # tried once: that it failed is what somebody wants to know
            return None
        channel = channels.channel(delivery.channel)
        if not channel.IS_UNTIL_SUCCESS:
            is_gone = answer.status == outcomes.GONE
            return None if is_gone else channel.retry_after(delivery, delivery.attempts_made + 1)
        asked = outcomes.asked_to_wait(answer, started_at)
        return asked or channel.retry_after(delivery, delivery.attempts_made + 1)

    settled = outcomes.settlement(delivery, flight.request, answer, started_at, wait)
    if settled.attempt is not None and settled.attempt.error:
        log.info("Not accepted: %s", settled.attempt.detail, extra=_facts(settled))
    return settled


def _facts(settled: Settlement) -> dict[str, object]:
    """What a log line says of an attempt beside its words."""
    delivery, attempt = settled.delivery, settled.attempt
    assert attempt is not None
    return {
        "delivery": delivery.id,
        "endpoint": delivery.endpoint_id,
        "attempt": attempt.number,
        "error": attempt.error,
        "status": attempt.status,
        "duration_ms": attempt.duration_ms,
    }


def _flush(run: _Drain, *, at_once: bool) -> bool:
    """Writes outcomes in batches: every 50 ms, or 500 of them, or at the end. Whether it wrote."""
    now = time.monotonic()
    if not run.landed or not (
        at_once or len(run.landed) >= queue.BATCH or now - run.flushed >= FLUSH_SECONDS
    ):
        return False
    batch = run.landed[:]
    ids = settling.settle(batch)
    del run.landed[: len(batch)]
    written = [one for one in batch if one.delivery.id in ids]
    delivered = sum(one.state == Delivery.State.DELIVERED for one in written)
    run.tally.delivered += delivered
    run.tally.failed += len(written) - delivered
    run.tally.lost += len(batch) - len(written)
    run.flushed = time.monotonic()
    return True


def _renew(run: _Drain) -> None:
    if time.monotonic() - run.renewed > settings.POSTRIDER_LEASE_SECONDS / 3:
        long_ago = time.monotonic() - STALE_SECONDS
        _give_back(run, [key for key, flight in run.out.items() if flight.started < long_ago])
        in_hand: list[_Flight | Settlement] = [*run.out.values(), *run.landed]
        queue.renew([one.delivery for one in in_hand])
        run.renewed = time.monotonic()
