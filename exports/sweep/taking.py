"""Taking: what of a batch of events is whose, who was first to write it down, and what is said of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from customers.models import Customer
from delivery import sets
from delivery.ids import new_id
from delivery.queue import NewDelivery
from exports import readings
from exports.fields.reading import EventFacts, Reading
from exports.models import Export
from exports.readings import Offers
from exports.render import Memo
from exports.sweep.log import LoggedEvent
from exports.sweep.matching import Matcher, Plan, Verdict, subject, verdicts
from orders.cases import Case

Key = tuple[int, str, int]  # profile, customer type, subject: what is exported once


@dataclass(frozen=True, slots=True)
class Take:
    """What is about to be taken, with the delivery's id as it would be."""

    verdict: Verdict
    event: LoggedEvent
    case: Case
    delivery_id: str


def takes_of(matcher: Matcher, events: Sequence[LoggedEvent], now: datetime) -> dict[Key, Take]:
    """All that matches, in the order of the keys, so that two sweeps never wait in a circle."""
    ready = [(event, plans) for event in events if (plans := matcher.ready(event, now))]
    loaded = readings.load(event.order_id for event, _ in ready)
    takes: dict[Key, Take] = {}
    for event, plans in ready:
        case = loaded[event.order_id]
        for verdict in verdicts(plans, event, case):
            key = (verdict.plan.profile.pk, verdict.kind.key, subject(verdict.kind, event))
            takes.setdefault(key, Take(verdict, event, case, "" if verdict.reason else new_id()))
    return dict(sorted(takes.items()))


_EXPORT_COLUMNS = {
    "profile_id": "bigint",
    "customer_type": "text",
    "subject_id": "bigint",
    "event_id": "bigint",
    "order_id": "bigint",
    "delivery_id": "text",
    "skip": "text",
    "is_final": "boolean",
    "taken_at": "timestamptz",
}
_WRITE_EXPORTS = f"""
INSERT INTO exports_export ({", ".join(_EXPORT_COLUMNS)})
SELECT {", ".join(f"r.{name}" for name in _EXPORT_COLUMNS)} FROM {{rows}} WHERE true
ON CONFLICT (profile_id, customer_type, subject_id) DO UPDATE SET
  event_id = excluded.event_id, delivery_id = excluded.delivery_id, skip = excluded.skip,
  is_final = excluded.is_final, taken_at = excluded.taken_at
WHERE NOT exports_export.is_final
RETURNING profile_id, customer_type, subject_id
"""  # noqa: S608 (names are our own)


def write_exports(takes: dict[Key, Take], now: datetime) -> list[Key]:
    """The keys that are ours: whoever inserts the row first has taken the subject."""
    rows = [
        (
            *key,
            one.event.id,
            one.event.order_id,
            one.delivery_id,
            one.verdict.reason,
            one.verdict.is_final,
            now,
        )
        for key, one in takes.items()
    ]
    won = sets.run(_WRITE_EXPORTS, _EXPORT_COLUMNS, rows) if rows else []
    return [(row[0], row[1], row[2]) for row in won]


def without_erased(takes: Sequence[Take]) -> list[Take]:
    """Those whose customers were not erased since they were read; of the others the skip is written down.

    In the transaction that has taken them: whoever erases waits for its end, and then finds what it made.
    """
    about = {one.case.customer.pk for one in takes}
    erased = set(
        Customer.objects.filter(pk__in=about, erase_requested_at__isnull=False).values_list("pk", flat=True)
    )
    if not erased:
        return list(takes)
    ids = [one.delivery_id for one in takes if one.case.customer.pk in erased and one.delivery_id]
    Export.objects.filter(delivery_id__in=ids).update(delivery_id="", skip=Export.Skip.ERASED)
    return [one for one in takes if one.case.customer.pk not in erased]


class Broken(Exception):
    """A profile whose mappings could not be rendered."""

    def __init__(self, broken: Plan, cause: Exception) -> None:
        super().__init__(str(cause))
        self.plan = broken
        self.cause = cause


def rendered(takes: Sequence[Take]) -> list[NewDelivery]:
    """The deliveries of what was taken. What two profiles say of one event is written once."""
    read: dict[tuple[int, str], tuple[Reading, Memo, Memo]] = {}
    going = [take for take in takes if take.delivery_id]
    offers = readings.offers_of([take.case for take in going])
    deliveries = []
    for take in going:
        about = (take.event.id, take.verdict.kind.key)
        try:
            if about not in read:
                read[about] = (_reading(take, offers), {}, {})
            content = take.verdict.plan.renderer.content(*read[about])
        except Exception as error:
            raise Broken(take.verdict.plan, error) from error
        deliveries.append(_delivery(take, content))
    return deliveries


def _reading(take: Take, offers: Offers) -> Reading:
    event = take.event
    facts = EventFacts(id=event.id, type=event.type, occurred_at=event.occurred_at, data=event.data)
    return readings.reading_of(take.case, facts, take.verdict.kind.label, offers)


def _delivery(take: Take, content: str) -> NewDelivery:
    profile = take.verdict.plan.profile
    return NewDelivery(
        id=take.delivery_id,
        event_id=take.event.id,
        channel="export",
        target_id=profile.pk,
        target_name=profile.name,
        target_version=profile.version,
        reason=take.verdict.kind.label,
        endpoint_id=profile.endpoint_id,
        content=content,
    )
