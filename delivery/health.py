"""How an endpoint is, in words: whether what goes there arrives, and if not, when it is tried next."""

from django.utils import timezone

from delivery.clock import clock
from delivery.models import Endpoint


def health_of(endpoint: Endpoint) -> str:
    """In words: whether what goes there arrives, and if not, when it is tried next."""
    if endpoint.is_held:
        return "Held: nothing is sent while it is switched off"
    if endpoint.asleep_until is not None:
        return _asleep(endpoint)
    at_most = f"at most {endpoint.window} at once for now" if endpoint.window else ""
    if endpoint.failures_in_a_row:
        return "; ".join(filter(None, (f"Failing: {_failures(endpoint)}", at_most)))
    if at_most:
        since = f" since {clock(endpoint.awake_since, timezone.now())}" if endpoint.awake_since else ""
        return f"Awake again{since}: {at_most}, and more with each success"
    return "Good" if endpoint.last_success_at else "Nothing sent yet"


def dot_of(endpoint: Endpoint) -> str:
    """The class of the dot beside these words."""
    if endpoint.is_held or (endpoint.last_success_at is None and not endpoint.failures_in_a_row):
        return "still"
    if endpoint.asleep_until is not None:
        return "waiting"
    return "failed" if endpoint.failures_in_a_row else "delivered"


def health_in_a_word(endpoint: Endpoint) -> str:
    """The same, for lists."""
    if endpoint.is_held:
        return "held"
    if endpoint.asleep_until is not None:
        return "asleep"
    if endpoint.failures_in_a_row:
        return f"failing ({endpoint.failures_in_a_row})"
    if endpoint.window:
        return "waking"
    return "good" if endpoint.last_success_at else "–"


def _asleep(endpoint: Endpoint) -> str:
    now = timezone.now()
    assert endpoint.asleep_until is not None
    since = f" since {clock(endpoint.asleep_since, now)}" if endpoint.asleep_since else ""
    why = _failures(endpoint) if endpoint.failures_in_a_row else "nothing could be sent"
    probe = "now" if endpoint.asleep_until <= now else clock(endpoint.asleep_until, now)
    return f"Asleep{since}: {why}; next probe {probe}"


def _failures(endpoint: Endpoint) -> str:
    number = endpoint.failures_in_a_row
    error = f" ({endpoint.last_error})" if endpoint.last_error else ""
    return f"{number} failure{'s' * (number != 1)} in a row{error}"
