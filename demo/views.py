"""The built-in receiver: a partner's address that takes anything, and the page that shows what it got."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from demo import arrivals as kept
from demo.models import ReceivedRequest
from exports.models import ExportProfile

_PARTNER = re.compile(r"[0-9A-Za-z_.-]{1,60}")  # the last part of a URL, as in partials.php


@csrf_exempt
def receive(request: HttpRequest, name: str) -> HttpResponse:
    """Takes any request from anyone, as a partner's server would, and says OK."""
    if not _PARTNER.fullmatch(name):
        raise Http404
    try:
        kept.keep(name, request)
    except kept.TooLarge:
        return HttpResponse(f"The body has more than {kept.BODY_LIMIT} bytes.\n", "text/plain", 413)
    return HttpResponse("OK", "text/plain")


@never_cache
@admin.site.admin_view
def arrivals(request: HttpRequest) -> HttpResponse:
    """The newest arrivals; with `after`, only the rows after that one, for the page to put on top.

    They came with their secrets, so it is for who may see those.
    """
    if not request.user.has_perms(["delivery.view_delivery", "delivery.view_secrets"]):
        raise PermissionDenied
    name = _name(request)
    after = request.GET.get("after", "")
    if after.isdecimal() and len(after) < 19:
        return render(request, "demo/_arrivals.html", {"arrivals": kept.newest(name=name, after=int(after))})
    context = {
        **admin.site.each_context(request),
        "title": "What partners received",
        "arrivals": kept.newest(name=name),
        "kept": kept.KEPT,
        "name": name,
        "names": _names(),
        "next_run_at": _next_run_at(),
        "profiles": ExportProfile.objects.filter(is_active=True, url__contains="/receiver/"),
    }
    return render(request, "demo/arrivals.html", context)


def _name(request: HttpRequest) -> str:
    name = request.GET.get("name", "")
    return name if _PARTNER.fullmatch(name) else ""


def _names() -> Iterable[Mapping[str, Any]]:
    return ReceivedRequest.objects.order_by("name").values("name").annotate(count=Count("pk"))


def _next_run_at() -> Any:
    return ExportProfile.objects.filter(is_active=True).aggregate(at=Min("next_run_at"))["at"]
