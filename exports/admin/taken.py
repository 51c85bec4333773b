"""What profiles have taken, and for an order: what each profile made of it, and why."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from delivery.screens import MOST_FOUND, ReadOnlyAdmin, page_of
from exports.admin.again import export_again
from exports.explain import EXPORTED, NOT, WAITING, Verdict, explain
from exports.models import Export
from orders.models import Order

OUTCOMES = {EXPORTED: "Exported", WAITING: "Waiting", NOT: "Not exported"}
MOST_SHOWN = 200
FEW = 10  # of so many verdicts nobody has to look for one by name


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("taken_at", "by_profile", "order_page", "outcome_page")
    list_display_links = ("taken_at",)
    list_filter = ("customer_type", "skip")
    list_select_related = ("profile", "order")
    search_fields = ("profile__name",)
    search_help_text = "An order number, or the name of a profile."
    ordering = ("-id",)
    fields = ("taken_at", "profile", "customer_type", "order_page", "event_page", "outcome", "delivery_page")
    readonly_fields = ("order_page", "event_page", "outcome", "delivery_page")

    def found_exactly(self, term: str) -> Iterable[int]:
        taken = Export.objects.filter(order__client_order_id=term.upper())
        return taken.values_list("pk", flat=True)[:MOST_FOUND]

    def get_urls(self) -> list[URLPattern]:
        why: Any = self.admin_site.admin_view(self.why_view)
        why.may_open = self.may_see_why  # for who links to it
        again = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(export_again))
        return [
            path("why/<int:order_id>/", why, name="exports_why"),
            path("again/<str:delivery_id>/", again, name="exports_again"),
            *super().get_urls(),
        ]

    def why_view(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """Why / why not: each profile, with the first condition that failed."""
        if not self.may_see_why(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.select_related("location", "customer"), pk=order_id)
        named = request.GET.get("profile", "").replace("\x00", "").strip()[:150]
        context = {"order": order, "named": named, **_grouped(explain(order, named=named))}
        context["can_see_profiles"] = self._may_see_profiles(request)
        if request.htmx:  # type: ignore[attr-defined]
            return TemplateResponse(request, "admin/exports/verdicts.html", context)
        title = f"Why / why not: order {order.client_order_id}"
        context |= {**self.admin_site.each_context(request), "title": title}
        return TemplateResponse(request, "admin/exports/why.html", context)

    def may_see_why(self, request: HttpRequest) -> bool:
        """Of an order, for who sees what profiles take, or the profiles themselves."""
        may_see_any = self.has_view_permission(request) or self._may_see_profiles(request)
        return may_see_any and request.user.has_perm("orders.view_order")

    def _may_see_profiles(self, request: HttpRequest) -> bool:
        return any(request.user.has_perm(f"exports.{verb}_exportprofile") for verb in ("view", "change"))

    @admin.display(description="profile")
    def by_profile(self, taken: Export) -> str:
        return f"{taken.profile} ({taken.get_customer_type_display()})"

    @admin.display(description="outcome")
    def outcome_page(self, taken: Export) -> str:
        return self.delivery_page(taken) if taken.delivery_id else self.outcome(taken)

    @admin.display(description="order")
    def order_page(self, taken: Export) -> str:
        return page_of(taken.order)

    @admin.display(description="event")
    def event_page(self, taken: Export) -> str:
        return page_of(taken.event)

    @admin.display(description="outcome")
    def outcome(self, taken: Export) -> str:
        return taken.get_skip_display()

    @admin.display(description="delivery")
    def delivery_page(self, taken: Export) -> str:
        if not taken.delivery_id:
            return "–"
        url = reverse("admin:delivery_delivery_change", args=[taken.delivery_id])
        return format_html('<a class="blue" href="{}">what was sent</a>', url)


def _grouped(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """By outcome, at most so many of each; the profiles that do not fit are found by their names."""
    groups = []
    for outcome, title in OUTCOMES.items():
        found = [one for one in verdicts if one.outcome == outcome]
        if found:
            shown = found[:MOST_SHOWN]
            groups.append({"outcome": outcome, "title": title, "count": len(found), "shown": shown})
    return {"groups": groups, "has_many": len(verdicts) > FEW}
