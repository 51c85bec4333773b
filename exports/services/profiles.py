"""What is done to a profile as a whole."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from audit import changes as audit
from customers.models import Location
from exports.models import ExportProfile
from exports.services.saving import save
from exports.snapshots import snapshot

# What a clone takes over. Not the PCI document: its approval was for the other profile.
_CLONED = (
    *("location", "type", "url", "delay_minutes", "cadence", "timeout_seconds", "omit_empty"),
    *("success_rule", "success_path", "success_value"),
)

_OTHER_DOCUMENT = "Another document has been attached meanwhile. Read that one, then approve it."


def create_profile(
    *, location: Location, name: str, by: str, type: str = "postback", url: str = "", **settings: Any
) -> ExportProfile:
    """A new profile with its endpoint, active unless `is_active=False`. `settings` are columns of it."""
    profile = ExportProfile(location=location, name=name, type=type, url=url, **settings)
    save(profile, by=by)
    return profile


def edit_profile(profile: ExportProfile, *, by: str, **settings: Any) -> ExportProfile:
    """Sets columns of the profile as it is stored now. Switching on and off has functions of its own."""
    profile.refresh_from_db()
    for name, value in settings.items():
        setattr(profile, name, value)
    save(profile, by=by)
    return profile


def switch_on(profile: ExportProfile, *, by: str, catch_up: bool) -> None:
    """It runs again, with `catch_up` from where it was switched off, else from now. What waited goes out."""
    profile.refresh_from_db()
    profile.is_active = True
    save(profile, by=by, catch_up=catch_up)


def clone_profile(profile: ExportProfile, *, name: str, by: str) -> ExportProfile:
    """A copy with all mappings (secrets too) and routes, switched off."""
    clone = ExportProfile(name=name, is_active=False)
    for column in _CLONED:
        setattr(clone, column, getattr(profile, column))
    mappings, routes = list(profile.mappings.all()), list(profile.routes.all())
    for row in (*mappings, *routes):
        row.pk = None
        row._state.adding = True
    why = f"a copy of “{profile.name}”"
    save(clone, by=by, mappings=mappings, routes=routes, is_address_checked=True, why=why)
    return clone


def approve_pci(profile: ExportProfile, *, user: User, document: str) -> None:
    """The profile's document, by the name under which it is stored, allows sensitive data.

    Raises PermissionDenied for who may not say so, ValidationError if that is not the document any more.
    """
    if not user.has_perm("exports.approve_pci"):
        raise PermissionDenied("Approving PCI documentation needs the permission for it.")
    with transaction.atomic():
        stored = ExportProfile.objects.select_for_update().get(pk=profile.pk)
        if not stored.pci_document:
            raise ValidationError({"pci_document": "Attach the PCI documentation first."})
        if stored.pci_document.name != document:
            raise ValidationError({"pci_document": _OTHER_DOCUMENT})
        before = snapshot(stored)
        stored.pci_approved_by, stored.pci_approved_at = user, timezone.now()
        stored.save(update_fields=["pci_approved_by", "pci_approved_at"])
        by = f"admin:{user.get_username()}"
        audit.record(stored, "approved the PCI documentation", by=by, old=before, new=snapshot(stored))
    profile.refresh_from_db()


def delete_unused(profile: ExportProfile, *, by: str) -> bool:
    """Deletes a profile that has never exported anything, with its endpoint; False if it has."""
    try:
        with transaction.atomic():
            audit.record(profile, "deleted", by=by, old=snapshot(profile))
            endpoint = profile.endpoint
            profile.delete()
            endpoint.delete()
    except ProtectedError:
        return False
    return True
