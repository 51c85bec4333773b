"""Time that passes for what waits: deliveries, and endpoints that sleep."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from delivery import queue
from delivery.models import Delivery, Endpoint, Lease


def all_is_due() -> None:
    """What waits for another try, and the probe of whoever sleeps."""
    now = timezone.now()
    Delivery.objects.filter(due_at__isnull=False).update(due_at=now)
    Endpoint.objects.filter(asleep_until__isnull=False).update(asleep_until=now)
    Endpoint.objects.filter(ready_at__isnull=False).update(ready_at=now)


def pass_by(time: timedelta) -> None:
    """As if so much time had passed."""
    Delivery.objects.filter(due_at__isnull=False).update(due_at=F("due_at") - time)
    Lease.objects.update(ends_at=F("ends_at") - time)
    Endpoint.objects.filter(asleep_until__isnull=False).update(asleep_until=F("asleep_until") - time)
    Endpoint.objects.filter(ready_at__isnull=False).update(ready_at=F("ready_at") - time)


def an_hour_passes() -> None:
    """The same for whoever waits, and beside workers: what they have in hand stays theirs."""
    now = timezone.now()
    with transaction.atomic():
        queue.lock_endpoints(list(Endpoint.objects.values_list("pk", flat=True)))
        Delivery.objects.filter(due_at__gt=now).update(due_at=now)
        Endpoint.objects.filter(asleep_until__gt=now).update(asleep_until=now)
        Endpoint.objects.filter(ready_at__gt=now).update(ready_at=now)
