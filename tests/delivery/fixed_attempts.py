"""A channel for tests: three attempts, ten seconds apart, and no sleep whatever an endpoint answers."""

from collections.abc import Sequence
from datetime import timedelta

from delivery.channels import Unsendable
from delivery.models import Delivery
from delivery.transports import Request

IS_UNTIL_SUCCESS = False
ATTEMPTS = 3


def prepare(deliveries: Sequence[Delivery]) -> dict[str, Request | Unsendable]:
    return {}


def retry_after(delivery: Delivery, attempts_made: int) -> timedelta | None:
    return timedelta(seconds=10) if attempts_made < ATTEMPTS else None
