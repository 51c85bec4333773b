"""The dashboard: what staff see first, each part for who may see what is behind it; no look at all rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from audit.models import Change
from config import readiness
from config.chart import HEIGHT, TOP, WIDTH, bars
from delivery import catalogue, counts
from delivery.causes import Cause, causes
from delivery.health import health_of
from delivery.hours import last_hours, oldest_unfinished, waiting_in_all
from delivery.models import Event
from delivery.overview import overview
from delivery.rows import list_of
from delivery.troubled import MOST_WAITING, Troubled, troubled
from exports.models import ExportProfile, Route
from orders.models import Order

MOST_SWEEPS, MOST_EVENTS = 6, 10
_LOOKED_AT = 60  # events, to find those worth a line
_SHORTLY = timedelta(hours=2)  # before its first failure, a change may be what caused it
# What a target of each channel is called in the audit log.
_SUBJECTS = {"export": "exports.exportprofile", "postback": "postbacks.postbackconfig"}

Part = Callable[[datetime], dict[str, Any]]


def part(request: HttpRequest) -> HttpResponse:
    """What renews itself of the page."""
    return TemplateResponse(request, "admin/_dashboard.html", dashboard(request))


def dashboard(request: HttpRequest) -> dict[str, Any]:
    """The values of the template, as of now."""
    now = timezone.now()
    values: dict[str, Any] = {"now": now, "faults": readiness.faults_of_work(now)}
    for permission, read in _PARTS.items():
        if _may(request, permission):
            values |= read(now)
    if _may(request, "delivery.view_delivery"):
        values |= _causes(now, values.get("in_trouble"), with_changes=_may(request, "audit.view_change"))
    values["has_parts"] = any(_may(request, permission) for permission in _PARTS)
    return values


def _may(request: HttpRequest, name: str) -> bool:
    """Who may change a thing sees it too."""
    return request.user.has_perm(name) or request.user.has_perm(name.replace(".view_", ".change_"))


# --- numbers and the chart ---------------------------------------------------------------------------


def _numbers(now: datetime) -> dict[str, Any]:
    hours, totals = last_hours(now), counts.totals()
    since = f"{timezone.localtime(hours[0].start):%Y-%m-%dT%H:%M}"
    oldest = oldest_unfinished()
    earnest = {"is_test__exact": 0}
    return {
        "numbers": {
            "delivered": sum(hour.delivered for hour in hours),
            "delivered_url": list_of(state__exact="delivered", since=since, **earnest),
            "failed": sum(hour.failed for hour in hours),
            "failed_url": list_of(state__exact="failed", since=since, **earnest),
            "waiting": waiting_in_all(totals),
            "waiting_url": list_of(state__in="pending,waiting", **earnest),
            "oldest": oldest,
            "waited": _in_short(now - oldest.created_at) if oldest else "",
        },
        "bars": bars(hours),
        "chart": {
            "width": WIDTH,
            "height": HEIGHT,
            "top": TOP,
            "highest": max(hour.total for hour in hours),
        },
        "is_quiet": not any(hour.total for hour in hours),
        "has_sent": any(what == counts.QUEUED for _, what in totals),
    }


def _in_short(time: timedelta) -> str:
    """A length of time as a big number says it: 12 min."""
    minutes = max(int(time.total_seconds()), 0) / 60
    for limit, size, unit in ((2, 1 / 60, "s"), (120, 1, "min"), (60 * 48, 60, "h")):
        if minutes < limit:
            return f"{minutes / size:.0f} {unit}"
    return f"{minutes / 1440:.0f} days"


# --- endpoints and causes ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sleeper:
    """An endpoint in trouble, in words."""

    endpoint: Any
    health: str
    waiting: str
    waiting_url: str


def _endpoints(now: datetime) -> dict[str, Any]:
    in_trouble = troubled()
    return {
        "overview": overview(),
        "in_trouble": in_trouble,
        "sleepers": [
            _Sleeper(
                one.endpoint,
                health_of(one.endpoint),
                f"{MOST_WAITING:,}+" if one.waiting > MOST_WAITING else f"{one.waiting:,}",
                list_of(endpoint=one.endpoint.pk, state__in="pending,waiting"),
            )
            for one in in_trouble
        ],
    }


def _causes(now: datetime, in_trouble: list[Troubled] | None, *, with_changes: bool) -> dict[str, Any]:
    found = causes(now, troubled() if in_trouble is None else in_trouble)
    changes = _changes_before(found) if with_changes else {}
    return {
        "causes": [
            {
                "cause": one,
                "url": list_of(endpoint=one.endpoint.pk, error=one.words),
                "change": changes.get(one.example_id),
            }
            for one in found
        ]
    }


def _changes_before(found: Iterable[Cause]) -> dict[str, Change]:
    """By example: the last change of its target shortly before the first failure; one statement."""
    of_target = {(_SUBJECTS[one.channel], one.target_id): one for one in found if one.channel in _SUBJECTS}
    if not of_target:
        return {}
    since = min(one.first_at for one in of_target.values()) - _SHORTLY
    changes = Change.objects.filter(
        subject_type__in={subject for subject, _ in of_target},
        subject_id__in={pk for _, pk in of_target},
        at__gte=since,
    ).exclude(by="")
    newest_first = changes.defer("old", "new").order_by("-id")[:200]
    before: dict[str, Change] = {}
    for change in newest_first:
        for one in found:
            is_its = (_SUBJECTS.get(one.channel), one.target_id) == (change.subject_type, change.subject_id)
            if is_its and one.first_at - _SHORTLY <= change.at <= one.first_at:
                before.setdefault(one.example_id, change)
    return before


# --- sweeps and history ------------------------------------------------------------------------------


def _sweeps(now: datetime) -> dict[str, Any]:
    active = ExportProfile.objects.filter(is_active=True).only("pk", "name", "next_run_at", "cadence")
    by_clock = active.filter(cadence=ExportProfile.Cadence.SWEEP)
    failed = ExportProfile.objects.exclude(last_run_error="").order_by("-last_run_at")
    return {
        "sweeps": by_clock.order_by(F("next_run_at").asc(nulls_first=True), "name")[:MOST_SWEEPS],
        "failed_sweeps": failed[:MOST_SWEEPS],
        "steps": _steps(),
    }


def _steps() -> list[dict[str, Any]]:
    """From nothing to the first export."""
    has_profile = ExportProfile.objects.exists()
    board = _address("exports_board") or reverse("admin:exports_exportprofile_changelist")
    return [
        {
            "title": "Make an export profile",
            "text": "A name and the address of your partner.",
            "url": board,
            "is_done": has_profile,
        },
        {
            "title": "Give it field mappings and a route",
            "text": "What the partner calls each value, and for which customer types it goes out.",
            "url": board,
            "is_done": Route.objects.exists(),
        },
        {
            "title": "Let an order happen",
            "text": "Type one, import a file, or send it by the API. The next sweep exports it.",
            "url": reverse("admin:orders_order_changelist"),
            "is_done": Order.objects.exists(),
        },
    ]


def _address(name: str) -> str:
    try:
        return reverse(f"admin:{name}")
    except NoReverseMatch:
        return ""


def _history(now: datetime) -> dict[str, Any]:
    """The newest that happened, without what only repeats it in other words."""
    newest = Event.objects.select_related("order", "customer").order_by("-id")[:_LOOKED_AT]
    told = [event for event in newest if not event.type.endswith((".updated", ".created"))]
    shown = (told or list(newest))[:MOST_EVENTS]
    return {"happened": [(event, catalogue.sentence(event.type, event.data)) for event in shown]}


_PARTS: dict[str, Part] = {
    "delivery.view_delivery": _numbers,
    "delivery.view_endpoint": _endpoints,
    "exports.view_exportprofile": _sweeps,
    "delivery.view_event": _history,
}
