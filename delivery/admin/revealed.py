"""A delivery with its secrets: only as the answer to a button, only for who may, and on record."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from delivery.admin.sight import sight_with_secrets
from delivery.ids import asked_for
from delivery.models import Delivery
from delivery.screens import ReadOnlyAdmin


def may_reveal(request: HttpRequest) -> bool:
    return request.user.has_perm("delivery.view_secrets")


def door(pages: ReadOnlyAdmin) -> URLPattern:
    """Its address, wrapped as the admin wraps its views."""

    def reveal(request: HttpRequest, delivery_id: str) -> HttpResponse:
        delivery = get_object_or_404(Delivery.objects.select_related("endpoint"), pk=asked_for(delivery_id))
        if not (may_reveal(request) and pages.has_view_permission(request, delivery)):
            raise PermissionDenied
        pages.log_change(request, delivery, "Looked at it with its secret values.")
        context = {
            **pages.admin_site.each_context(request),
            **sight_with_secrets(delivery),
            "media": pages.media,
            "title": "Delivery with its secret values",
        }
        return TemplateResponse(request, "admin/delivery/delivery/revealed.html", context)

    view = pages.admin_site.admin_view(require_POST(reveal))
    return path("<str:delivery_id>/revealed/", view, name="delivery_delivery_revealed")
