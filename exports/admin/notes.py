"""The red notes of a profile: what keeps it from working, in words that say what to do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from delivery.clock import clock
from delivery.transports import ERRORS
from exports import validation
from exports.models import ExportProfile, FieldMapping


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence, and where to go about it."""

    text: str
    url: str = ""
    link: str = ""

    def __str__(self) -> str:
        return self.text


def notes_on(profile: ExportProfile) -> list[Note]:
    """Worst first; empty if it works. Asks nobody outside."""
    mappings = list(profile.mappings.all())
    return [*_stops(profile, mappings), *_warnings(profile, mappings), *_failures(profile)]


def routing_of(profile: ExportProfile) -> str:
    """The address of Profile Routing, with the routes of this profile."""
    return f"{reverse('admin:exports_board')}?profile={profile.pk}#routes"


def _stops(profile: ExportProfile, mappings: Sequence[FieldMapping]) -> Iterator[Note]:
    if not profile.is_active:
        yield Note("This profile is switched off: nothing is taken, and what waits is held.")
    if profile.type != ExportProfile.Type.POSTBACK:
        yield Note(f"{profile.get_type_display()} files are not written yet, so nothing is exported.")
    elif not profile.url:
        text = "This profile has no Postback URL yet, so nothing is exported. Type it in below."
        yield Note(text, "#id_url", "Postback URL")
    yield from _faults(profile, mappings)
    if profile.last_run_error:
        yield Note(f"The last run failed: {profile.last_run_error}")


def _faults(profile: ExportProfile, mappings: Sequence[FieldMapping]) -> Iterator[Note]:
    """What the rules say of it now: they may be stricter than when it was saved."""
    try:
        validation.check_profile(profile)
        validation.check_mappings(mappings)
        validation.check_together(validation.as_active(profile), mappings)
    except ValidationError as error:
        for text in error.messages:
            is_pci = "PCI documentation" in text
            yield Note(text, "#pci", "PCI documentation") if is_pci else Note(text)


def _warnings(profile: ExportProfile, mappings: Sequence[FieldMapping]) -> Iterator[Note]:
    for text in validation.warnings(profile, mappings):
        is_route = "Profile Routing" in text
        yield Note(text, routing_of(profile), "Profile Routing") if is_route else Note(text)


def _failures(profile: ExportProfile) -> Iterator[Note]:
    endpoint = profile.endpoint
    if not endpoint.failures_in_a_row:
        return
    error = ERRORS.get(endpoint.last_error, endpoint.last_error)
    times = f"{endpoint.failures_in_a_row} time{'s' * (endpoint.failures_in_a_row != 1)} in a row"
    asleep = ""
    if endpoint.asleep_until is not None and not endpoint.is_held:
        now = timezone.now()
        probe = f"at {clock(endpoint.asleep_until, now)}" if endpoint.asleep_until > now else "now"
        asleep = f" It sleeps, nothing is lost; the next probe goes out {probe}."
    yield Note(
        f"Sending failed {times}. The last error: {error}. "
        f"The recent deliveries show what came back.{asleep}",
        "#recent",
        "Recent deliveries",
    )
