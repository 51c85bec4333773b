"""Why / why not: for an order, what each profile made of it, with the first condition that failed, in words.

Computed when asked, from the log, the routes and what was taken; the rules are those of the sweep.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from delivery.models import Delivery, Event
from exports import customer_types
from exports.customer_types import CustomerType
from exports.models import Export, ExportProfile
from exports.sweep import matching
from exports.sweep.log import LoggedEvent
from orders import cases
from orders.cases import Case, add_billed_subscriptions
from orders.models import Order

EXPORTED, WAITING, NOT = "exported", "waiting", "not"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one profile made of an order, for one customer type (or of the order as a whole: "").

    `outcome` is "exported" (a delivery exists, whatever became of it), "waiting" or "not".
    """

    profile: ExportProfile
    customer_type: str
    outcome: str
    reason: str
    delivery_id: str = ""
    happened_at: datetime | None = None


def explain(order: Order, profile: ExportProfile | None = None) -> list[Verdict]:
    """The verdicts of all profiles of the order's location, or of the one given; exported ones first."""
    profiles = ExportProfile.objects.filter(location_id=order.location_id).prefetch_related(
        "routes", "routes__campaign", "routes__product", "mappings"
    )
    if profile is not None:
        profiles = profiles.filter(pk=profile.pk)
    about = _About(order)
    verdicts = [verdict for one in profiles for verdict in _of_profile(one, about)]
    ranks = {EXPORTED: 0, WAITING: 1, NOT: 2}
    return sorted(verdicts, key=lambda one: (ranks[one.outcome], one.profile.name, one.customer_type))


class _About:
    """All that is known of the order, read once for all profiles."""

    def __init__(self, order: Order) -> None:
        self.case: Case = cases.load([order.pk])[order.pk]
        self.now = timezone.now()
        self.zone = ZoneInfo(self.case.order.location.time_zone)
        self.events = list(
            Event.objects.filter(order=order, type__in=list(customer_types.BY_EVENT_TYPE)).order_by("id")
        )
        self.exports = {
            (one.profile_id, one.customer_type, one.subject_id): one
            for one in Export.objects.filter(order=order)
        }
        ids = [one.delivery_id for one in self.exports.values() if one.delivery_id]
        self.deliveries = Delivery.objects.in_bulk(ids)
        add_billed_subscriptions([self.case])


def _of_profile(profile: ExportProfile, about: _About) -> Iterable[Verdict]:
    wanted = {route.customer_type for route in profile.routes.all()}
    happened = [
        _of_kind(profile, kind, event, about)
        for event in about.events
        for kind in matching.kinds_of(_logged(event))
        if kind.key in wanted
    ]
    if happened:
        return _newest_per_order(happened)
    reason = _profile_refusal(profile) or _nothing_matched(profile, about)
    return [Verdict(profile, "", NOT, reason)]


def _of_kind(profile: ExportProfile, kind: CustomerType, event: Event, about: _About) -> Verdict:
    logged = _logged(event)
    taken = about.exports.get((profile.pk, kind.key, logged.order_id if kind.per_order else logged.id))

    def verdict(outcome: str, reason: str, delivery_id: str = "") -> Verdict:
        return Verdict(profile, kind.label, outcome, reason, delivery_id, event.occurred_at)

    if taken is not None and taken.delivery_id:
        return verdict(EXPORTED, _delivered_words(about, taken), taken.delivery_id)
    if taken is not None and taken.is_final:
        return verdict(NOT, taken.get_skip_display())
    if event.muted:
        return verdict(NOT, event.get_muted_display())
    refusal = _profile_refusal(profile) or _routes_refusal(profile, kind, logged, about.case)
    if refusal:
        return verdict(NOT, refusal)
    skip, is_final = matching.skip_reason(kind, about.case)
    if skip and (is_final or taken is not None):
        return verdict(NOT, Export.Skip(skip).label)
    return verdict(WAITING, _waiting_words(profile, event, about))


def _profile_refusal(profile: ExportProfile) -> str:
    """What keeps the profile from taking anything at all."""
    if not profile.is_active:
        return "the profile is switched off"
    if profile.type != ExportProfile.Type.POSTBACK:
        return f"the profile writes {profile.get_type_display()} files"
    if not profile.routes.all():
        return "the profile has no route"
    if profile.last_run_error:
        return f"the profile's last run failed: {profile.last_run_error}"
    return ""


def _routes_refusal(profile: ExportProfile, kind: CustomerType, event: LoggedEvent, case: Case) -> str:
    """ "" if one of the routes for this customer type asks for the event, else why the nearest does not."""
    refusals = [
        matching.route_refusal(route, event.occurred_at, case, event)
        for route in profile.routes.all()
        if route.customer_type == kind.key
    ]
    return "" if "" in refusals else refusals[0]


def _nothing_matched(profile: ExportProfile, about: _About) -> str:
    """The profile's routes ask for other things than what happened to this order."""
    if about.case.order.is_test:
        return Export.Skip.TEST.label
    happened = list(
        dict.fromkeys(kind.label for event in about.events for kind in matching.kinds_of(_logged(event)))
    )
    wanted = ", ".join(dict.fromkeys(route.get_customer_type_display() for route in profile.routes.all()))
    if not happened:
        return f"nothing has happened to it that could be exported (the profile's routes are for {wanted})"
    return f"no route for {_any_of(happened)} (the profile's routes are for {wanted})"


def _any_of(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _delivered_words(about: _About, taken: Export) -> str:
    delivery = about.deliveries.get(taken.delivery_id)
    if delivery is None:
        return f"exported {taken.taken_at.astimezone(about.zone):%Y-%m-%d %H:%M}"
    if delivery.state == Delivery.State.DELIVERED:
        return "delivered"
    error = f": {delivery.last_detail}" if delivery.last_detail else ""
    tried = f"tried {delivery.attempts_made} times" if delivery.attempts_made else "not tried yet"
    return f"queued, {tried}{error}"


def _waiting_words(profile: ExportProfile, event: Event, about: _About) -> str:
    old_enough = event.occurred_at + timedelta(minutes=profile.delay_minutes)
    if profile.cadence == ExportProfile.Cadence.IMMEDIATE:
        return f"waiting: goes out at {old_enough.astimezone(about.zone):%H:%M}"
    run = max(profile.next_run_at or about.now, about.now)
    if old_enough > run:
        return f"waiting: taken by the first run after {old_enough.astimezone(about.zone):%H:%M}"
    return f"waiting: runs at {run.astimezone(about.zone):%H:%M}"


def _newest_per_order(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Of a type that counts once per order, one line: exported if it ever was, else the newest reason."""
    kept: dict[tuple[str, datetime | None], Verdict] = {}
    per_order = {kind.label for kind in customer_types.ALL if kind.per_order}
    for one in verdicts:
        key = (one.customer_type, None if one.customer_type in per_order else one.happened_at)
        kept[key] = one
    return list(kept.values())


def _logged(event: Event) -> LoggedEvent:
    return LoggedEvent(
        event.pk,
        event.tx_id,
        event.type,
        event.location_id,
        event.order_id or 0,
        event.data,
        event.occurred_at,
    )
