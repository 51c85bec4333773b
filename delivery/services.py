"""What people ask of deliveries."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from delivery import waking
from delivery.models import Delivery


class NotNow(ValueError):
    """What was asked is not possible at the moment; the message says why, for people."""


def send_again(delivery: Delivery, *, by: str) -> None:
    """Another attempt of the same delivery, at once: same id, same content (decision 18).

    A delivered delivery stays delivered whatever comes of it. Raises NotNow while it is being sent, and
    while its endpoint is held.
    """
    if delivery.endpoint.is_held:
        raise NotNow(
            f"“{delivery.target_name}” is switched off. Switch it on first; then what waits goes out."
        )
    free = Q(lease="") | Q(due_at__lt=timezone.now() - timedelta(seconds=1))
    asked = Delivery.objects.filter(free, pk=delivery.pk).update(
        due_at=timezone.now(), asked_by=by[:150], lease=""
    )
    if not asked:
        raise NotNow("It is being sent at this moment. Look again in a minute.")
    waking.after_commit()
