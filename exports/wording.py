"""How the history words an export: one sentence that stays current, however often it is tried."""

from datetime import datetime

from django.utils import timezone

from delivery.erasing.deliveries import ERASED
from delivery.models import Delivery
from delivery.wording import again, due_to, next_attempt
from exports import customer_types


def describe(delivery: Delivery, order_number: str, now: datetime | None = None) -> str:
    """What became of an export, as the documentation words it. Times in the current time zone."""
    what = f"Order {order_number}" if order_number else "A test"
    if delivery.is_finished:
        return f"{_finished(what, delivery)}{again(delivery)}"
    if delivery.is_being_sent:
        return f"{what} is being exported to {_target(delivery)}: attempt {delivery.attempts_made + 1}"
    if delivery.due_at is None:
        return f"{what} waits to be exported to {_target(delivery)}: {_numbered(delivery)} is switched off"
    if delivery.state == Delivery.State.WAITING:
        return f"{_failed(what, delivery)}: {next_attempt(delivery, now or timezone.now())}"
    return f"{what} is waiting to be exported to {_target(delivery)}"


def _finished(what: str, delivery: Delivery) -> str:
    if delivery.state == Delivery.State.DELIVERED:
        return f"{what} exported to {_target(delivery)}"
    if delivery.state == Delivery.State.CANCELLED:
        why = "its customer was erased" if delivery.last_error == ERASED else "cancelled"
        return f"{what} was not exported to {_target(delivery)}: {why}"
    return f"{_failed(what, delivery)}: given up after attempt {delivery.attempts_made}"


def _target(delivery: Delivery) -> str:
    kind = customer_types.BY_KEY.get(delivery.reason)
    label = kind.label if kind else delivery.reason
    return f"'{delivery.target_name}'{f' ({label})' if label else ''}"


def _numbered(delivery: Delivery) -> str:
    return f"export profile '{delivery.target_name}' ({delivery.target_id})"


def _failed(what: str, delivery: Delivery) -> str:
    return f"{what} failed to export to {_numbered(delivery)}{due_to(delivery)}"
