"""Sends many deliveries again by a filter, at a pace: same id, same content, each asked for exactly once.

Where it stands is written in the transaction that asks, so it may be killed at any line and go on later.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from delivery import queue, waking
from delivery.ids import first_id_at, new_id
from delivery.models import Delivery, Replay

BATCH = 500
MOST_COUNTED = 100_000
MOST_CHOSEN = 10_000  # by hand, in the list of deliveries
PER_SECOND = 20.0
AHEAD_SECONDS = 60  # the cluster comes by once a minute, and then asks for a minute's worth
TASK_SECONDS = 20
_LOOK_SECONDS = 0.1  # whether to stop
STATES = ("waiting", "failed", "cancelled", "delivered")  # what was never tried needs nobody to ask


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries. `ids`: these, whatever else they are; times are of when they were made."""

    states: tuple[str, ...] = ("waiting", "failed")
    endpoint_id: int | None = None
    since: str = ""  # ISO 8601 with time zone
    until: str = ""
    error: str = ""
    with_tests: bool = False
    ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a filter finds at the moment; each state is counted no further than MOST_COUNTED."""

    by_state: dict[str, int]
    oldest: datetime | None
    newest: datetime | None

    @property
    def total(self) -> int:
        return sum(self.by_state.values())

    @property
    def is_bounded(self) -> bool:
        """Whether there may be more."""
        return any(count >= MOST_COUNTED for count in self.by_state.values())


def summary(which: Filter) -> Summary:
    counts, times = {}, []
    for state in which.states:
        found = matching(which, (state,)).order_by("pk")
        if count := found[:MOST_COUNTED].count():
            counts[state] = count
            made = found.values_list("created_at", flat=True)
            times += [at for at in (made.first(), made.last()) if at is not None]
    return Summary(counts, min(times, default=None), max(times, default=None))


def start(
    which: Filter,
    *,
    by: str,
    per_second: float = PER_SECOND,
    is_in_background: bool = False,
    asked_as: str = "",
) -> Replay:
    """Writes down what is to be sent again, and asks for nothing yet. What is made later is not meant.

    `asked_as` is the id of the question (`new_id`) that was answered with yes; answered once more, the
    replay is the one that is there.
    """
    replay, _ = Replay.objects.get_or_create(
        until=asked_as or new_id(),
        defaults={
            "filter": {k: value for k, value in asdict(which).items() if value not in (None, "", False)},
            "by": by[:150],
            "per_second": per_second,
            "total": len(which.ids) if which.ids is not None else summary(which).total,
            "created_at": timezone.now(),
            "is_in_background": is_in_background,
        },
    )
    return replay


def stop(replay: Replay, *, by: str) -> bool:
    """What was asked for already goes out; the rest does not. False: it had ended before."""
    under_way = Replay.objects.filter(pk=replay.pk, finished_at=None)
    return bool(under_way.update(finished_at=timezone.now(), stopped_by=by[:150]))


def in_minutes(seconds: float) -> int:
    """How long that is, for people; never none."""
    return max(math.ceil(seconds / 60), 1)


def filter_of(replay: Replay) -> Filter:
    values: dict[str, Any] = dict(replay.filter)
    for name in ("states", "ids"):
        if name in values:
            values[name] = tuple(values[name])
    return Filter(**values)


def walk(
    replay: Replay, *, should_stop: Callable[[], bool], progress: Callable[[int], None] = lambda done: None
) -> None:
    """Asks for all of it at its pace, until told to stop; `replay` says how far it has come."""
    started, before = time.monotonic(), replay.asked
    most = min(max(math.floor(replay.per_second), 1), BATCH)
    while not should_stop() and step(replay, most):
        progress(replay.asked + replay.passed_over)
        next_at = started + (replay.asked - before) / replay.per_second
        while not should_stop() and (left := next_at - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_SECONDS))


def carry_on() -> str:
    """For the cluster: those asked for on a page, each as far as its pace allows by now."""
    end, asked = time.monotonic() + TASK_SECONDS, 0
    for replay in Replay.objects.filter(is_in_background=True, finished_at=None).order_by("pk")[:100]:
        before = replay.asked
        while time.monotonic() < end and (room := _room(replay)) > 0 and step(replay, min(room, BATCH)):
            pass
        asked += replay.asked - before
    return f"{asked} asked for again"


def _room(replay: Replay) -> int:
    passed = (timezone.now() - replay.created_at).total_seconds() + AHEAD_SECONDS
    return math.ceil(passed * replay.per_second) - replay.asked


def step(replay: Replay, most: int) -> bool:
    """Asks for the next ones, at most so many; False: it is finished. Safe beside others who do the same."""
    now = timezone.now()
    with transaction.atomic():
        replay.refresh_from_db(from_queryset=Replay.objects.select_for_update())
        if replay.finished_at is not None:
            return False
        which = filter_of(replay)
        looked_at, found = _next(which, replay, most)
        if looked_at:
            asked = _ask(which, found, replay.by, now)
            replay.asked += asked
            replay.passed_over += len(looked_at) - asked
            replay.cursor = looked_at[-1]
        else:
            replay.finished_at = now
        replay.save(update_fields=["asked", "passed_over", "cursor", "finished_at"])
    return bool(looked_at)


def _next(which: Filter, replay: Replay, most: int) -> tuple[list[str], list[tuple[str, int]]]:
    """Those after the last one that was looked at; and of those that there are, the id and the endpoint."""
    if which.ids is not None:
        ids = sorted(pk for pk in which.ids if pk > replay.cursor)[:most]
        return ids, list(Delivery.objects.filter(pk__in=ids).values_list("pk", "endpoint_id"))
    found: list[tuple[str, int]] = []
    for state in which.states:  # apart, because there is an index for each
        after = matching(which, (state,)).filter(pk__gt=replay.cursor, pk__lt=replay.until)
        found += after.order_by("pk").values_list("pk", "endpoint_id")[:most]
    found = sorted(found)[:most]
    return [pk for pk, _ in found], found


def _ask(which: Filter, found: Sequence[tuple[str, int]], by: str, now: datetime) -> int:
    """As "Send again" does, but in its turn, behind what is fresh. How many.

    Not what is out, held, or was erased.
    """
    endpoints = queue.lock_endpoints({endpoint_id for _, endpoint_id in found})
    open_ones = {pk for pk, endpoint in endpoints.items() if not endpoint.is_held}
    free = queue.take_back([pk for pk, endpoint_id in found if endpoint_id in open_ones], now)
    again = matching(which).filter(pk__in=free).exclude(content="")
    asked = again.update(due_at=now, is_late=True, asked_by=by, kept_on=None)
    if asked:
        queue.make_ready(open_ones, now)
        waking.after_commit()
    return asked


def matching(which: Filter, states: Sequence[str] = ()) -> QuerySet[Delivery]:
    """The deliveries of these states, by default of all that are meant."""
    if which.ids is not None:
        return Delivery.objects.all()  # whoever looks has the ids
    found = Delivery.objects.filter(state__in=states or which.states)
    if set(states or which.states) == {"waiting"}:
        found = found.filter(kept_on=None)  # the working set: nothing else is looked at
    conditions: dict[str, Any] = {
        "endpoint": which.endpoint_id,
        "last_error": which.error,
        "pk__gte": which.since and first_id_at(datetime.fromisoformat(which.since)),
        "pk__lt": which.until and first_id_at(datetime.fromisoformat(which.until)),
    }
    found = found.filter(**{name: value for name, value in conditions.items() if value})
    return found if which.with_tests else found.filter(is_test=False)
