"""What the buttons of a profile's page do: clone, switch on and off, approve, delete."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from delivery.screens import actor
from exports import services
from exports.forms import CloneForm
from exports.models import ExportProfile

Door = Callable[[HttpRequest, ExportProfile], ExportProfile]
View = Callable[..., HttpResponseBase]

STAYS = (
    "“{}” has exported already, so it cannot be deleted: the history tells of it. Switch it off instead; "
    "then nothing of it goes out any more."
)


def doors(wrap: Callable[[View], Any]) -> list[URLPattern]:
    """The addresses of the buttons, each wrapped as the admin wraps its views."""
    views: dict[str, View] = {name: require_POST(_through(door)) for name, door in _DOORS.items()}
    views["pci_document"] = require_GET(_pci_document)
    return [
        path(f"<int:profile_id>/{name}/", wrap(view), name=f"exports_exportprofile_{name}")
        for name, view in views.items()
    ]


def is_used(profile: ExportProfile) -> bool:
    """Whether anything was taken by it, or queued for it."""
    return profile.exports.exists() or profile.endpoint.deliveries.exists()


def _through(door: Door) -> View:
    """A view that goes through the door and says what came of it, on the page of the profile that results."""

    def view(request: HttpRequest, profile_id: int) -> HttpResponseBase:
        profile = get_object_or_404(ExportProfile, pk=profile_id)
        try:
            profile = door(request, profile)
        except ValidationError as error:
            for text in error.messages:
                messages.error(request, text)
        return HttpResponseRedirect(reverse("admin:exports_exportprofile_change", args=[profile.pk]))

    return view


def _clone(request: HttpRequest, profile: ExportProfile) -> ExportProfile:
    require(request, "exports.add_exportprofile")
    require(request, "exports.view_exportprofile", "exports.change_exportprofile")
    form = CloneForm(request.POST)
    if not form.is_valid():
        raise ValidationError("The copy needs a name of at most 150 characters.")
    clone = services.clone_profile(profile, name=form.cleaned_data["name"], by=actor(request))
    messages.success(request, f"This is the copy of “{profile.name}”. It is switched off for now.")
    return clone


def _switch_on(request: HttpRequest, profile: ExportProfile) -> ExportProfile:
    require(request, "exports.change_exportprofile")
    choice = request.POST.get("pause")
    if choice not in ("send", "skip"):
        raise ValidationError("Choose whether what happened in the pause is sent.")
    services.switch_on(profile, by=actor(request), catch_up=choice == "send")
    messages.success(request, f"“{profile.name}” is switched on.")
    return profile


def _switch_off(request: HttpRequest, profile: ExportProfile) -> ExportProfile:
    require(request, "exports.change_exportprofile")
    services.switch_off(profile, by=actor(request))
    messages.success(request, f"“{profile.name}” is switched off. What waits is held; nothing is lost.")
    return profile


def _approve(request: HttpRequest, profile: ExportProfile) -> ExportProfile:
    if not request.user.is_authenticated:
        raise PermissionDenied
    services.approve_pci(profile, user=request.user, document=request.POST.get("document", ""))
    messages.success(request, "The PCI documentation is approved.")
    return profile


_DOORS: dict[str, Door] = {
    "clone": _clone,
    "switch_on": _switch_on,
    "switch_off": _switch_off,
    "approve_pci": _approve,
}


def _pci_document(request: HttpRequest, profile_id: int) -> HttpResponseBase:
    """The file, to be saved, never to be shown by the browser: somebody else wrote it."""
    require(request, "exports.change_exportprofile", "exports.approve_pci")
    profile = get_object_or_404(ExportProfile, pk=profile_id)
    try:
        return FileResponse(profile.pci_document.open("rb"), as_attachment=True)
    except (ValueError, FileNotFoundError):
        raise Http404("There is no document.") from None


def require(request: HttpRequest, *any_of: str) -> None:
    """Who has none of these permissions is refused."""
    if not any(request.user.has_perm(permission) for permission in any_of):
        raise PermissionDenied
