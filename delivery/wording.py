"""What the histories of all channels say in the same words of a delivery."""

from datetime import datetime

from delivery.clock import clock
from delivery.models import Delivery
from delivery.transports import ERRORS


def due_to(delivery: Delivery) -> str:
    """Why its last attempt failed: " due to error …"; "" where that is not known, as of a proof."""
    error = delivery.last_detail or ERRORS.get(delivery.last_error, delivery.last_error)
    return f" due to error {error.rstrip('.')}" if error else ""


def next_attempt(delivery: Delivery, now: datetime) -> str:
    """Of one that waits for another try: which attempt it was, and when the next is."""
    when = clock(delivery.due_at, now) if delivery.due_at is not None and delivery.due_at > now else "now"
    return f"attempt {delivery.attempts_made}, next {when}"


def again(delivery: Delivery) -> str:
    """A finished one that somebody asked to send once more, until that is done."""
    return "; it is being sent again" if delivery.due_at is not None else ""
