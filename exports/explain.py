"""Why / why not: for an order, what each profile made of it, with the first condition that failed, in words.

Computed when asked, from the log, the routes and what was taken; the rules are those of the sweep.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from delivery.models import Delivery, Event, Proof
from exports import customer_types
from exports.customer_types import CustomerType
from exports.models import Export, ExportProfile
from exports.sweep import interval, matching
from exports.sweep.log import LoggedEvent
from orders import cases
from orders.cases import Case, add_billed_subscriptions
from orders.models import Order

LATE = timedelta(minutes=3)  # the tick comes every minute; after so long something is wrong
EXPORTED, WAITING, NOT = "exported", "waiting", "not"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one profile made of an order, for one customer type (or of the order as a whole: "").

    `outcome` is "exported" (a delivery was made, whatever became of it), "waiting" or "not". `delivery_id`
    is empty if there is none, or none any more.
    """

    profile: ExportProfile
    customer_type: str
    outcome: str
    reason: str
    delivery_id: str = ""
    happened_at: datetime | None = None


def explain(order: Order, profile: ExportProfile | None = None, *, named: str = "") -> list[Verdict]:
    """The verdicts of all profiles of the order's location, or of the one given; exported ones first.

    With `named` only of the profiles with this in their names.
    """
    if profile is not None and profile.location_id != order.location_id:
        return [Verdict(profile, "", NOT, "the profile belongs to another location")]
    profiles = ExportProfile.objects.filter(location_id=order.location_id).prefetch_related(
        "routes", "routes__campaign", "routes__product", "mappings"
    )
    if profile is not None:
        profiles = profiles.filter(pk=profile.pk)
    if named:
        profiles = profiles.filter(name__icontains=named)
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
        gone = [pk for pk in ids if pk not in self.deliveries]
        self.proofs = Proof.objects.in_bulk(gone) if gone else {}
        add_billed_subscriptions([self.case])

    def at(self, moment: datetime) -> str:
        """ "at 14:20", or "now" for what is due."""
        return f"at {self.clock(moment)}" if moment > self.now else "now"

    def clock(self, moment: datetime) -> str:
        """ "14:20" today, with the day on any other, as the location's clock shows it."""
        here = moment.astimezone(self.zone)
        is_today = here.date() == self.now.astimezone(self.zone).date()
        return f"{here:%H:%M}" if is_today else f"{here:%Y-%m-%d %H:%M}"


def _of_profile(profile: ExportProfile, about: _About) -> Iterable[Verdict]:
    wanted = {route.customer_type for route in profile.routes.all()}
    verdicts: dict[tuple[str, int], Verdict] = {}  # of what is exported once, the newest
    for event in about.events:
        logged = as_logged(event)
        for kind in matching.kinds_of(logged):
            if kind.key in wanted:
                key = (kind.key, matching.subject(kind, logged))
                verdicts[key] = _of_kind(profile, kind, event, about)
    if verdicts:
        return verdicts.values()
    return [Verdict(profile, "", NOT, _profile_refusal(profile) or _nothing_matched(profile, about))]


def _of_kind(profile: ExportProfile, kind: CustomerType, event: Event, about: _About) -> Verdict:
    logged = as_logged(event)
    taken = about.exports.get((profile.pk, kind.key, matching.subject(kind, logged)))

    def verdict(outcome: str, reason: str, delivery_id: str = "") -> Verdict:
        return Verdict(profile, kind.label, outcome, reason, delivery_id, event.occurred_at)

    route = _route(profile, kind, logged, about.case)
    if taken is not None and taken.delivery_id:
        by = f"matched by route {route}: " if route else ""
        is_there = taken.delivery_id in about.deliveries
        return verdict(
            EXPORTED, f"{by}{_delivered_words(about, taken)}", taken.delivery_id if is_there else ""
        )
    if taken is not None and taken.is_final:
        return verdict(NOT, taken.get_skip_display())
    refusal = event.get_muted_display() if event.muted else _profile_refusal(profile)
    if not refusal:
        refusal = _order_refusal(profile, kind, logged, about.case, is_known=taken is not None, route=route)
    if refusal:
        return verdict(NOT, refusal)
    return verdict(WAITING, f"{_waiting_words(profile, event, about)} (matched by route {route})")


def _order_refusal(
    profile: ExportProfile, kind: CustomerType, event: LoggedEvent, case: Case, *, is_known: bool, route: int
) -> str:
    """Why the event will not be taken though the profile runs. `is_known`: a run has skipped it, for now."""
    if not route:
        return _routes_refusal(profile, kind, event, case)
    skip, is_final = matching.skip_reason(kind, case)
    if skip and (is_final or is_known):
        return str(Export.Skip(skip).label)
    if not is_known and _was_passed(profile, event):
        return "did not match when the profile ran; the order has changed since"
    return ""


def _profile_refusal(profile: ExportProfile) -> str:
    """What keeps the profile from taking anything at all."""
    if not profile.is_active:
        return "the profile is switched off"
    if profile.type != ExportProfile.Type.POSTBACK:
        return f"the profile writes {profile.get_type_display()} files"
    if not profile.url:
        return "the profile has no Postback URL yet"
    if not profile.routes.all():
        return "the profile has no route"
    return ""


def _route(profile: ExportProfile, kind: CustomerType, event: LoggedEvent, case: Case) -> int:
    """The number of the profile's first route that asks for the event, counted from 1; 0: none does."""
    for number, route in enumerate(profile.routes.all(), start=1):
        is_asked = route.customer_type == kind.key
        if is_asked and not matching.route_refusal(route, event.occurred_at, case, event):
            return number
    return 0


def _routes_refusal(profile: ExportProfile, kind: CustomerType, event: LoggedEvent, case: Case) -> str:
    """Why no route for this customer type asks for the event."""
    refusals = [
        matching.route_refusal(route, event.occurred_at, case, event)
        for route in profile.routes.all()
        if route.customer_type == kind.key
    ]
    return "; ".join(dict.fromkeys(refusals))


def _was_passed(profile: ExportProfile, event: LoggedEvent) -> bool:
    """Whether the profile has looked at the event, and will not look again."""
    if profile.swept_tx is None or profile.swept_id is None:
        return False
    return event.position <= (profile.swept_tx, profile.swept_id)


def _nothing_matched(profile: ExportProfile, about: _About) -> str:
    """The profile's routes ask for other things than what happened to this order."""
    if about.case.order.is_test:
        return Export.Skip.TEST.label
    wanted = ", ".join(dict.fromkeys(route.get_customer_type_display() for route in profile.routes.all()))
    happened = _happened(about)
    if not happened:
        return f"nothing has happened to it that could be exported (the profile's routes are for {wanted})"
    return f"no route for {_any_of(happened)} (the profile's routes are for {wanted})"


def _happened(about: _About) -> list[str]:
    """The customer types of what happened; those that look at the order only if they still hold."""
    kinds = dict.fromkeys(kind for event in about.events for kind in matching.kinds_of(as_logged(event)))
    return [kind.label for kind in kinds if not matching.skip_reason(kind, about.case)[0]]


def _any_of(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _delivered_words(about: _About, taken: Export) -> str:
    delivery = about.deliveries.get(taken.delivery_id)
    if delivery is None:
        return _pruned_words(about, taken)
    if delivery.is_finished:
        return delivery.get_state_display().lower()
    if not delivery.attempts_made and not delivery.last_detail:
        return "queued, not tried yet"
    times = "once" if delivery.attempts_made == 1 else f"{delivery.attempts_made} times"
    when = f", next {about.at(delivery.due_at)}" if delivery.due_at else ""
    return f"queued, tried {times}{when}: {delivery.last_detail}"


def _pruned_words(about: _About, taken: Export) -> str:
    """When it was, and what became of it as long as that is kept."""
    proof = about.proofs.get(taken.delivery_id)
    if proof is None:
        return f"exported {taken.taken_at.astimezone(about.zone):%Y-%m-%d %H:%M}"
    became, at = proof.as_delivery().get_state_display().lower(), proof.finished_at or proof.created_at
    return f"{became} {at.astimezone(about.zone):%Y-%m-%d %H:%M}; what was sent is no longer kept"


def _waiting_words(profile: ExportProfile, event: Event, about: _About) -> str:
    if profile.last_run_error:
        return f"waiting: the profile's last run failed, {profile.last_run_error}"
    old_enough = event.occurred_at + timedelta(minutes=profile.delay_minutes)
    if profile.cadence == ExportProfile.Cadence.IMMEDIATE:
        return f"waiting: goes out {about.at(old_enough)}"
    run = profile.next_run_at or about.now
    if run < about.now - LATE:
        return f"waiting: should have run at {about.clock(run)}; are the workers running?"
    missing = max(old_enough - run, timedelta(0))
    run += -(-missing // interval(profile)) * interval(profile)  # the first run at which it is old enough
    return f"waiting: runs {about.at(run)}"


def as_logged(event: Event) -> LoggedEvent:
    """The event as the sweep's rules take it."""
    return LoggedEvent(
        event.pk,
        event.tx_id,
        event.type,
        event.location_id,
        event.order_id or 0,
        event.data,
        event.occurred_at,
    )
