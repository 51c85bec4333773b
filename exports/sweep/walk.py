"""One run: walk the log, decide, take, render, queue; a bounded number of statements per batch of events."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from delivery import queue, sets
from delivery.ids import new_id
from delivery.queue import NewDelivery
from exports.fields.reading import EventFacts, Reading
from exports.models import ExportProfile, FieldMapping
from exports.render import Memo
from exports.sweep import log as event_log
from exports.sweep.log import LoggedEvent
from exports.sweep.matching import Matcher, Plan, Verdict, plan, subject, verdicts
from orders import cases
from orders.cases import Case, add_billed_subscriptions
from orders.models import CampaignProduct

logger = logging.getLogger(__name__)
MOST_TAKES = 40_000  # in one batch, if all profiles asked for all events
Key = tuple[int, str, int]  # profile, customer type, subject: what is exported once


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
            made.position = made.reached = _position(profile, end)
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
                profile.swept_tx, profile.swept_id = _position(profile, end)
                profile.save(update_fields=["swept_tx", "swept_id"])


def _position(profile: ExportProfile, end: event_log.Position) -> event_log.Position:
    if profile.swept_tx is not None and profile.swept_id is not None:
        return (profile.swept_tx, profile.swept_id)
    start = min(route.effective_from for route in profile.routes.all())
    return event_log.position_before(start, end)


@dataclass(frozen=True, slots=True)
class _Take:
    """What is about to be taken, with the delivery's id as it would be."""

    verdict: Verdict
    event: LoggedEvent
    case: Case
    delivery_id: str


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
    takes = _takes(matcher, events, now)
    for one in plans:
        if not one.is_stopped:
            one.reached = max(one.reached, events[-1].position)
    try:
        with transaction.atomic():
            won = _write_exports(takes, now)
            deliveries = _rendered([takes[key] for key in won])
            queue.put(deliveries, now=now)
            _move(plans)
            transaction.set_rollback(dry_run)
    except _Broken as error:
        _stopped(reports[error.plan.profile.pk], error.cause, dry_run=dry_run)
        for one, position, reached, is_stopped in before:
            one.position, one.reached, one.is_stopped = position, reached, is_stopped
        return error.plan
    _count(reports, takes, won)
    if show is not None:
        for delivery in deliveries:
            show(delivery)
    return None


def _takes(matcher: Matcher, events: Sequence[LoggedEvent], now: datetime) -> dict[Key, _Take]:
    """All that matches, in the order of the keys, so that two sweeps never wait in a circle."""
    ready = [(event, plans) for event in events if (plans := matcher.ready(event, now))]
    loaded = _loaded([event for event, _ in ready])
    takes: dict[Key, _Take] = {}
    for event, plans in ready:
        case = loaded[event.order_id]
        for verdict in verdicts(plans, event, case):
            key = (verdict.plan.profile.pk, verdict.kind.key, subject(verdict.kind, event))
            takes.setdefault(key, _Take(verdict, event, case, "" if verdict.reason else new_id()))
    return dict(sorted(takes.items()))


def _loaded(events: Sequence[LoggedEvent]) -> dict[int, Case]:
    """The orders of these events as they are now; a rebill's with the subscription that made it."""
    loaded = cases.load(event.order_id for event in events)
    add_billed_subscriptions(loaded.values())
    return loaded


_EXPORT_COLUMNS = {
    "profile_id": "bigint",
    "customer_type": "text",
    "subject_id": "bigint",
    "event_id": "bigint",
    "order_id": "bigint",
    "delivery_id": "text",
    "skip": "text",
    "is_final": "boolean",
    "taken_at": "timestamptz",
}
_WRITE_EXPORTS = f"""
INSERT INTO exports_export ({", ".join(_EXPORT_COLUMNS)})
SELECT {", ".join(f"r.{name}" for name in _EXPORT_COLUMNS)} FROM {{rows}} WHERE true
ON CONFLICT (profile_id, customer_type, subject_id) DO UPDATE SET
  event_id = excluded.event_id, delivery_id = excluded.delivery_id, skip = excluded.skip,
  is_final = excluded.is_final, taken_at = excluded.taken_at
WHERE NOT exports_export.is_final
RETURNING profile_id, customer_type, subject_id
"""  # noqa: S608 (names are our own)


def _write_exports(takes: dict[Key, _Take], now: datetime) -> list[Key]:
    """The keys that are ours: whoever inserts the row first has taken the subject."""
    rows = [
        (
            *key,
            one.event.id,
            one.event.order_id,
            one.delivery_id,
            one.verdict.reason,
            one.verdict.is_final,
            now,
        )
        for key, one in takes.items()
    ]
    won = sets.run(_WRITE_EXPORTS, _EXPORT_COLUMNS, rows) if rows else []
    return [(row[0], row[1], row[2]) for row in won]


class _Broken(Exception):
    """A profile whose mappings could not be rendered."""

    def __init__(self, broken: Plan, cause: Exception) -> None:
        super().__init__(str(cause))
        self.plan = broken
        self.cause = cause


def _rendered(takes: Sequence[_Take]) -> list[NewDelivery]:
    """The deliveries of what was taken. What two profiles say of one event is written once."""
    readings: dict[tuple[int, str], tuple[Reading, Memo, Memo]] = {}
    going = [take for take in takes if take.delivery_id]
    offers = _offers(going)
    deliveries = []
    for take in going:
        about = (take.event.id, take.verdict.kind.key)
        try:
            if about not in readings:
                readings[about] = (_reading(take, offers), {}, {})
            content = take.verdict.plan.renderer.content(*readings[about])
        except Exception as error:
            raise _Broken(take.verdict.plan, error) from error
        deliveries.append(_delivery(take, content))
    return deliveries


def _offers(takes: Sequence[_Take]) -> dict[int, dict[int, int]]:
    """By campaign and product, the id under which the campaign offers the product."""
    campaigns = {one for take in takes if (one := take.case.order.campaign_id) is not None}
    products = {product for take in takes for product in take.case.product_ids}
    offers: dict[int, dict[int, int]] = defaultdict(dict)
    if campaigns and products:
        found = CampaignProduct.objects.filter(campaign_id__in=campaigns, product_id__in=products)
        for campaign_id, product_id, offer_id in found.values_list("campaign_id", "product_id", "pk"):
            offers[campaign_id][product_id] = offer_id
    return offers


def _reading(take: _Take, offers: dict[int, dict[int, int]]) -> Reading:
    event, order = take.event, take.case.order
    return Reading(
        case=take.case,
        event=EventFacts(id=event.id, type=event.type, occurred_at=event.occurred_at, data=event.data),
        customer_type=take.verdict.kind.label,
        zone=ZoneInfo(order.location.time_zone),
        campaign_products=offers.get(order.campaign_id or 0, {}),
    )


def _delivery(take: _Take, content: str) -> NewDelivery:
    profile = take.verdict.plan.profile
    return NewDelivery(
        id=take.delivery_id,
        event_id=take.event.id,
        channel="export",
        target_id=profile.pk,
        target_name=profile.name,
        target_version=profile.version,
        reason=take.verdict.kind.label,
        endpoint_id=profile.endpoint_id,
        content=content,
    )


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


def _count(reports: dict[int, Report], takes: dict[Key, _Take], won: Iterable[Key]) -> None:
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
