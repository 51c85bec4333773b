"""The page itself, and its two lists by themselves, which renew without it."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django_htmx.http import replace_url

from customers.models import Location
from exports import customer_types
from exports.admin.board.asking import HEALTH, SWITCHES, Asked, asked_by
from exports.admin.board.lists import profiles_of, routes_of
from exports.admin.board.permissions import Rights, rights_of
from exports.models import ExportProfile

_LISTS = {"profiles-list": "profiles", "routes-list": "routes", "routes": "routes_half"}


def board(request: HttpRequest) -> HttpResponse:
    """The whole page; or, where htmx asks for one, a list, and the address that the page has from now on."""
    rights = rights_of(request)
    if not may_open(request):
        raise PermissionDenied
    asked = asked_by(request)
    wanted = _LISTS.get(request.htmx.target or "")  # type: ignore[attr-defined]
    if wanted is None or request.htmx.history_restore_request:  # type: ignore[attr-defined]
        return _whole(request, asked, rights)
    if not (rights.may_see_profiles if wanted == "profiles" else rights.may_see_routes):
        raise PermissionDenied
    answer = TemplateResponse(
        request, f"admin/exports/board/{wanted}.html", context_of(request, asked, wanted.partition("_")[0])
    )
    return replace_url(answer, asked.address())


def may_open(request: HttpRequest) -> bool:
    """One of the halves is enough."""
    rights = rights_of(request)
    return rights.may_see_profiles or rights.may_see_routes


board.may_open = may_open  # type: ignore[attr-defined]


def context_of(request: HttpRequest, asked: Asked, half: str, new: int = 0) -> dict[str, Any]:
    """What the template of a half is given."""
    shown: dict[str, Any] = {
        "asked": asked,
        "rights": rights_of(request),
        "several_locations": Location.objects.count() > 1,
    }
    if half == "profiles":
        every = asked.address(q="", switch="", health="", page=1)
        return {**shown, "profiles": profiles_of(asked, new), "all_profiles": every}
    return {
        **shown,
        "routes": routes_of(asked, new),
        "all_routes": asked.address(rq="", kind="", profile=0, rpage=1),
        "every_profile": asked.address(profile=0, rpage=1),
        "one_profile": _chosen(asked),
        "profile_source": reverse("admin:exports_board_choices", args=["profile"]),
        "kinds": customer_types.ALL,
    }


def _whole(request: HttpRequest, asked: Asked, rights: Rights) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Exports",
        "healths": HEALTH,
        "switches": SWITCHES,
        "asked": asked,
        "rights": rights,
    }
    new = {half: _new(request, half) for half in ("profiles", "routes")}
    if rights.may_see_profiles:
        context |= context_of(request, asked, "profiles", new["profiles"])
    if rights.may_see_routes:
        context |= context_of(request, asked, "routes", new["routes"])
    return TemplateResponse(request, "admin/exports/board/page.html", context)


def _new(request: HttpRequest, half: str) -> int:
    """What a form without a script has made just now; told once."""
    made: int = request.session.pop(f"new_{half}", 0)
    return made


def _chosen(asked: Asked) -> ExportProfile | None:
    return ExportProfile.objects.filter(pk=asked.profile).first() if asked.profile else None
