"""The dialogs of the left half: create, clone and switch a profile."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from customers.models import Location
from delivery.screens import actor
from exports import services
from exports.admin.board.answers import dialog, saved, tried
from exports.admin.board.permissions import require, rights_of
from exports.admin.pause import pause_of
from exports.forms import CloneForm, NewProfileForm
from exports.models import ExportProfile


def new(request: HttpRequest) -> HttpResponse:
    """The green +. Switched on from the beginning; it takes nothing before it has a URL and a route."""
    require(rights_of(request).may_add_profiles)
    form = NewProfileForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        asked = form.cleaned_data
        location = asked.get("location") or Location.objects.get()
        made = tried(
            form,
            lambda: services.create_profile(
                location=location, name=asked["name"], type=asked["type"], by=actor(request)
            ),
        )
        if made is not None:
            return saved(
                request, f"“{made.name}” is created. Click edit to configure it.", "profiles", new=made.pk
            )
    return dialog(request, "new_profile", "New export profile", form=form)


def clone(request: HttpRequest, profile_id: int) -> HttpResponse:
    """A copy with its mappings and routes, under another name."""
    require(rights_of(request).may_clone)
    profile = get_object_or_404(ExportProfile, pk=profile_id)
    suggested = {"name": f"{profile.name} (copy)"[:150]}
    form = CloneForm(request.POST if request.method == "POST" else None, initial=suggested)
    if form.is_valid():
        name = form.cleaned_data["name"]
        made = tried(form, lambda: services.clone_profile(profile, name=name, by=actor(request)))
        if made is not None:
            text = f"“{made.name}” is the copy of “{profile.name}”. It is switched off for now."
            return saved(request, text, "profiles", "routes", new=made.pk)
    return dialog(request, "clone", f"Clone “{profile.name}”", form=form, profile=profile)


def switch_on(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Asks what becomes of what happened meanwhile, then switches on."""
    require(rights_of(request).may_change_profiles)
    profile = get_object_or_404(ExportProfile, pk=profile_id)
    form = forms.Form(request.POST if request.method == "POST" else None)
    choice = request.POST.get("pause")
    if form.is_bound and choice not in ("send", "skip"):
        form.add_error(None, "Choose whether what happened in the pause is sent.")
    elif form.is_bound and tried(form, lambda: _switched_on(request, profile, choice == "send")):
        return saved(request, f"“{profile.name}” is switched on.", "profiles", "routes")
    profile.refresh_from_db()
    return dialog(
        request,
        "switch_on",
        f"Switch on “{profile.name}”",
        form=form,
        profile=profile,
        **pause_of(profile),
    )


def switch_off(request: HttpRequest, profile_id: int) -> HttpResponse:
    """At once: nothing is lost by it, so nothing is asked."""
    require(rights_of(request).may_change_profiles)
    profile = get_object_or_404(ExportProfile, pk=profile_id)
    services.switch_off(profile, by=actor(request))
    text = f"“{profile.name}” is switched off. What waits is held; nothing is lost."
    return saved(request, text, "profiles")


def _switched_on(request: HttpRequest, profile: ExportProfile, catch_up: bool) -> bool:
    services.switch_on(profile, by=actor(request), catch_up=catch_up)
    return True
