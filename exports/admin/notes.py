"""The red notes of a profile: what keeps it from working, in words that say what to do."""

from collections.abc import Iterator, Sequence

from django.core.exceptions import ValidationError

from delivery.transports import ERRORS
from exports import validation
from exports.models import ExportProfile, FieldMapping


def notes_on(profile: ExportProfile) -> list[str]:
    """Worst first; empty if it works. Asks nobody outside."""
    mappings = list(profile.mappings.all())
    return [*_stops(profile, mappings), *validation.warnings(profile, mappings), *_failures(profile)]


def _stops(profile: ExportProfile, mappings: Sequence[FieldMapping]) -> Iterator[str]:
    if not profile.is_active:
        yield "This profile is switched off: nothing is taken, and what waits is held."
    if profile.type != ExportProfile.Type.POSTBACK:
        yield f"{profile.get_type_display()} files are not written yet, so nothing is exported."
    elif not profile.url:
        yield "This profile has no Postback URL yet, so nothing is exported. Type it in below."
    yield from _faults(profile, mappings)
    if profile.last_run_error:
        yield f"The last run failed: {profile.last_run_error}"


def _faults(profile: ExportProfile, mappings: Sequence[FieldMapping]) -> Iterator[str]:
    """What the rules say of it now: they may be stricter than when it was saved."""
    try:
        validation.check_profile(profile)
        validation.check_mappings(mappings)
        validation.check_together(_as_active(profile), mappings)
    except ValidationError as error:
        yield from error.messages


def _failures(profile: ExportProfile) -> Iterator[str]:
    endpoint = profile.endpoint
    if endpoint.failures_in_a_row:
        error = ERRORS.get(endpoint.last_error, endpoint.last_error)
        times = f"{endpoint.failures_in_a_row} time{'s' * (endpoint.failures_in_a_row != 1)} in a row"
        yield f"Sending failed {times}. The last error: {error}. The recent deliveries show what came back."


def _as_active(profile: ExportProfile) -> ExportProfile:
    """An unsaved copy, to be judged as if it were switched on."""
    columns = {field.attname: getattr(profile, field.attname) for field in profile._meta.concrete_fields}
    return ExportProfile(**{**columns, "is_active": True})
