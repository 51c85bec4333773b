"""Profile Routing: all routes of all profiles."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from delivery.screens import QuickAdmin, actor
from exports import services
from exports.admin.back import BackToBoard
from exports.forms import RouteForm
from exports.models import Route


@admin.register(Route)
class RouteAdmin(BackToBoard, QuickAdmin):
    form = RouteForm
    list_display = ("profile", "customer_type", "of_campaign", "of_product", "effective_from")
    list_display_links = ("profile", "customer_type")
    list_filter = ("customer_type",)
    list_select_related = ("profile", "campaign", "product")
    search_fields = ("profile__name", "campaign__name", "product__name")
    search_help_text = "The name of a profile, a campaign or a product."
    ordering = ("profile__name", "id")
    autocomplete_fields = ("profile", "campaign", "product")
    fields = ("profile", "customer_type", "campaign", "product", "effective_from")
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: Route | None = None) -> tuple[str, ...]:
        return ("profile", "effective_from") if obj else ("effective_from",)

    def save_model(self, request: HttpRequest, obj: Route, form: Any, change: bool) -> None:
        """By the services: a route that takes more than before reaches back one day from now."""
        asked = {name: form.cleaned_data[name] for name in ("customer_type", "campaign", "product")}
        if change:
            services.change_route(obj, by=actor(request), **asked)
        else:
            obj.pk = services.add_route(obj.profile, by=actor(request), **asked).pk

    def delete_model(self, request: HttpRequest, obj: Route) -> None:
        services.remove_route(obj, by=actor(request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Route]:
        return super().get_queryset(request).select_related("profile", "campaign", "product")

    @admin.display(description="campaign")
    def of_campaign(self, route: Route) -> str:
        return str(route.campaign or "all")

    @admin.display(description="product")
    def of_product(self, route: Route) -> str:
        return str(route.product or "all")
