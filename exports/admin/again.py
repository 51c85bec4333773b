"""Export again: the question, with the request as it will be beside what was sent, and the yes."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from delivery.ids import asked_for, is_id, new_id
from delivery.models import Delivery
from delivery.screens import actor
from exports import again, drafts
from exports.again import Anew, Refused


def may_open(request: HttpRequest) -> bool:
    """As Send again."""
    return request.user.has_perm("delivery.send_again_delivery") and any(
        request.user.has_perm(f"delivery.{verb}_delivery") for verb in ("view", "change")
    )


def export_again(request: HttpRequest, delivery_id: str) -> HttpResponse:
    """Asked first; then it is queued, and its page says what becomes of it."""
    if not may_open(request):
        raise PermissionDenied
    everything = Delivery.objects.select_related("event__order")
    delivery = everything.filter(pk=asked_for(delivery_id)).first()
    if delivery is None:
        raise Http404("There is no such delivery.")
    asked_as = request.POST.get("confirmed", "")
    try:
        if request.method == "POST" and is_id(asked_as) and asked_as <= new_id():
            new = again.export_again(delivery, by=actor(request), asked_as=asked_as)
            messages.success(request, "It is exported again: this is the new delivery.")
            return HttpResponseRedirect(reverse("admin:delivery_delivery_change", args=[new]))
        context = _question(delivery, again.anew(delivery))
    except Refused as refusal:
        context = {"why_not": str(refusal)}
    context = {**admin.site.each_context(request), "title": "Export again", "delivery": delivery, **context}
    return TemplateResponse(request, "admin/exports/again.html", context)


export_again.may_open = may_open  # type: ignore[attr-defined]


def _question(delivery: Delivery, made: Anew) -> dict[str, Any]:
    """Line by line: what will be sent, with what of the earlier export will not be."""
    then = drafts.of_content(made.profile, delivery.content)
    lines = drafts.compared(drafts.of_content(made.profile, made.content), then)
    numbers = {one.delivery_id: one.number for one in again.all_of(delivery)}
    return {
        "made": made,
        "number_then": numbers.get(delivery.pk, 1),
        "lines": lines,
        "differs": any(line.is_in for line in lines),
        "asked_as": new_id(),
    }
