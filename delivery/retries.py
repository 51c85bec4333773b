"""When to try again."""

from datetime import timedelta

FIRST = timedelta(minutes=1)
CAP = timedelta(hours=1)


def until_success(attempts_made: int) -> timedelta:
    """After so many attempts: 1, 2, 4, … minutes, at most an hour, for ever."""
    return min(FIRST * 2.0 ** min(attempts_made - 1, 10), CAP)
