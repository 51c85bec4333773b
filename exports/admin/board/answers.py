"""How the dialogs of the board answer: as the inside of the dialog, or, without a script, as a page."""

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django_htmx.http import reswap, retarget, trigger_client_event

from exports.admin.board.asking import asked_by
from exports.admin.board.page import context_of
from exports.admin.board.permissions import rights_of
from exports.forms import tell

Made = TypeVar("Made")


def dialog(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    """A form that asks; once more with what is wrong (422), if its answers were not right."""
    form = context.get("form")
    inside = {"title": title, "inside": f"admin/exports/board/{template}.html", **context}
    status = 422 if form is not None and form.errors else 200
    if request.htmx:  # type: ignore[attr-defined]
        return TemplateResponse(request, inside["inside"], inside, status=status)
    whole = {**admin.site.each_context(request), **inside}
    return TemplateResponse(request, "admin/exports/board/dialog_page.html", whole, status=status)


def tried(form: forms.BaseForm, act: Callable[[], Made]) -> Made | None:
    """What the services made; None, with what they said in the form, if they refused."""
    try:
        return act()
    except ValidationError as error:
        tell(form, error)
    except ObjectDoesNotExist:  # somebody else has removed it meanwhile
        raise Http404 from None
    return None


def saved(request: HttpRequest, text: str, *halves: str, new: int = 0) -> HttpResponse:
    """Says what was done, and renews the lists that it concerns; `new` stands first in the first of them."""
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, text)
        if new:
            request.session[f"new_{halves[0]}"] = new
        return HttpResponseRedirect(reverse("admin:exports_board"))
    rights, asked = rights_of(request), asked_by(request)
    seen = {"profiles": rights.may_see_profiles, "routes": rights.may_see_routes}
    context: dict[str, Any] = {}
    for half in halves:
        if seen[half]:
            context |= context_of(request, asked, half, new if half == halves[0] else 0)
    answer = TemplateResponse(request, "admin/exports/board/renewed.html", context)
    return trigger_client_event(reswap(retarget(answer, "body"), "none"), "saved", {"value": text})
