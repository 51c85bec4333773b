"""How a delivery is said in a row of a list: plain columns, each linked to what is behind it."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from delivery.clock import clock
from delivery.models import Delivery
from delivery.transports import ERRORS

MOST_OF_AN_ERROR = 90  # characters


def badge(delivery: Delivery) -> str:
    """The state, and whether it is a test."""
    test = format_html(' <span class="badge test">{}</span>', "Test") if delivery.is_test else ""
    label = "Being sent" if delivery.is_being_sent else delivery.state.capitalize()
    return format_html('<span class="badge {}">{}</span>{}', delivery.state, label, test)


def target(delivery: Delivery) -> str:
    """Where it goes, and what made it go."""
    reason = reason_of(delivery)
    what = '<bdi class="target">{}</bdi>{}'
    return format_html(
        what, delivery.target_name, format_html('<div class="help">{}</div>', reason) if reason else ""
    )


def reason_of(delivery: Any) -> str:
    """The customer type as people write it: `new_sale` is New sale."""
    words = str(delivery.reason).replace("_", " ")
    return words[:1].upper() + words[1:]


def error_of(delivery: Delivery) -> str:
    """The last error in short."""
    text = delivery.last_detail or ERRORS.get(delivery.last_error, delivery.last_error)
    return text if len(text) <= MOST_OF_AN_ERROR else f"{text[: MOST_OF_AN_ERROR - 1]}…"


def attempts(delivery: Delivery) -> str:
    """How many, the last error, and when the next one is."""
    number = f"{delivery.attempts_made} attempt{'s' * (delivery.attempts_made != 1)}"
    soon, error = next_try(delivery), error_of(delivery)
    said = ", ".join(filter(None, (number if delivery.attempts_made else "", soon and f"next {soon}")))
    problem = format_html('<div class="help"><bdi>{}</bdi></div>', error) if error else ""
    return format_html("{}{}", said or "–", problem)


def next_try(delivery: Delivery, now: datetime | None = None) -> str:
    """When it is tried next, in a word or a time; "" when nothing is to come."""
    if delivery.due_at is None:
        return "" if delivery.is_finished else "when it is switched on"
    now = now or timezone.now()
    if delivery.is_being_sent:
        return "now"
    asleep_until = delivery.endpoint.asleep_until
    if asleep_until is not None and asleep_until > max(delivery.due_at, now):
        return f"{clock(asleep_until, now)} or later"
    return "now" if delivery.due_at <= now else clock(delivery.due_at, now)


def moment(at: datetime, now: datetime | None = None) -> str:
    """A time as lists say it, with the whole of it for who points at it."""
    now = now or timezone.now()
    here = timezone.localtime(at)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        here.isoformat(),
        f"{here:%Y-%m-%d %H:%M:%S} UTC",
        f"{here:%H:%M:%S}" if here.date() == timezone.localtime(now).date() else clock(at, now),
    )


def list_of(**said: object) -> str:
    """The address of the list of deliveries with these filters."""
    query = urlencode({name: str(value) for name, value in said.items() if value not in (None, "")})
    return f"{reverse('admin:delivery_delivery_changelist')}{'?' if query else ''}{query}"
