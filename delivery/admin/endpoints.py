"""Endpoints: where deliveries go, how well that works, and how much of it they bear."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from delivery import limits, rows, services
from delivery.admin import signatures
from delivery.health import dot_of, health_in_a_word, health_of
from delivery.models import Delivery, Endpoint
from delivery.screens import QuickAdmin, ReadOnlyAdmin, actor
from delivery.transports import ERRORS
from delivery.troubled import MOST_WAITING, waiting_by_endpoint

__all__ = ["EndpointAdmin", "deliveries_of", "health_in_a_word", "health_of", "waiting_for"]

_LIMITS = ("concurrency", "rate_per_second")
MOST_RECENT = 10


class Health(admin.SimpleListFilter):
    """As the dashboard counts them."""

    title = "health"
    parameter_name = "health"
    of = {
        "good": Q(is_held=False, asleep_until=None, failures_in_a_row=0),
        "failing": Q(is_held=False, asleep_until=None, failures_in_a_row__gt=0),
        "asleep": Q(is_held=False, asleep_until__isnull=False),
        "held": Q(is_held=True),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("good", "good"),
            ("failing", "failing"),
            ("asleep", "asleep"),
            ("held", "held: switched off"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(self.of.get(self.value() or "", Q()))


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    change_form_template = "admin/delivery/endpoint/change_form.html"
    change_list_template = "admin/delivery/endpoint/change_list.html"
    list_display = ("name", "health", "waiting", "last_success", "last_failure")
    list_filter = (Health, "channel")
    search_fields = ("name",)
    search_help_text = "A part of its name."
    ordering = ("name",)
    actions = None
    fieldsets = (("How much it is sent", {"fields": _LIMITS}),)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of the limits: all else is written by the machine."""
        return super(QuickAdmin, self).has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The limits alone: workers write the rest of the row meanwhile."""
        asked = {name: form.cleaned_data[name] for name in _LIMITS}
        limits.set_limits(obj.pk, **asked, by=actor(request))

    def get_urls(self) -> list[URLPattern]:
        wake = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.wake_view))
        return [
            path("<int:endpoint_id>/wake/", wake, name="delivery_endpoint_wake"),
            *signatures.doors(self),
            *super().get_urls(),
        ]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the counts of what waits, for the page that is shown."""
        changelist = super().get_changelist_instance(request)
        page = {endpoint.pk: endpoint for endpoint in changelist.result_list}
        for pk, waits in waiting_by_endpoint(Endpoint.objects.filter(pk__in=page)).items():
            page[pk].waits = waits
        return changelist

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        endpoint = self.get_object(request, object_id) if object_id else None
        context = dict(extra_context or {})
        if endpoint is not None and self.has_view_permission(request, endpoint):
            context |= _sight_of(endpoint)
            context["can_change"] = self.has_change_permission(request, endpoint)
            context["can_list"] = request.user.has_perm("delivery.view_delivery")
        return super().changeform_view(request, object_id, form_url, context)

    def wake_view(self, request: HttpRequest, endpoint_id: int) -> HttpResponse:
        """What waits for another try is tried now. Asked first what that means."""
        endpoint = get_object_or_404(Endpoint, pk=endpoint_id)
        if not self.has_change_permission(request, endpoint):
            raise PermissionDenied
        if request.method != "POST":
            page = {"endpoint": endpoint, "title": "Try now?"}
            is_dialog = bool(request.htmx)  # type: ignore[attr-defined]
            context = page if is_dialog else {**self.admin_site.each_context(request), **page}
            name = "_wake" if is_dialog else "wake"
            return TemplateResponse(request, f"admin/delivery/endpoint/{name}.html", context)
        try:
            number = services.try_now(endpoint)
            self.log_change(request, endpoint, "Tried it now, before its time.")
            messages.success(request, f"It is tried now; {number:,} that waited for another try are due.")
        except services.NotNow as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:delivery_endpoint_change", args=[endpoint.pk]))

    @admin.display(description="health")
    def health(self, endpoint: Endpoint) -> str:
        dot = '<span class="dot {}" aria-hidden="true"></span>{}'
        return format_html(dot, dot_of(endpoint), health_of(endpoint))

    @admin.display(description="waiting")
    def waiting(self, endpoint: Any) -> str:
        return _waiting(endpoint, endpoint.waits)

    @admin.display(description="last success", ordering=F("last_success_at"))
    def last_success(self, endpoint: Endpoint) -> str:
        return rows.moment(endpoint.last_success_at) if endpoint.last_success_at else "–"

    @admin.display(description="last failure")
    def last_failure(self, endpoint: Endpoint) -> str:
        return rows.moment(endpoint.last_failure_at) if endpoint.last_failure_at else "–"


def deliveries_of(endpoint: Endpoint) -> str:
    """Links to the list of what goes there, and to the endpoint's own page."""
    page = reverse("admin:delivery_endpoint_change", args=[endpoint.pk])
    links = '<a href="{}">Recent deliveries</a> · <a href="{}">Limits and signature</a>'
    return format_html(links, rows.list_of(endpoint=endpoint.pk), page)


def waiting_for(endpoint: Endpoint) -> str:
    """How many have not arrived yet, counted no further than MOST_WAITING; with a link to them."""
    return _waiting(endpoint, waiting_by_endpoint(Endpoint.objects.filter(pk=endpoint.pk))[endpoint.pk])


def _waiting(endpoint: Endpoint, number: int) -> str:
    if not number:
        return "None"
    text = f"{MOST_WAITING:,}+" if number > MOST_WAITING else f"{number:,}"
    url = f"{rows.list_of(endpoint=endpoint.pk)}&state__in=pending,waiting"
    return format_html('<a href="{}">{}</a>', url, text)


def _sight_of(endpoint: Endpoint) -> dict[str, Any]:
    recent = Delivery.objects.filter(endpoint=endpoint).order_by("-pk").defer("content")
    seen = recent.select_related("event__order", "endpoint", "lease")[:MOST_RECENT]
    return {
        "endpoint": endpoint,
        "title": endpoint.name,
        "subtitle": None,
        "health": health_of(endpoint),
        "dot": dot_of(endpoint),
        "waiting": waiting_for(endpoint),
        "last_error": ERRORS.get(endpoint.last_error, endpoint.last_error),
        "list_url": rows.list_of(endpoint=endpoint.pk),
        "recent": [
            {
                "delivery": one,
                "made": rows.moment(one.created_at),
                "badge": rows.badge(one),
                "reason": rows.reason_of(one),
                "order": one.event.order if one.event else None,
                "attempts": rows.attempts(one),
            }
            for one in seen
        ],
    }
