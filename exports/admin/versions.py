"""The versions of a profile: what each change of it changed, and the way back."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_http_methods

from delivery.screens import QuickAdmin, actor, as_id
from exports import versions
from exports.models import ExportProfile

View = Callable[..., HttpResponse]


def doors(pages: QuickAdmin) -> list[URLPattern]:
    """The addresses of the pages, each wrapped as the admin wraps its views."""

    def listed(request: HttpRequest, profile_id: int) -> HttpResponse:
        profile = get_object_or_404(ExportProfile, pk=profile_id)
        if not pages.has_view_permission(request, profile):
            raise PermissionDenied
        return _list(request, pages, profile)

    def undo(request: HttpRequest, profile_id: int, change_id: int) -> HttpResponse:
        profile = get_object_or_404(ExportProfile, pk=profile_id)
        if not _may_undo(request, pages, profile):
            raise PermissionDenied
        return _undo(request, pages, profile, change_id)

    wrap = pages.admin_site.admin_view
    one = require_http_methods(["GET", "HEAD", "POST"])(undo)
    return [
        path("<int:profile_id>/versions/", wrap(require_GET(listed)), name="exports_exportprofile_versions"),
        path(
            "<int:profile_id>/versions/<int:change_id>/undo/",
            wrap(one),
            name="exports_exportprofile_undo",
        ),
    ]


def _may_undo(request: HttpRequest, pages: QuickAdmin, profile: ExportProfile) -> bool:
    """It changes mappings and routes too."""
    of_rows = ("exports.change_fieldmapping", "exports.change_route")
    return pages.has_change_permission(request, profile) and request.user.has_perms(of_rows)


def _list(request: HttpRequest, pages: QuickAdmin, profile: ExportProfile) -> HttpResponse:
    before = as_id(request.GET.get("before", ""))
    context = {
        "title": f"Versions of {profile.name}",
        "page": versions.versions(profile, before=before),
        "before": before,
        "can_undo": _may_undo(request, pages, profile),
    }
    return _drawn(request, pages, profile, "versions", context)


def _undo(request: HttpRequest, pages: QuickAdmin, profile: ExportProfile, change_id: int) -> HttpResponse:
    """Asks first, and shows what would change; then does it."""
    change = versions.find(profile, change_id)
    if change is None:
        raise Http404("There is no such version.")
    if request.method != "POST":
        context = {
            "title": f"Undo to version {change.version}",
            "change": change,
            "differences": versions.way_back(profile, change),
        }
        return _drawn(request, pages, profile, "undo", context)
    try:
        if versions.restore(profile, change, by=actor(request)):
            messages.success(request, f"“{profile.name}” is again as it was in version {change.version}.")
        else:
            messages.info(request, "It is so already; nothing was changed.")
    except ValidationError as error:
        for text in error.messages:
            messages.error(request, f"Nothing was changed. {text}")
    return HttpResponseRedirect(reverse("admin:exports_exportprofile_versions", args=[profile.pk]))


def _drawn(
    request: HttpRequest, pages: QuickAdmin, profile: ExportProfile, name: str, values: dict[str, Any]
) -> HttpResponse:
    context = {
        **pages.admin_site.each_context(request),
        "opts": pages.opts,
        "media": pages.media,
        "profile": profile,
        **values,
    }
    return TemplateResponse(request, f"admin/exports/exportprofile/{name}.html", context)
