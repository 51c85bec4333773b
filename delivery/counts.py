"""The numbers of the engine: counted with what they count, by hour, and read without a look at it.

What became of a delivery is counted under the hour in which it was made (docs/adr/0013), all else under the
hour in which it happened.

Whoever queues, settles or sweeps tells `add` in the same transaction, once and last, because the rows of a
count stay locked until its end.
"""

import os
import platform
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zlib import crc32

from django.db import transaction
from django.db.models import Min, Sum

from delivery import sets
from delivery.models import Count

# What is counted, for each channel. Deliveries: those queued, and those finished by the state they ended in;
# who was finished already is not counted again, so that the difference is what waits.
QUEUED = "queued"
DELIVERED, FAILED, CANCELLED = FINISHED = ("delivered", "failed", "cancelled")
# Attempts by outcome: `attempt.` and a word of transports.ERRORS, or OK. Their seconds: how long they took.
ATTEMPT = "attempt."
OK = "ok"
# From an event to the first attempt of what follows from it: `lag.` and the first of these seconds that it
# does not exceed.
LAG = "lag."
LAG_LIMITS = (0.1, 1, 10, 60, 300, 900, 1800, 3600, float("inf"))
# Runs of the sweep, with their seconds, and what they queued.
SWEEP, SWEEP_QUEUED = "sweep", "sweep.queued"

SHARDS = 64
_FOLDED = datetime(1970, 1, 1, tzinfo=UTC)  # the hour of all that was folded
_DAY = timedelta(days=1)


class Counted(NamedTuple):
    """Something that happened so many times and took so long, all together."""

    channel: str
    what: str
    number: int = 1
    seconds: float = 0
    at: datetime | None = None  # of which hour it is; None: of this one


def finished(channel: str, state: str, made_at: datetime) -> Counted:
    """A delivery has come to its end."""
    return Counted(channel, state, at=made_at)


def attempt(channel: str, error: str, seconds: float) -> Counted:
    """One attempt; `error` is a word of transports.ERRORS, empty if it was accepted."""
    return Counted(channel, f"{ATTEMPT}{error or OK}", 1, seconds)


def lag(channel: str, seconds: float) -> Counted:
    """The first attempt of a delivery, so long after its event."""
    seconds = max(seconds, 0.0)  # clocks of two machines
    return Counted(channel, _LAGS[bisect_left(LAG_LIMITS, seconds)], 1, seconds)


def lag_within(limit: float) -> str:
    """What is counted of the lags that end at this one of LAG_LIMITS."""
    return f"{LAG}{limit:g}"


_LAGS = [lag_within(limit) for limit in LAG_LIMITS]
_ADD = """
INSERT INTO delivery_count (hour, channel, what, shard, number, seconds)
SELECT r.hour, r.channel, r.what, r.shard, r.number, r.seconds FROM {rows} WHERE true
ORDER BY r.hour, r.channel, r.what
ON CONFLICT (hour, channel, what, shard) DO UPDATE SET
  number = delivery_count.number + excluded.number, seconds = delivery_count.seconds + excluded.seconds
"""
_COLUMNS = {
    "hour": "timestamptz",
    "channel": "text",
    "what": "text",
    "shard": "int",
    "number": "bigint",
    "seconds": "float8",
}


def add(counted: Iterable[Counted], *, now: datetime) -> None:
    """Counts what happened, in the caller's transaction; one statement, none if nothing happened."""
    _add(_summed(counted, now), _shard())


def hour_of(moment: datetime) -> datetime:
    """The hour that it lies in, of UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


Sums = dict[tuple[datetime, str, str], tuple[int, float]]


def _summed(counted: Iterable[Counted], now: datetime) -> Sums:
    this_hour = hour_of(now)
    sums: Sums = {}
    for channel, what, number, seconds, at in counted:
        if number:
            hour = this_hour if at is None or at >= this_hour else hour_of(at)  # which is dearer
            key = (hour, channel, what)
            before, took = sums.get(key, (0, 0.0))
            sums[key] = (before + number, took + seconds)
    return sums


def _add(sums: Sums, shard: int) -> None:
    """In one order, so that two who count never wait for each other in a circle."""
    if sums:
        rows = [(*key, shard, number, seconds) for key, (number, seconds) in sorted(sums.items())]
        sets.run(_ADD, _COLUMNS, rows)


def _shard() -> int:
    """Each process has a row of its own, but for a rare coincidence: it waits for nobody who counts too."""
    return crc32(f"{platform.node()} {os.getpid()}".encode()) % SHARDS


def totals() -> dict[tuple[str, str], tuple[int, float]]:
    """By channel and what: how many there have ever been, and their seconds; one statement."""
    sums = Count.objects.order_by().values_list("channel", "what").annotate(Sum("number"), Sum("seconds"))
    return {(channel, what): (number, seconds) for channel, what, number, seconds in sums}


def by_hour(*, since: datetime) -> dict[datetime, dict[tuple[str, str], tuple[int, float]]]:
    """The same hour by hour, for the hours that have not been folded."""
    found: dict[datetime, dict[tuple[str, str], tuple[int, float]]] = defaultdict(dict)
    rows = Count.objects.filter(hour__gte=since, hour__gt=_FOLDED).order_by("hour")
    sums = rows.values_list("hour", "channel", "what").annotate(Sum("number"), Sum("seconds"))
    for hour, channel, what, number, seconds in sums:
        found[hour][channel, what] = (number, seconds)
    return dict(found)


def waiting(sums: Mapping[tuple[str, str], tuple[int, float]]) -> dict[str, int]:
    """By channel, from `totals`: how many deliveries are not finished."""
    left: dict[str, int] = defaultdict(int)
    for (channel, what), (number, _) in sums.items():
        if what == QUEUED:
            left[channel] += number
        elif what in FINISHED:
            left[channel] -= number
    return dict(left)


def fold(before: datetime) -> int:
    """Makes one row of all hours before that time, for each channel and what; how many rows went.

    Totals stay as they are, at every moment. A transaction for each day; it may be killed at any line.
    """
    gone = 0
    while (oldest := _oldest_hour(before)) is not None:
        with transaction.atomic():
            taken = _taken(min(oldest + _DAY, before))
            _add(_summed(taken, _FOLDED), 0)
        gone += len(taken)
    return gone


def _oldest_hour(before: datetime) -> datetime | None:
    hours = Count.objects.filter(hour__gt=_FOLDED, hour__lt=before)
    oldest: datetime | None = hours.aggregate(oldest=Min("hour"))["oldest"]
    return oldest


_TAKE_AWAY = "DELETE FROM delivery_count WHERE id IN (SELECT r.id FROM {rows})"


def _taken(before: datetime) -> list[Counted]:
    """The rows before that time, which are no more; locked in the order in which `add` locks them."""
    rows = Count.objects.filter(hour__gt=_FOLDED, hour__lt=before).select_for_update()
    rows = rows.order_by("hour", "shard", "channel", "what")
    found = list(rows.values_list("id", "channel", "what", "number", "seconds"))
    sets.run(_TAKE_AWAY, {"id": "bigint"}, [(pk,) for pk, *_ in found])
    return [Counted(channel, what, number, seconds) for _, channel, what, number, seconds in found]
