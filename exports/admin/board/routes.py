"""The dialogs of the right half: add, edit and remove a route."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from delivery.screens import actor, as_id
from exports import services
from exports.admin.board.answers import dialog, saved, tried
from exports.admin.board.asking import asked_by
from exports.admin.board.forms import RouteDialog
from exports.admin.board.permissions import require, rights_of
from exports.models import ExportProfile, Route


def new(request: HttpRequest) -> HttpResponse:
    """The green +. Where the list shows one profile only, that one is chosen already."""
    require(rights_of(request).may_add_routes)
    profile = _profile_asked(request)
    form = RouteDialog(request.POST if request.method == "POST" else None, asked=request.GET, profile=profile)
    if form.is_valid():
        asked = form.cleaned_data
        made = tried(form, lambda: services.add_route(by=actor(request), **asked))
        if made is not None:
            return saved(request, f"Route {made.pk} is created.", "routes", "profiles", new=made.pk)
    return dialog(request, "route", "New route", form=form, action=request.path)


def edit(request: HttpRequest, route_id: int) -> HttpResponse:
    """Another customer type, campaign or product; a route stays with its profile."""
    require(rights_of(request).may_change_routes)
    route = get_object_or_404(Route.objects.select_related("profile", "campaign", "product"), pk=route_id)
    form = RouteDialog(request.POST if request.method == "POST" else None, route=route)
    if form.is_valid():
        asked = {name: form.cleaned_data[name] for name in ("customer_type", "campaign", "product")}

        def change() -> Route:
            services.change_route(route, by=actor(request), **asked)
            return route

        if tried(form, change) is not None:
            return saved(request, f"Route {route_id} is changed.", "routes")
    title = f"Edit route {route_id} of “{route.profile}”"
    return dialog(request, "route", title, form=form, action=request.path, route=route)


def remove(request: HttpRequest, route_id: int) -> HttpResponse:
    """Says what it means before it does it."""
    require(rights_of(request).may_remove_routes)
    route = get_object_or_404(Route.objects.select_related("profile", "campaign", "product"), pk=route_id)
    form = forms.Form(request.POST if request.method == "POST" else None)
    if form.is_bound and tried(form, lambda: _removed(request, route)):
        return saved(request, f"Route {route_id} is removed.", "routes", "profiles")
    is_last = not route.profile.routes.exclude(pk=route_id).exists()
    title = f"Remove route {route_id}?"
    return dialog(request, "remove_route", title, form=form, route=route, is_last=is_last)


def _removed(request: HttpRequest, route: Route) -> bool:
    services.remove_route(route, by=actor(request))
    return True


def _profile_asked(request: HttpRequest) -> ExportProfile | None:
    """That the dialog has been told of, or that the list behind it shows alone."""
    number = as_id(request.GET.get("profile") or "") or asked_by(request).profile
    return ExportProfile.objects.filter(pk=number).first() if number else None
