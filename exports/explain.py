"""Why / why not: for an order, what each profile made of it, with the first condition that failed, in words.

Computed when asked, from the log, the routes and what was taken; the rules are those of the sweep.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from delivery.models import Delivery, Event, Proof
from exports import customer_types
from exports.customer_types import CustomerType
from exports.models import Export, ExportedAgain, ExportProfile, Route
from exports.sweep import interval, matching
from exports.sweep.log import LoggedEvent
from orders import cases
from orders.cases import Case, add_billed_subscriptions
from orders.models import Order

LATE = timedelta(minutes=3)  # the tick comes every minute; after so long something is wrong
MOST_EVENTS = 1000  # of one order, the newest
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
    profiles = ExportProfile.objects.filter(location_id=order.location_id)
    if profile is not None:
        profiles = profiles.filter(pk=profile.pk)
    if named:
        profiles = profiles.filter(name__icontains=named)
    about = _About(order)
    asked = _asked(list(profiles), about)
    verdicts = [verdict for one in asked for verdict in _of_profile(one, about)]
    ranks = {EXPORTED: 0, WAITING: 1, NOT: 2}
    return sorted(verdicts, key=lambda one: (ranks[one.outcome], one.profile.name, one.customer_type))


class _About:
    """All that is known of the order, read once for all profiles."""

    def __init__(self, order: Order) -> None:
        self.case: Case = cases.load([order.pk])[order.pk]
        self.now = timezone.now()
        self.zone = ZoneInfo(self.case.order.location.time_zone)
        types = list(customer_types.BY_EVENT_TYPE)
        newest = Event.objects.filter(order=order, type__in=types).order_by("-id")[:MOST_EVENTS]
        # Of what is exported once the newest event counts: for each customer type and subject one.
        self.happened: dict[tuple[str, int], _Happened] = {}
        for event in reversed(newest):
            logged = as_logged(event)
            for kind in matching.kinds_of(logged):
                key = (kind.key, matching.subject(kind, logged))
                self.happened[key] = _Happened(event, logged, kind)
        self.exports = {
            (one.profile_id, one.customer_type, one.subject_id): one
            for one in Export.objects.filter(order=order)
        }
        later = ExportedAgain.objects.filter(export__order=order).select_related("export")
        self.again = list(later.order_by("export", "generation"))
        ids = [one.delivery_id for one in self.exports.values() if one.delivery_id]
        ids += [one.delivery_id for one in self.again]
        self.deliveries = Delivery.objects.defer("content").in_bulk(ids)
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


@dataclass(frozen=True, slots=True)
class _Happened:
    """An event that a profile may have taken as a customer type."""

    event: Event
    logged: LoggedEvent
    kind: CustomerType


@dataclass(frozen=True, slots=True)
class _Asked:
    """A profile with what its routes ask for: the customer types of all, and those that may ask for this."""

    profile: ExportProfile
    customer_types: list[str]
    routes: dict[str, list[tuple[int, Route]]]  # by customer type, with its number among all of them


def _asked(profiles: Sequence[ExportProfile], about: _About) -> list[_Asked]:
    """Two statements for all of them; a route for what has not happened is not read."""
    by_profile = {one.pk: _Asked(one, [], defaultdict(list)) for one in profiles}
    kinds = {kind for kind, _ in about.happened}
    numbers: dict[int, int] = {}
    routes = Route.objects.filter(profile__in=profiles).order_by("id")
    for pk, profile_id, kind in routes.values_list("pk", "profile_id", "customer_type"):
        by_profile[profile_id].customer_types.append(kind)
        numbers[pk] = len(by_profile[profile_id].customer_types)
    for route in routes.filter(customer_type__in=kinds).select_related("campaign", "product"):
        asked = by_profile[route.profile_id]
        asked.routes[route.customer_type].append((numbers.get(route.pk, 0), route))
    return list(by_profile.values())


def _of_profile(asked: _Asked, about: _About) -> Iterable[Verdict]:
    verdicts: list[Verdict] = [
        _of_kind(asked, happened, about)
        for happened in about.happened.values()
        if happened.kind.key in asked.customer_types
    ]
    verdicts += _exported_again(asked.profile, about)
    if verdicts:
        return verdicts
    return [Verdict(asked.profile, "", NOT, _profile_refusal(asked) or _nothing_matched(asked, about))]


def _exported_again(profile: ExportProfile, about: _About) -> Iterable[Verdict]:
    """What staff asked for after a mapping was corrected; each is a delivery of its own."""
    for one in about.again:
        taken = one.export
        if taken.profile_id == profile.pk:
            kind = customer_types.BY_KEY.get(taken.customer_type)
            words = f"export no. {one.generation}, asked for by {one.by}: "
            words += _delivered_words(about, one.delivery_id, one.made_at)
            is_there = one.delivery_id in about.deliveries
            label, found = kind.label if kind else taken.customer_type, one.delivery_id if is_there else ""
            yield Verdict(profile, label, EXPORTED, words, found, one.made_at)


def _of_kind(asked: _Asked, happened: _Happened, about: _About) -> Verdict:
    event, logged, kind, profile = happened.event, happened.logged, happened.kind, asked.profile
    taken = about.exports.get((profile.pk, kind.key, matching.subject(kind, logged)))

    def verdict(outcome: str, reason: str, delivery_id: str = "") -> Verdict:
        return Verdict(profile, kind.label, outcome, reason, delivery_id, event.occurred_at)

    route, refusals = _route(asked, happened, about.case)
    if taken is not None and taken.delivery_id:
        by = f"matched by route {route}: " if route else ""
        is_there = taken.delivery_id in about.deliveries
        words = _delivered_words(about, taken.delivery_id, taken.taken_at)
        return verdict(EXPORTED, f"{by}{words}", taken.delivery_id if is_there else "")
    if taken is not None and taken.is_final:
        return verdict(NOT, taken.get_skip_display())
    refusal = event.get_muted_display() if event.muted else _profile_refusal(asked)
    if not refusal:
        refusal = refusals or _order_refusal(profile, happened, about.case, is_known=taken is not None)
    if refusal:
        return verdict(NOT, refusal)
    return verdict(WAITING, f"{_waiting_words(profile, event, about)} (matched by route {route})")


def _order_refusal(profile: ExportProfile, happened: _Happened, case: Case, *, is_known: bool) -> str:
    """Why it will not be taken though a route asks for it. `is_known`: a run has skipped it, for now."""
    skip, is_final = matching.skip_reason(happened.kind, case)
    if skip and (is_final or is_known):
        return str(Export.Skip(skip).label)
    if not is_known and _was_passed(profile, happened.logged):
        return "did not match when the profile ran; the order has changed since"
    return ""


def _profile_refusal(asked: _Asked) -> str:
    """What keeps the profile from taking anything at all."""
    profile = asked.profile
    if not profile.is_active:
        return "the profile is switched off"
    if profile.type != ExportProfile.Type.POSTBACK:
        return f"the profile writes {profile.get_type_display()} files"
    if not profile.url:
        return "the profile has no Postback URL yet"
    if not asked.customer_types:
        return "the profile has no route"
    return ""


def _route(asked: _Asked, happened: _Happened, case: Case) -> tuple[int, str]:
    """The number of the first route that asks for it, counted from 1; else 0 and why none does."""
    refusals: dict[str, None] = {}
    for number, route in asked.routes.get(happened.kind.key, ()):
        refusal = matching.route_refusal(route, happened.event.occurred_at, case, happened.logged)
        if not refusal:
            return number, ""
        refusals[refusal] = None
    return 0, "; ".join(refusals)


def _was_passed(profile: ExportProfile, event: LoggedEvent) -> bool:
    """Whether the profile has looked at the event, and will not look again."""
    if profile.swept_tx is None or profile.swept_id is None:
        return False
    return event.position <= (profile.swept_tx, profile.swept_id)


def _nothing_matched(asked: _Asked, about: _About) -> str:
    """The profile's routes ask for other things than what happened to this order."""
    if about.case.order.is_test:
        return Export.Skip.TEST.label
    kinds = dict.fromkeys(asked.customer_types)
    wanted = ", ".join(customer_types.BY_KEY[kind].label for kind in kinds if kind in customer_types.BY_KEY)
    happened = _happened(about)
    if not happened:
        return f"nothing has happened to it that could be exported (the profile's routes are for {wanted})"
    return f"no route for {_any_of(happened)} (the profile's routes are for {wanted})"


def _happened(about: _About) -> list[str]:
    """The customer types of what happened; those that look at the order only if they still hold."""
    kinds = dict.fromkeys(happened.kind for happened in about.happened.values())
    return [kind.label for kind in kinds if not matching.skip_reason(kind, about.case)[0]]


def _any_of(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _delivered_words(about: _About, delivery_id: str, made_at: datetime) -> str:
    delivery = about.deliveries.get(delivery_id)
    if delivery is None:
        return _pruned_words(about, delivery_id, made_at)
    if delivery.is_finished:
        return delivery.get_state_display().lower()
    if not delivery.attempts_made and not delivery.last_detail:
        return "queued, not tried yet"
    times = "once" if delivery.attempts_made == 1 else f"{delivery.attempts_made} times"
    when = f", next {about.at(delivery.due_at)}" if delivery.due_at else ""
    return f"queued, tried {times}{when}: {delivery.last_detail}"


def _pruned_words(about: _About, delivery_id: str, made_at: datetime) -> str:
    """When it was, and what became of it as long as that is kept."""
    proof = about.proofs.get(delivery_id)
    if proof is None:
        return f"exported {made_at.astimezone(about.zone):%Y-%m-%d %H:%M}"
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
