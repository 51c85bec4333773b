"""The rules of a profile's settings, and of what an active one needs."""

import re
from collections.abc import Callable, Sequence

from django.core.exceptions import ValidationError

from delivery import guard, success, texts
from delivery.success import SuccessRule
from exports.fields import find
from exports.models import ExportProfile, FieldMapping
from exports.validation.mappings import listed, value_of
from exports.validation.urls import url_fault

LONGEST_DELAY = 60 * 24 * 30  # minutes
LONGEST_TIMEOUT = 120  # seconds

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

Rule = Callable[[ExportProfile], str]


def check_profile(profile: ExportProfile) -> None:
    """Its own settings, without a look at the network; see `check_address`."""
    faults = {name: fault for name, rule in _RULES.items() if (fault := rule(profile))}
    if faults:
        raise ValidationError({name: [fault] for name, fault in faults.items()})


def check_address(profile: ExportProfile) -> None:
    """Whether the URL leads to where Postrider may connect, as far as is known now.

    Asks the name service, so call it outside of transactions. A name that has no address yet is fine.
    """
    if not profile.url:
        return
    try:
        guard.check_url(profile.url)
    except guard.Forbidden as error:
        raise ValidationError({"url": str(error)}) from None


def check_together(profile: ExportProfile, mappings: Sequence[FieldMapping]) -> None:
    """What it needs before anything of it may leave: papers for sensitive data, and its secrets."""
    if not profile.is_active:
        return
    fields = [find(mapping.field) for mapping in mappings]
    sensitive = sorted({field.name for field in fields if field is not None and field.is_sensitive})
    if sensitive and not profile.is_pci_approved:
        raise ValidationError(
            {
                "pci_document": f"Sensitive data ({listed(sensitive)}) needs approved PCI documentation. "
                "Attach it and have it approved, or switch the profile off."
            }
        )
    missing = [row.export_name for row in mappings if row.is_secret and not value_of(row)]
    if missing:
        raise ValidationError({"is_active": f"Type in the secret value of {listed(missing)} first."})


def as_active(profile: ExportProfile) -> ExportProfile:
    """An unsaved copy, to be judged as if it were switched on."""
    columns = {field.attname: getattr(profile, field.attname) for field in profile._meta.concrete_fields}
    return ExportProfile(**{**columns, "is_active": True})


def _name_fault(profile: ExportProfile) -> str:
    fault = texts.fault_in(ExportProfile, {"name": profile.name})
    if fault:
        return fault
    if not profile.name.strip():
        return "The profile needs a name."
    if _CONTROL.search(profile.name):
        return "The profile name has a line break or a control character in it."
    others = ExportProfile.objects.filter(location_id=profile.location_id, name=profile.name)
    return f"There is a profile “{profile.name}” already." if others.exclude(pk=profile.pk).exists() else ""


def _url_fault(profile: ExportProfile) -> str:
    """A profile begins without one, and takes nothing until it has one; from then on it keeps one."""
    if profile.url:
        return url_fault(profile.url)
    had_one = ExportProfile.objects.filter(pk=profile.pk, type=ExportProfile.Type.POSTBACK).exclude(url="")
    return "A Postback needs a URL. To stop it, switch the profile off." if had_one.exists() else ""


def _success_fault(profile: ExportProfile) -> str:
    columns = {name: getattr(profile, name) for name in ("success_path", "success_value")}
    if fault := texts.fault_in(ExportProfile, columns):
        return fault
    kind = profile.success_rule
    if kind not in ExportProfile.SuccessRule.values:
        return f"“{str(kind)[:40]}” is not allowed. Use contains, json or regex, or leave it empty."
    return success.fault(SuccessRule(kind, profile.success_value, profile.success_path)) if kind else ""


def _one_of(column: str, allowed: Sequence[str]) -> Rule:
    def rule(profile: ExportProfile) -> str:
        value = getattr(profile, column)
        return "" if value in allowed else f"“{str(value)[:40]}” is not allowed. Use {listed(allowed, 'or')}."

    return rule


def _between(column: str, least: int, most: int, unit: str) -> Rule:
    def rule(profile: ExportProfile) -> str:
        value = getattr(profile, column)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if is_number and least <= value <= most:
            return ""
        return f"Give a whole number of {unit} from {least} to {most}."

    return rule


_RULES: dict[str, Rule] = {
    "name": _name_fault,
    "type": _one_of("type", ExportProfile.Type.values),
    "url": _url_fault,
    "delay_minutes": _between("delay_minutes", 0, LONGEST_DELAY, "minutes"),
    "cadence": _one_of("cadence", ExportProfile.Cadence.values),
    "success_rule": _success_fault,
    "timeout_seconds": _between("timeout_seconds", 1, LONGEST_TIMEOUT, "seconds"),
}
