"""What people ask of deliveries."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from delivery import courtesy, queue, waking
from delivery.models import Delivery, Endpoint
from delivery.queue import NewDelivery


class NotNow(ValueError):
    """What was asked is not possible at the moment; the message says why, for people."""


def send_again(delivery: Delivery, *, by: str) -> None:
    """Another attempt of the same delivery, at once, before all others: same id, same content (decision 18).

    A delivered delivery stays delivered whatever comes of it. An endpoint that sleeps is woken for it: it is
    the probe. Raises NotNow while it is being sent, while its endpoint is held, and for what was erased.
    """
    now = timezone.now()
    with transaction.atomic():
        endpoint = queue.lock_endpoints([delivery.endpoint_id])[delivery.endpoint_id]
        if endpoint.is_held:
            raise NotNow(
                f"“{delivery.target_name}” is switched off. Switch it on first; then what waits goes out."
            )
        if Delivery.objects.filter(pk=delivery.pk, content="").exists():
            raise NotNow("What was sent was erased with its customer, so it cannot be sent again.")
        asked = Delivery.objects.filter(pk__in=queue.take_back([delivery.pk], now)).update(
            due_at=_first(endpoint), is_late=False, asked_by=by[:150], kept_on=None
        )
        if not asked:
            raise NotNow("It is being sent at this moment. Look again in a minute.")
        Endpoint.objects.filter(pk=endpoint.pk, asleep_until__gt=now).update(asleep_until=now)
        queue.make_ready([endpoint.pk], now)
        waking.after_commit()


def try_now(endpoint: Endpoint) -> int:
    """What waits for another try is due now; one that sleeps gets its probe at once. How many.

    Raises NotNow while it is held.
    """
    if endpoint.is_held:
        raise NotNow(f"“{endpoint.name}” is switched off. Switch it on first; then what waits goes out.")
    return queue.hurry(endpoint, is_elsewhere=False)


def send_test(test: NewDelivery, *, by: str) -> None:
    """Carries a test (`is_test`), once, at once and before all others: on record, in no count (decision 18).

    It goes to an endpoint that is held, too. One that sleeps is woken for it: it is the probe.
    """
    now = timezone.now()
    with transaction.atomic():
        queue.put([test], now=now)
        endpoint = queue.lock_endpoints([test.endpoint_id])[test.endpoint_id]
        Delivery.objects.filter(pk=test.id).update(due_at=_first(endpoint), asked_by=by[:150])
        Endpoint.objects.filter(pk=endpoint.pk, asleep_until__gt=now).update(asleep_until=now)
        Endpoint.objects.filter(pk=endpoint.pk).update(ready_at=now)
        waking.after_commit()


def _first(endpoint: Endpoint) -> datetime:
    """Due before all that waits for it."""
    return (endpoint.awake_since or courtesy.LONG_AGO) + timedelta(microseconds=1)
