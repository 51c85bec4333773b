"""How much staff let an endpoint bear."""

from django.db import transaction
from django.utils import timezone

from audit import changes as audit
from delivery import queue, waking
from delivery.models import Endpoint


def set_limits(endpoint_id: int, *, concurrency: int, rate_per_second: float | None, by: str) -> None:
    """At most so many at once, and a second, from now on; what the old limits kept waiting may go."""
    with transaction.atomic():
        queue.lock_endpoints([endpoint_id])
        endpoint = Endpoint.objects.get(pk=endpoint_id)
        was = {"concurrency": endpoint.concurrency, "rate_per_second": endpoint.rate_per_second}
        limits = {"concurrency": concurrency, "rate_per_second": rate_per_second}
        audit.record(endpoint, "changed the limits", by=by, old=was, new=limits)
        Endpoint.objects.filter(pk=endpoint_id).update(**limits, rate_spent_until=None)
        queue.make_ready([endpoint_id], timezone.now())
        waking.after_commit()
