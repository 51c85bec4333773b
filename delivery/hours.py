"""What became of the deliveries of the last hours, by the hour in which they were made: from counts alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from delivery import counts
from delivery.models import Delivery

HOURS = 24
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hour:
    """Of those that were made in it: how many are delivered, have failed, and are still to arrive."""

    start: datetime
    delivered: int
    waiting: int
    failed: int

    @property
    def end(self) -> datetime:
        return self.start + _HOUR

    @property
    def total(self) -> int:
        return self.delivered + self.waiting + self.failed


def last_hours(now: datetime) -> list[Hour]:
    """The hour that runs and the 23 before it, oldest first; one statement."""
    first = counts.hour_of(now) - (HOURS - 1) * _HOUR
    found = counts.by_hour(since=first)
    return [_hour(first + number * _HOUR, found.get(first + number * _HOUR, {})) for number in range(HOURS)]


def _hour(start: datetime, sums: dict[tuple[str, str], tuple[int, float]]) -> Hour:
    """Cancelled ones are none of the three."""
    of = {word: _sum(sums, word) for word in (counts.QUEUED, *counts.FINISHED)}
    waiting = of[counts.QUEUED] - sum(of[word] for word in counts.FINISHED)
    return Hour(start, of[counts.DELIVERED], max(waiting, 0), of[counts.FAILED])


def _sum(sums: dict[tuple[str, str], tuple[int, float]], word: str) -> int:
    return sum(number for (_, what), (number, _) in sums.items() if what == word)


def waiting_in_all(totals: dict[tuple[str, str], tuple[int, float]]) -> int:
    """How many deliveries have not arrived yet, however old."""
    return max(sum(counts.waiting(totals).values()), 0)


def oldest_unfinished() -> Delivery | None:
    """The one that waits longest, by index; tests aside."""
    unfinished = Delivery.objects.filter(kept_on=None, is_test=False).only("pk", "created_at", "state")
    found = [unfinished.filter(state=state).order_by("pk").first() for state in ("pending", "waiting")]
    return min((one for one in found if one is not None), key=lambda one: one.pk, default=None)
