"""How much an endpoint is asked to bear: sleep and probes, slow start, limits at once and per second.

Pure functions over an endpoint's row, which the caller (`queue`) has locked and writes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from delivery import retries
from delivery.models import Endpoint

# An endpoint that seems down sleeps after so many failures in a row; one that answers and refuses later,
# because the fault may lie in what it was sent.
DOWN_AFTER = 5
REFUSING_AFTER = 25
# One that answers is asked again sooner: what is new may well be to its liking.
REFUSING_NAP = timedelta(minutes=5)
# Nothing could be sent at all: something is missing here, and not one of a million waiting will do better.
UNSENDABLE_NAP = timedelta(minutes=1)
# What has not just said yes gets one at a time, so that many dead ones together bind little.
UNPROVEN_AT_ONCE = 1
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tried:
    """What an endpoint made of one delivery. `error` is a word of transports.ERRORS; empty: accepted."""

    error: str = ""
    at: datetime = LONG_AGO
    is_down: bool = False  # as if nobody were there; else it answered, and refused
    was_sent: bool = True
    wait: timedelta | None = None  # it asked to be left alone for so long


@dataclass(frozen=True, slots=True)
class Share:
    """How many deliveries an endpoint may get now; if it gets all of them, when to look again."""

    most: int
    look_again_at: datetime | None = None  # None: as soon as something is due


def share(endpoint: Endpoint, *, out: int, fair: int, now: datetime, lease_end: datetime) -> Share:
    """The part of a claim that falls to an endpoint which has `out` requests out already.

    `fair` is what each would get if all got the same. What has no room is looked at again when a
    settlement makes room, at the latest when the first lease ends (`lease_end`).
    """
    if endpoint.is_held:  # nothing of it is due but a test, which goes all the same
        return Share(0 if out else 1, lease_end)
    if endpoint.asleep_until is not None:
        if endpoint.asleep_until > now:
            return Share(0, endpoint.asleep_until)
        return Share(0 if out else 1, lease_end)
    room = _at_once(endpoint) - out
    if room <= 0:
        return Share(0, lease_end)
    allowed, next_at = _by_rate(endpoint, now)
    if allowed < min(room, fair):
        return Share(allowed, next_at)
    return Share(room, lease_end) if room <= fair else Share(fair)


def spent(endpoint: Endpoint, taken: int, now: datetime) -> datetime | None:
    """The rate's account after so many more were taken."""
    if not endpoint.rate_per_second or not taken:
        return endpoint.rate_spent_until
    start = max(endpoint.rate_spent_until or now, now)
    return start + timedelta(seconds=taken / endpoint.rate_per_second)


def _at_once(endpoint: Endpoint) -> int:
    limit = min(endpoint.window or endpoint.concurrency, endpoint.concurrency)
    return limit if endpoint.is_proven else min(limit, UNPROVEN_AT_ONCE)


def _by_rate(endpoint: Endpoint, now: datetime) -> tuple[int, datetime | None]:
    """How many the rate allows now, and when the next: a second's worth may go together, at least one."""
    rate = endpoint.rate_per_second
    if not rate:
        return endpoint.concurrency, None
    spent_until = max(endpoint.rate_spent_until or now, now)
    ahead = (spent_until - now).total_seconds()
    burst = max(rate, 1.0)
    allowed = int(burst - ahead * rate + 1e-6)
    wait = ahead + (1 - burst) / rate
    return max(allowed, 0), now + timedelta(seconds=max(wait, 1 / rate / 2))


def after(endpoint: Endpoint, tried: Sequence[Tried], *, now: datetime, may_sleep: bool) -> bool:
    """Notes on the row what came of some deliveries, oldest first; whether that woke it.

    `may_sleep`: its deliveries are carried until they succeed. Those of a fixed number of attempts keep
    their times, whatever the others did.
    """
    was_asleep = endpoint.asleep_until is not None
    sent = [one for one in tried if one.was_sent]
    for one in sent:
        _note(endpoint, one)
    if sent and not sent[-1].error:
        _went_well(endpoint, now, was_asleep=was_asleep)
        return was_asleep
    if not may_sleep:
        return False
    if sent:
        _went_badly(endpoint, sent, now)
    elif tried:
        _sleep(endpoint, now, UNSENDABLE_NAP)
    return False


def _note(endpoint: Endpoint, one: Tried) -> None:
    endpoint.last_error = one.error
    if one.error:
        endpoint.failures_in_a_row += 1
        endpoint.last_failure_at = one.at
    else:
        endpoint.failures_in_a_row = 0
        endpoint.last_success_at = one.at


def _went_well(endpoint: Endpoint, now: datetime, *, was_asleep: bool) -> None:
    """Awake, and with every round that goes well twice as much at once, up to its limit."""
    if was_asleep:
        endpoint.asleep_since = endpoint.asleep_until = None
        endpoint.awake_since = now
        endpoint.naps, endpoint.window = 0, UNPROVEN_AT_ONCE
    elif endpoint.window is not None:
        wider = endpoint.window * 2
        endpoint.window = wider if wider < endpoint.concurrency else None


def _went_badly(endpoint: Endpoint, sent: Sequence[Tried], now: datetime) -> None:
    newest = sent[-1]
    if endpoint.window is not None:
        endpoint.window = max(endpoint.window // 2, 1)
    asked = max((one.wait for one in sent if one.wait is not None), default=None)
    if asked is not None:
        _sleep(endpoint, now, asked)
        return
    limit = DOWN_AFTER if newest.is_down else REFUSING_AFTER
    if endpoint.asleep_until is not None or endpoint.failures_in_a_row >= limit:
        nap = retries.until_success(endpoint.naps + 1)
        _sleep(endpoint, now, nap if newest.is_down else min(nap, REFUSING_NAP))


def _sleep(endpoint: Endpoint, now: datetime, nap: timedelta) -> None:
    if endpoint.asleep_until is None:
        endpoint.asleep_since = now
    elif endpoint.asleep_until > now:  # this was out already when it fell asleep: no probe of this nap
        return
    else:
        endpoint.naps = min(endpoint.naps + 1, 1000)
    endpoint.asleep_until = now + nap
