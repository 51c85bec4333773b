"""How a profile is written with its rows: compared with what is stored, in one transaction."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import changes as audit
from delivery import queue, signing
from delivery.models import Endpoint
from exports import validation
from exports.models import ExportProfile, FieldMapping, Route
from exports.services.rows import write_mappings, write_routes
from exports.snapshots import changed_secrets, snapshot
from exports.sweep.clock import interval

logger = logging.getLogger(__name__)

# What makes a new version. Switching on and off does not: what is sent stays the same.
SETTINGS = (
    "name",
    "type",
    "url",
    "delay_minutes",
    "cadence",
    "timeout_seconds",
    "omit_empty",
    "success_rule",
    "success_path",
    "success_value",
    "pci_document",
)
_SAY_WHICH = (
    "The profile was switched off. Say whether the events of the pause are to be sent too, or only what "
    "happens from now on."
)


def save(
    profile: ExportProfile,
    *,
    by: str,
    mappings: Sequence[FieldMapping] | None = None,
    routes: Sequence[Route] | None = None,
    catch_up: bool | None = None,
    is_address_checked: bool = False,
    why: str = "",
) -> list[str]:
    """Saves a profile, new or edited; returns what changed: settings, "active", "mappings", "routes".

    `mappings` and `routes`, where given, are all there shall be, in their order: rows with an id are the
    stored ones, edited; rows without are new; stored ones that are missing go. They may come as forms
    leave them. Switching on again needs `catch_up`: True sends the events of the pause too, False does not.
    With `is_address_checked` the caller has asked `validation.check_address` outside its own transaction.
    `why` is what the audit log says beside what changed.
    """
    _check(profile, mappings, routes, is_address_checked)
    try:
        return _saved(profile, by, mappings, routes, catch_up, why)
    except IntegrityError:
        validation.check_profile(profile)  # somebody else has taken the name meanwhile
        raise


def _saved(
    profile: ExportProfile,
    by: str,
    mappings: Sequence[FieldMapping] | None,
    routes: Sequence[Route] | None,
    catch_up: bool | None,
    why: str,
) -> list[str]:
    with transaction.atomic():
        stored = ExportProfile.objects.select_for_update().get(pk=profile.pk) if profile.pk else None
        _check_together(profile, stored, mappings)
        changes = _changes(profile, stored, catch_up)
        before = snapshot(stored) if stored is not None else None
        secrets = changed_secrets(profile, mappings or ())
        if stored is None:
            _insert(profile)
        if mappings is not None and write_mappings(profile, mappings):
            changes.append("mappings")
        if routes is not None and write_routes(profile, routes):
            changes.append("routes")
        if stored is not None and changes:
            _update(profile, stored, changes, catch_up)
        if changes:
            now = snapshot(profile, changed_secrets=secrets)
            audit.record(profile, _in_words(profile, changes, why), by=by, old=before, new=now)
            _tell("%s saved export profile %s: %s", by, profile.pk, ", ".join(changes))
    return changes


def switch_off(profile: ExportProfile, *, by: str) -> None:
    """Nothing of it goes out and nothing of it is lost. Never refused, whatever is wrong with the profile."""
    with transaction.atomic():
        stored = ExportProfile.objects.select_for_update().get(pk=profile.pk)
        if stored.is_active:
            before = snapshot(stored)
            stored.is_active, stored.next_run_at = False, None
            stored.save(update_fields=["is_active", "next_run_at"])
            queue.hold(stored.endpoint)
            audit.record(stored, "switched off", by=by, old=before, new=snapshot(stored))
            _tell("%s switched export profile %s off", by, profile.pk)
    profile.refresh_from_db()


def _check(
    profile: ExportProfile,
    mappings: Sequence[FieldMapping] | None,
    routes: Sequence[Route] | None,
    is_address_checked: bool,
) -> None:
    """All that can be judged before the transaction, the name service's answer among it."""
    validation.check_profile(profile)
    for mapping in mappings or ():
        validation.tidy(mapping)
    validation.check_mappings(mappings or ())
    validation.check_routes(profile, routes or ())
    is_known = ExportProfile.objects.filter(pk=profile.pk, url=profile.url).exists()
    if not is_address_checked and not is_known:
        validation.check_address(profile)


def _check_together(
    profile: ExportProfile, stored: ExportProfile | None, mappings: Sequence[FieldMapping] | None
) -> None:
    """Sensitive data and secrets. An approval is of one document: another one has to be approved anew."""
    is_same = stored is not None and stored.pci_document == profile.pci_document
    profile.pci_approved_by = stored.pci_approved_by if stored is not None and is_same else None
    profile.pci_approved_at = stored.pci_approved_at if stored is not None and is_same else None
    if mappings is None:
        mappings = list(FieldMapping.objects.filter(profile=stored)) if stored is not None else []
    validation.check_together(profile, mappings)


def _changes(profile: ExportProfile, stored: ExportProfile | None, catch_up: bool | None) -> list[str]:
    if stored is None:
        return ["created"]
    if profile.location_id != stored.location_id:
        raise ValidationError({"location": "A profile stays in its location. Clone it into the other one."})
    changes = [name for name in SETTINGS if getattr(profile, name) != getattr(stored, name)]
    if profile.is_active != stored.is_active:
        changes.append("active")
        if profile.is_active and catch_up is None:
            raise ValidationError({"is_active": _SAY_WHICH})
    return changes


def _insert(profile: ExportProfile) -> None:
    now = timezone.now()
    is_held = not profile.is_active
    profile.endpoint = Endpoint.objects.create(channel="export", name=profile.name, is_held=is_held)
    signing.provide([profile.endpoint.pk])
    profile.created_at = now
    profile.next_run_at = now + interval(profile) if profile.is_active else None
    profile.save()


def _update(
    profile: ExportProfile, stored: ExportProfile, changes: Sequence[str], catch_up: bool | None
) -> None:
    """Writes only what staff set, because a run may be moving the profile's position meanwhile."""
    is_new_version = bool({*SETTINGS, "mappings"} & set(changes))
    profile.version = stored.version + is_new_version
    columns = [*SETTINGS, "is_active", "pci_approved_by", "pci_approved_at", "version"]
    if {"delay_minutes", "cadence", "active"} & set(changes) or not stored.url:
        profile.next_run_at = _next_run(profile, stored)
        columns.append("next_run_at")
    profile.save(update_fields=columns)
    endpoint = Endpoint.objects.filter(pk=stored.endpoint_id)
    if "name" in changes:
        endpoint.update(name=profile.name)
    if is_new_version:  # which may be what what waits has been waiting for
        queue.hurry(profile.endpoint, is_elsewhere="url" in changes)
    if "active" in changes:
        _switch(profile, catch_up)


def _next_run(profile: ExportProfile, stored: ExportProfile) -> datetime | None:
    """An interval after the last run, as if it had always been that long; after a pause, or with its first
    URL, from now."""
    if not profile.is_active:
        return None
    now = timezone.now()
    start = stored.last_run_at if stored.is_active and stored.last_run_at else now
    return max(start + interval(profile), now)


def _switch(profile: ExportProfile, catch_up: bool | None) -> None:
    if not profile.is_active:
        queue.hold(profile.endpoint)
        return
    if not catch_up:
        profile.routes.update(effective_from=timezone.now())
    queue.release(profile.endpoint)


def _in_words(profile: ExportProfile, changes: Sequence[str], why: str) -> str:
    """What the audit log says: "changed Postback URL, field mappings; switched off"."""
    if "created" in changes:
        said = "created"
    else:
        labels = {**audit.labels(profile._meta.label_lower), "mappings": "field mappings", "routes": "routes"}
        names = [labels.get(name, name) for name in changes if name != "active"]
        switched = [f"switched {'on' if profile.is_active else 'off'}"] if "active" in changes else []
        said = "; ".join([*([f"changed {', '.join(names)}"] if names else []), *switched])
    return f"{said} ({why})" if why else said


def _tell(message: str, *details: object) -> None:
    """In the log, once it is true."""
    transaction.on_commit(lambda: logger.info(message, *details))
