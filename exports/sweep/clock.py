"""When profiles run: every 15 minutes + delay, or when something happened."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from exports.models import ExportProfile
from exports.sweep.walk import Report, run

Cadence = ExportProfile.Cadence


def interval(profile: ExportProfile) -> timedelta:
    """The documentation: a delay of 5 makes the 15-minute default a 20-minute one."""
    return timedelta(minutes=settings.POSTRIDER_SWEEP_MINUTES + profile.delay_minutes)


def postbacks() -> Iterable[ExportProfile]:
    """The profiles that a sweep is for; one that has no URL yet takes nothing, and so loses nothing."""
    return ExportProfile.objects.filter(is_active=True, type=ExportProfile.Type.POSTBACK).exclude(url="")


def due(now: datetime) -> list[ExportProfile]:
    """The profiles whose time has come; immediate ones always: the end of a delay is no event."""
    return [
        profile
        for profile in postbacks()
        if profile.cadence == Cadence.IMMEDIATE or profile.next_run_at is None or profile.next_run_at <= now
    ]


def run_due(now: datetime | None = None) -> list[Report]:
    """The tick: runs what is due, then sets the next times. A second tick beside it only finds all taken."""
    now = now or timezone.now()
    profiles = due(now)
    reports = run(profiles, now=now) if profiles else []
    for profile in profiles:
        if profile.next_run_at is not None and profile.next_run_at > now:
            continue  # an immediate one, before its time
        # Only if nobody has set another time meanwhile (a changed delay).
        ExportProfile.objects.filter(pk=profile.pk, next_run_at=profile.next_run_at).update(
            next_run_at=_next_run(profile, now)
        )
    return reports


def run_immediate() -> list[Report]:
    """After a commit: the profiles that wait for nothing. The end of a delay is for the tick to see."""
    profiles = [one for one in postbacks() if one.cadence == Cadence.IMMEDIATE and not one.delay_minutes]
    return run(profiles) if profiles else []


def _next_run(profile: ExportProfile, now: datetime) -> datetime:
    """The scheduled time plus the interval, not the end of this run; missed runs are not made up for."""
    step = interval(profile)
    start = profile.next_run_at or now
    missed = max((now - start) // step, 0)
    return start + (missed + 1) * step
