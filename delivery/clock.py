"""Times as lists and the history say them: short, in the current time zone."""

from datetime import datetime

from django.utils import timezone


def clock(moment: datetime, now: datetime) -> str:
    """The time of day; on any other day than that of `now` with the date."""
    here, today = timezone.localtime(moment), timezone.localtime(now)
    return f"{here:%H:%M}" if here.date() == today.date() else f"{here:%d %b %H:%M}"
