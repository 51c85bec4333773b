"""How the endpoints are, all together: one look at their table, none at the deliveries."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q

from delivery.models import Endpoint


@dataclass(frozen=True, slots=True)
class Overview:
    """How many endpoints there are of each health, and since when the first waits for a worker to look."""

    good: int
    failing: int
    asleep: int
    held: int
    oldest_due_at: datetime | None  # in the future: nothing is due

    def overdue_seconds(self, now: datetime) -> float:
        """For how long something has been due that no worker has come to; 0 if there is nothing."""
        return max((now - self.oldest_due_at).total_seconds(), 0.0) if self.oldest_due_at else 0.0


def overview() -> Overview:
    """As of now; one statement."""
    is_awake = Q(is_held=False, asleep_until=None)
    return Overview(
        **Endpoint.objects.aggregate(
            good=Count("pk", filter=is_awake & Q(failures_in_a_row=0)),
            failing=Count("pk", filter=is_awake & Q(failures_in_a_row__gt=0)),
            asleep=Count("pk", filter=Q(is_held=False, asleep_until__isnull=False)),
            held=Count("pk", filter=Q(is_held=True)),
            oldest_due_at=Min("ready_at", filter=Q(is_held=False)),
        )
    )
