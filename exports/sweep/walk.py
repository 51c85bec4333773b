"""One run: walk the log, decide, take, render, queue; a bounded number of statements per batch of events."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from delivery import counts, queue, sets
from delivery.counts import Counted
from delivery.queue import NewDelivery
from exports.models import ExportProfile, FieldMapping
from exports.sweep import log as event_log
from exports.sweep.log import LoggedEvent
from exports.sweep.matching import Matcher, Plan, plan
from exports.sweep.taking import Broken, Key, Take, rendered, takes_of, without_erased, write_exports

logger = logging.getLogger(__name__)
MOST_TAKES = 40_000  # in one batch, if all profiles asked for all events


@dataclass(slots=True)
class Report:
    """What a run did for one profile. `known`: matched, but taken by an earlier run."""

    profile: ExportProfile
    matched: int = 0
    queued: int = 0
    known: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    error: str = ""


Show = Callable[[NewDelivery], None]


def run(
    profiles: Iterable[ExportProfile],
    *,
    now: datetime | None = None,
    dry_run: bool = False,
    show: Show | None = None,
) -> list[Report]:
    """Takes, for these profiles, all that their routes ask for and that is old enough by `now`.

    Each batch is one transaction: killed anywhere, what it had not committed is taken by the next run. With
    `dry_run` nothing is kept. `show` is called with each delivery as it is queued. A profile that cannot be
    rendered stops, with the error in its report, where it was; the others go on.
    """
    started = time.monotonic()
    event_log.mend_after_restore()
    now = now or timezone.now()
    end = event_log.horizon()
    reports = {profile.pk: Report(profile) for profile in profiles}
    plans = _plans(reports, end, dry_run=dry_run)
    while plans:
        matcher = Matcher(plans)
        start = min(one.position for one in plans)
        for events in event_log.batches(start, end, matcher.event_types, _batch_size(plans)):
            broken = _batch(matcher, plans, events, now, reports, dry_run=dry_run, show=show)
            if broken is not None:
                plans.remove(broken)
                break  # once more from where the others are, without it
        else:
            _finish(plans, end, now, dry_run=dry_run)
            break
    if not dry_run:
        _count_run(reports, time.monotonic() - started)
    return list(reports.values())


def _batch_size(plans: Sequence[Plan]) -> int:
    """Fewer events for many profiles: a batch is held in memory, and on SQLite all others wait for it."""
    return min(event_log.BATCH, max(MOST_TAKES // len(plans), 1))


def _plans(reports: dict[int, Report], end: event_log.Position, *, dry_run: bool) -> list[Plan]:
    if not dry_run:
        _place(list(reports), end)
    plans = []
    # Secrets stay closed: what is frozen holds none, and one that no key opens is no matter of the sweep.
    mappings = Prefetch("mappings", FieldMapping.objects.defer("secret_value"))
    found = ExportProfile.objects.filter(pk__in=reports).prefetch_related(
        mappings, "routes", "routes__campaign", "routes__product"
    )
    for profile in found.order_by("pk"):
        try:
            made = plan(profile)
        except Exception as error:
            _stopped(reports[profile.pk], error, dry_run=dry_run)
            continue
        if made.routes and (profile.swept_tx is not None or dry_run):
            made.position = made.reached = position_of(profile, end)
            plans.append(made)
    return plans


def _place(profile_ids: Sequence[int], end: event_log.Position) -> None:
    """Puts profiles that have no position at the start of their routes' look-back.

    Written down before the routes are read: a route that is added during the run takes the position away
    again, which is noticed because there was one.
    """
    with transaction.atomic():
        for profile in ExportProfile.objects.select_for_update().filter(pk__in=profile_ids, swept_tx=None):
            if profile.routes.exists():
                profile.swept_tx, profile.swept_id = position_of(profile, end)
                profile.save(update_fields=["swept_tx", "swept_id"])


def position_of(profile: ExportProfile, end: event_log.Position) -> event_log.Position:
    """Up to where the profile, which has routes, has looked."""
    if profile.swept_tx is not None and profile.swept_id is not None:
        return (profile.swept_tx, profile.swept_id)
    start = min(route.effective_from for route in profile.routes.all())
    return event_log.position_before(start, end)


def _batch(
    matcher: Matcher,
    plans: Sequence[Plan],
    events: Sequence[LoggedEvent],
    now: datetime,
    reports: dict[int, Report],
    *,
    dry_run: bool,
    show: Show | None,
) -> Plan | None:
    """One batch in one transaction. If a plan could not be rendered, that plan, and nothing is kept."""
    before = [(one, one.position, one.reached, one.is_stopped) for one in plans]
    takes = takes_of(matcher, events, now)
    for one in plans:
        if not one.is_stopped:
            one.reached = max(one.reached, events[-1].position)
    try:
        with transaction.atomic():
            won = write_exports(takes, now)
            deliveries = rendered(without_erased([takes[key] for key in won]))
            _move(plans)  # locks the profiles, and before their endpoints, as whoever saves one does
            queue.put(deliveries, now=now)
            transaction.set_rollback(dry_run)
    except Broken as error:
        _stopped(reports[error.plan.profile.pk], error.cause, dry_run=dry_run)
        for one, position, reached, is_stopped in before:
            one.position, one.reached, one.is_stopped = position, reached, is_stopped
        return error.plan
    _count(reports, takes, won)
    if show is not None:
        for delivery in deliveries:
            show(delivery)
    return None


_MOVE = """
UPDATE exports_exportprofile AS p SET swept_tx = r.tx, swept_id = r.id
FROM {rows} WHERE p.id = r.profile
AND p.swept_tx = r.old_tx AND p.swept_id = r.old_id
"""
_MOVE_COLUMNS = {"profile": "bigint", "tx": "bigint", "id": "bigint", "old_tx": "bigint", "old_id": "bigint"}


def _move(plans: Sequence[Plan]) -> None:
    """Remembers how far each profile has come, unless somebody has set it back meanwhile (a new route)."""
    _lock(plans)
    rows: list[tuple[Any, ...]] = []
    for one in plans:
        profile = one.profile
        old = (profile.swept_tx, profile.swept_id)
        if one.reached != old:
            rows.append((profile.pk, *one.reached, *old))
            profile.swept_tx, profile.swept_id = one.reached
        one.position = one.reached
    if rows:
        sets.run(_MOVE, _MOVE_COLUMNS, rows)


def _lock(plans: Sequence[Plan]) -> None:
    """In one order, so that two sweeps never wait for each other in a circle."""
    locked = ExportProfile.objects.select_for_update(no_key=True).order_by("pk")
    list(locked.filter(pk__in=[one.profile.pk for one in plans]).values_list("pk"))


def _finish(plans: Sequence[Plan], end: event_log.Position, now: datetime, *, dry_run: bool) -> None:
    """The whole log up to `end` has been seen."""
    if dry_run:
        return
    for one in plans:
        if not one.is_stopped:
            one.reached = max(one.reached, end)
    with transaction.atomic():
        _move(plans)
        ids = [one.profile.pk for one in plans]
        ExportProfile.objects.filter(pk__in=ids).update(last_run_at=now, last_run_error="")


def _stopped(report: Report, error: Exception, *, dry_run: bool) -> None:
    report.error = f"{type(error).__name__}: {error}"[:300]
    logger.error("The export profile %s could not be rendered.", report.profile.pk, exc_info=error)
    if not dry_run:
        ExportProfile.objects.filter(pk=report.profile.pk).update(last_run_error=report.error)


def _count(reports: dict[int, Report], takes: dict[Key, Take], won: Iterable[Key]) -> None:
    ours = set(won)
    for key, one in takes.items():
        report = reports[key[0]]
        report.matched += 1
        if key not in ours:
            report.known += 1
        elif one.delivery_id:
            report.queued += 1
        else:
            report.skipped[one.verdict.reason] += 1


def _count_run(reports: dict[int, Report], seconds: float) -> None:
    queued = sum(report.queued for report in reports.values())
    ran = Counted("export", counts.SWEEP, 1, seconds)
    counts.add([ran, Counted("export", counts.SWEEP_QUEUED, queued)], now=timezone.now())
