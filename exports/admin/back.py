"""The way back from the page of a profile or a route: to the board, where people came from."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse


class BackToBoard(admin.ModelAdmin):  # type: ignore[type-arg]
    """Saving and deleting lead to ADMIN | EXPORTS, not to a list of the table."""

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:exports_board"))

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:exports_board"))

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        answer = super().response_delete(request, obj_display, obj_id)
        is_redirect = isinstance(answer, HttpResponseRedirect)
        return HttpResponseRedirect(reverse("admin:exports_board")) if is_redirect else answer
