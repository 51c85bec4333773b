"""API users: who may call for which locations; keys are issued, shown once, and revoked here."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from audit import changes
from customers import access
from customers.models import ApiKey, ApiUser
from delivery.screens import QuickAdmin, actor, as_id

MOST_KEYS = 50


@admin.register(ApiUser)
class ApiUserAdmin(QuickAdmin):
    change_form_template = "admin/customers/apiuser/change_form.html"
    list_display = ("name", "user_id", "is_active", "last_used")
    search_fields = ("name",)
    autocomplete_fields = ("locations",)
    fields = ("name", "locations", "is_active")

    def has_delete_permission(self, request: HttpRequest, obj: ApiUser | None = None) -> bool:
        return False  # events name it; switched off it is as good as gone

    def get_urls(self) -> list[URLPattern]:
        doors: dict[str, Callable[..., HttpResponse]] = {
            "keys/issue": self._issue,
            "keys/revoke": self._revoke,
        }
        return [
            *(
                path(
                    f"<int:user_id>/{name}/",
                    self.admin_site.admin_view(require_POST(view)),
                    name=f"customers_apiuser_{name.replace('/', '_')}",
                )
                for name, view in doors.items()
            ),
            *super().get_urls(),
        ]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        user = self.get_object(request, object_id) if object_id else None
        context = {**(extra_context or {})}
        if user is not None:
            keys = user.keys.order_by("revoked_at", "-id")[:MOST_KEYS]
            context |= {
                "api_user": user,
                "keys": keys,
                "may_change": self.has_change_permission(request, user),
            }
        return super().changeform_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: ApiUser, form: Any, change: bool) -> None:
        request.state_before = access.snapshot(obj) if change else None  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """On record, with its locations: they say whose data it reads."""
        super().save_related(request, form, formsets, change)
        was, user = request.state_before, form.instance  # type: ignore[attr-defined]
        action = "changed" if change else "created"
        changes.record(user, action, by=actor(request), old=was, new=access.snapshot(user))

    def response_add(
        self, request: HttpRequest, obj: ApiUser, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The first key is part of making one."""
        return self._shown_once(request, access.issue_key(obj, by=actor(request)))

    def _issue(self, request: HttpRequest, user_id: int) -> HttpResponse:
        user = self._of(request, user_id)
        return self._shown_once(request, access.issue_key(user, by=actor(request)))

    def _revoke(self, request: HttpRequest, user_id: int) -> HttpResponse:
        user = self._of(request, user_id)
        key = get_object_or_404(ApiKey, user=user, pk=as_id(request.POST.get("key", "")))
        access.revoke_key(key, by=actor(request))
        messages.success(request, f"The key {key} is not accepted any more.")
        return HttpResponseRedirect(reverse("admin:customers_apiuser_change", args=[user.pk]))

    def _of(self, request: HttpRequest, user_id: int) -> ApiUser:
        user = get_object_or_404(ApiUser, pk=user_id)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        return user

    def _shown_once(self, request: HttpRequest, issued: access.Credentials) -> HttpResponse:
        """The answer to the button itself, which no address leads to again. No cache keeps it."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"A key for {issued.user}",
            "issued": issued,
            "locations": issued.user.locations.all(),
        }
        return TemplateResponse(request, "admin/customers/apiuser/issued.html", context)

    @admin.display(description="user id")
    def user_id(self, user: ApiUser) -> str:
        return user.public_id

    @admin.display(description="last used")
    def last_used(self, user: ApiUser) -> Any:
        return getattr(user, "last_used_at", None)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiUser]:
        users: QuerySet[ApiUser] = super().get_queryset(request)
        return users.annotate(last_used_at=Max("keys__last_used_at"))
