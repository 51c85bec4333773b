"""When to try again."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

FIRST = timedelta(minutes=1)
CAP = timedelta(hours=1)
# Only ever later than planned: those that failed together do not come back together.
JITTER = 0.2
_SOONEST = timedelta(seconds=1)


def until_success(attempts_made: int) -> timedelta:
    """After so many attempts: about 1, 2, 4, … minutes, at most an hour, for ever."""
    step = FIRST * 2.0 ** min(max(attempts_made - 1, 0), 10)
    if step >= CAP:
        return CAP * random.uniform(1 - JITTER, 1)  # noqa: S311 (spreads load, guards nothing)
    return min(step * random.uniform(1, 1 + JITTER), CAP)  # noqa: S311


def asked_for(header: str, now: datetime) -> timedelta | None:
    """How long a `Retry-After` asks to wait: seconds or a date (RFC 9110, 10.2.3); None if it says neither.

    At least a second and at most an hour, whatever it says.
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return max(_SOONEST, min(timedelta(seconds=min(int(text[:10]), 10**6)), CAP))
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(_SOONEST, min(date - now, CAP))
