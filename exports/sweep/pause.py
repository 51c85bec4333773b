"""What a profile that is switched off would take if it were switched on: counted, but not without an end."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch
from django.utils import timezone

from exports.models import Export, ExportProfile, FieldMapping
from exports.sweep import log as event_log
from exports.sweep.matching import Matcher, Plan, plan
from exports.sweep.taking import Key, takes_of
from exports.sweep.walk import position_of

MOST = 1000  # counted no further
MOST_LOOKED_AT = 5000  # events of the log, whatever they are


@dataclass(frozen=True, slots=True)
class Pause:
    """How much happened that the profile's routes ask for; `is_more`: there is more than was looked at."""

    number: int
    is_more: bool

    def __str__(self) -> str:
        """ "1,000+" where counting stopped; "at least 7" where looking did."""
        if not self.is_more:
            return f"{self.number:,}"
        return f"{self.number:,}+" if self.number >= MOST else f"at least {self.number:,}"


def in_pause_of(profile: ExportProfile) -> Pause:
    """As of now, and as the sweep would decide it; nothing is taken. What it has taken does not count."""
    nothing = FieldMapping.objects.none()  # what is said of the events is not asked
    found = ExportProfile.objects.prefetch_related(
        Prefetch("mappings", nothing), "routes", "routes__campaign", "routes__product"
    )
    made = plan(found.get(pk=profile.pk))
    if not made.routes:
        return Pause(0, False)
    horizon = event_log.horizon()
    made.position = made.reached = position_of(made.profile, horizon)
    end = event_log.position_further(made.position, MOST_LOOKED_AT, horizon)
    keys: set[Key] = set()
    for new in _asked_for(made, end):
        keys |= new
        if len(keys) >= MOST:
            return Pause(MOST, True)
    return Pause(len(keys), end < horizon)


def _asked_for(made: Plan, end: event_log.Position) -> Iterable[set[Key]]:
    """Batch by batch, what would be exported; young events too, which wait for the delay."""
    matcher, later = Matcher([made]), timezone.now() + made.delay
    for events in event_log.batches(made.position, end, matcher.event_types, MOST):
        takes = takes_of(matcher, events, later)
        yield _without_taken(made.profile, {key for key, take in takes.items() if take.delivery_id})


def _without_taken(profile: ExportProfile, keys: set[Key]) -> set[Key]:
    subjects = {subject_id for _, _, subject_id in keys}
    taken = Export.objects.filter(profile=profile, subject_id__in=subjects, is_final=True)
    return keys - {(profile.pk, *key) for key in taken.values_list("customer_type", "subject_id")}
