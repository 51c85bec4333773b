"""What the profile page shows around its form: how it runs, what it sent lately, what it would send."""

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import strip_tags

from delivery.admin.endpoints import deliveries_of, health_of, waiting_for
from delivery.clock import clock
from delivery.models import Attempt, Delivery
from exports.admin.draft import sight_of_draft
from exports.admin.notes import notes_on, routing_of
from exports.admin.pause import pause_of
from exports.examples import find
from exports.explain import explain
from exports.forms import CloneForm
from exports.models import ExportProfile, Route

MOST_RECENT = 10
MOST_ROUTES = 8


def sight_of(request: HttpRequest, profile: ExportProfile) -> dict[str, Any]:
    """All of it, for who may look. Who may do what stands in `can_…`."""
    user = request.user
    can_change = user.has_perm("exports.change_exportprofile")
    can_approve = user.has_perm("exports.approve_pci")
    recent, waiting = recent_deliveries(profile), waiting_for(profile.endpoint)
    return {
        "profile": profile,
        "title": f"Export profile {profile.pk}: {profile.name}",
        "subtitle": None,
        "notes": notes_on(profile),
        "health": health_of(profile.endpoint),
        "waiting": waiting if user.has_perm("delivery.view_delivery") else strip_tags(waiting),
        "deliveries": deliveries_of(profile.endpoint),
        "recent": recent,
        "runs": _runs(profile),
        "routing": routing_of(profile),
        "routes": _routes(profile),
        "can_change": can_change,
        "can_approve": can_approve,
        "can_read_document": can_approve or can_change,
        "clone_form": CloneForm(initial={"name": f"{profile.name} (copy)"[:150]}),
        "can_clone": user.has_perm("exports.add_exportprofile"),
        "is_used": bool(recent) or profile.exports.exists(),
        "can_ask": user.has_perm("orders.view_order"),
        **(pause_of(profile) if can_change and not profile.is_active else {}),
        **asked(request, profile),
        **sight_of_draft(request, profile),
    }


def recent_deliveries(profile: ExportProfile) -> list[Delivery]:
    """The newest, each with the status of its newest attempt as `status`; one statement."""
    newest = Attempt.objects.filter(delivery=OuterRef("pk")).order_by("-number", "-id").values("status")[:1]
    found: QuerySet[Any] = Delivery.objects.filter(endpoint=profile.endpoint_id).annotate(
        status=Subquery(newest)
    )
    return list(found.select_related("event__order", "lease").defer("content").order_by("-pk")[:MOST_RECENT])


def asked(request: HttpRequest, profile: ExportProfile) -> dict[str, Any]:
    """What became of the order that somebody asks for."""
    number = request.GET.get("why", "").strip()[:64]
    if not number or not request.user.has_perm("orders.view_order"):
        return {"why": number}
    order = find(profile, number)
    verdicts = explain(order, profile) if order is not None else []
    return {"why": number, "why_order": order, "verdicts": verdicts}


def _runs(profile: ExportProfile) -> dict[str, str]:
    """When it ran last and runs next, in words."""
    now = timezone.now()
    last = clock(profile.last_run_at, now) if profile.last_run_at else "never"
    if not profile.is_active:
        return {"last": last, "next": "none while switched off"}
    if profile.cadence == ExportProfile.Cadence.IMMEDIATE:
        return {"last": last, "next": "at once, whenever something happens"}
    return {
        "last": last,
        "next": clock(profile.next_run_at, now) if profile.next_run_at else "within a minute",
    }


def _routes(profile: ExportProfile) -> dict[str, Any]:
    found = list(
        Route.objects.filter(profile=profile).select_related("campaign", "product")[: MOST_ROUTES + 1]
    )
    return {"shown": found[:MOST_ROUTES], "is_cut": len(found) > MOST_ROUTES}
