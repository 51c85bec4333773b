"""Send test: the button of the profile page, and what came of it as it comes."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from delivery.ids import asked_for
from delivery.models import Delivery
from delivery.screens import actor, as_id, may_open
from delivery.transports import ERRORS
from exports import trials
from exports.admin.doors import require
from exports.admin.draft import chosen_example
from exports.models import ExportProfile

QUICK_LOOKS, MOST_LOOKS = 10, 70  # half a second apart, then two: some two minutes
MOST_OF_AN_ANSWER = 2000
_TEMPLATE = "admin/exports/exportprofile/test.html"

View = Callable[..., HttpResponseBase]


def doors(wrap: Callable[[View], Any]) -> list[URLPattern]:
    """The addresses of the button and of its outcome."""
    return [
        path("<int:profile_id>/test/", wrap(require_POST(send)), name="exports_exportprofile_test"),
        path(
            "<int:profile_id>/test/<str:delivery_id>/",
            wrap(require_GET(outcome)),
            name="exports_exportprofile_tested",
        ),
    ]


def send(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Queues a test of what is saved; without the page's script, on to the page of the delivery."""
    require(request, "exports.change_exportprofile")
    profile = get_object_or_404(ExportProfile.objects.select_related("location"), pk=profile_id)
    refusals: list[str] = []
    delivery_id = ""
    try:
        example = chosen_example(request, request.POST, profile)
        delivery_id = trials.send_test(profile, example, by=actor(request))
    except ValidationError as error:
        refusals = error.messages
    if request.headers.get("HX-Request"):
        if delivery_id:
            return _seen(request, profile, delivery_id, looks=0)
        return TemplateResponse(request, _TEMPLATE, {"refusals": refusals}, status=422)
    return _told(request, profile, delivery_id, refusals)


def _told(
    request: HttpRequest, profile: ExportProfile, delivery_id: str, refusals: list[str]
) -> HttpResponse:
    """On to the delivery; for who may not see those, and for what was refused, back to the profile."""
    for text in refusals:
        messages.error(request, f"No test was sent. {text}")
    if delivery_id:
        messages.success(request, "The test goes out now.")
        page = reverse("admin:delivery_delivery_change", args=[delivery_id])
        if may_open(request, page):
            return HttpResponseRedirect(page)
    return HttpResponseRedirect(reverse("admin:exports_exportprofile_change", args=[profile.pk]))


def outcome(request: HttpRequest, profile_id: int, delivery_id: str) -> HttpResponse:
    """What has become of a test of this profile."""
    require(request, "exports.change_exportprofile")
    profile = get_object_or_404(ExportProfile, pk=profile_id)
    return _seen(request, profile, delivery_id, looks=as_id(request.GET.get("looks", "")) or 0)


def _seen(request: HttpRequest, profile: ExportProfile, delivery_id: str, *, looks: int) -> HttpResponse:
    tests = Delivery.objects.filter(endpoint=profile.endpoint_id, is_test=True).select_related("lease")
    delivery = get_object_or_404(tests.defer("content"), pk=asked_for(delivery_id))
    attempt = delivery.attempts.order_by("-number", "-id").first()
    context = {
        "profile": profile,
        "delivery": delivery,
        "attempt": attempt,
        "answer": attempt.answer[:MOST_OF_AN_ANSWER] if attempt else "",
        "error": delivery.last_detail or ERRORS.get(delivery.last_error, ""),
        "looks": looks + 1,
        "wait": "500ms" if looks < QUICK_LOOKS else "2s",
        "is_slow": looks >= QUICK_LOOKS,
        "goes_on": not delivery.is_finished and looks < MOST_LOOKS,
    }
    return TemplateResponse(request, _TEMPLATE, context)
