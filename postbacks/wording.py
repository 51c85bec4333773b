"""How the history words a postback: one sentence that stays current, however often it is tried."""

from datetime import datetime

from django.utils import timezone

from delivery.erasing.deliveries import ERASED
from delivery.models import Delivery
from delivery.wording import again, due_to, next_attempt


def describe(delivery: Delivery, order_number: str, now: datetime | None = None) -> str:
    """What became of it. Times in the current time zone."""
    what = _what(delivery, order_number)
    if delivery.is_finished:
        return f"{_finished(what, delivery)}{again(delivery)}"
    if delivery.is_being_sent:
        return f"{what} is being posted back to {_target(delivery)}: attempt {delivery.attempts_made + 1}"
    if delivery.due_at is None:
        return f"{what} waits to be posted back to {_target(delivery)}, which is switched off"
    if delivery.state == Delivery.State.WAITING:
        return f"{_failed(what, delivery)}: {next_attempt(delivery, now or timezone.now())}"
    return f"{what} is waiting to be posted back to {_target(delivery)}"


def _what(delivery: Delivery, order_number: str) -> str:
    if delivery.is_test:
        return "A test"
    of_order = f" (order {order_number})" if order_number else ""
    return f"{delivery.reason}{of_order}"


def _finished(what: str, delivery: Delivery) -> str:
    if delivery.state == Delivery.State.DELIVERED:
        return f"{what} posted back to {_target(delivery)}"
    if delivery.state == Delivery.State.CANCELLED:
        why = "its customer was erased" if delivery.last_error == ERASED else "the config was deleted"
        return f"{what} was not posted back to {_target(delivery)}: {why}"
    tries = f"{delivery.attempts_made} attempt{'s' * (delivery.attempts_made != 1)}"
    return f"{_failed(what, delivery)}: given up after {tries}"


def _target(delivery: Delivery) -> str:
    return f"postback config '{delivery.target_name}'"


def _failed(what: str, delivery: Delivery) -> str:
    return f"{what} failed to be posted back to {_target(delivery)}{due_to(delivery)}"
