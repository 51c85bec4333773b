"""Which profile takes which event, and why not: pure decisions over what is in memory.

`verdicts` is the only place that knows the rules; the sweep acts on it and Why / why not reads it out.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from exports import customer_types
from exports.customer_types import CustomerType
from exports.models import Export, ExportProfile, Route
from exports.render import Renderer, compiled
from exports.sweep.log import START, LoggedEvent, Position
from orders.cases import Case
from orders.models import Order

Skip = Export.Skip


@dataclass(slots=True, eq=False)
class Plan:
    """A profile in the course of a run, with its routes by customer type."""

    profile: ExportProfile
    routes: dict[str, list[Route]]
    renderer: Renderer
    # How far the profile had looked, and how far it has now. That stops at the first event that is too
    # young, though older ones may follow and are taken: they will be looked at again, and known.
    position: Position = START
    reached: Position = START
    is_stopped: bool = False

    @property
    def delay(self) -> timedelta:
        return timedelta(minutes=self.profile.delay_minutes)


def plan(profile: ExportProfile) -> Plan:
    """The profile's mappings and routes (prefetched by the caller), ready to match and render."""
    routes: dict[str, list[Route]] = defaultdict(list)
    for route in profile.routes.all():
        routes[route.customer_type].append(route)
    return Plan(profile, dict(routes), compiled(list(profile.mappings.all()), omit_empty=profile.omit_empty))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a profile makes of an event for one customer type: it takes it, or skips it for a reason.

    `reason` "" takes. A skip is final if nothing that happens later can make the order match again.
    """

    plan: Plan
    kind: CustomerType
    route: Route
    reason: str = ""
    is_final: bool = True


def verdicts(plans: Sequence[Plan], event: LoggedEvent, case: Case) -> Iterator[Verdict]:
    """For each plan and customer type with a route for this event: take it or skip it."""
    for kind in kinds_of(event):
        reason, is_final = skip_reason(kind, case)
        for one in plans:
            route = route_for(one, kind, event, case)
            if route is not None:
                yield Verdict(one, kind, route, reason, is_final)


def subject(kind: CustomerType, event: LoggedEvent) -> int:
    """What is exported once: the order, or the event."""
    return event.order_id if kind.per_order else event.id


def kinds_of(event: LoggedEvent) -> list[CustomerType]:
    """The customer types that the event is; a refund is All refunds and either Full or Partial refunds."""
    kinds = customer_types.BY_EVENT_TYPE.get(event.type, [])
    return [kind for kind in kinds if kind.per_order or not kind.only or kind.only == event.data.get("kind")]


def route_for(plan: Plan, kind: CustomerType, event: LoggedEvent, case: Case) -> Route | None:
    """The profile's first route that asks for this event, if any."""
    if plan.profile.location_id != event.location_id:
        return None
    for route in plan.routes.get(kind.key, ()):
        if not route_refusal(route, event.occurred_at, case, event):
            return route
    return None


def route_refusal(route: Route, occurred_at: datetime, case: Case, event: LoggedEvent) -> str:
    """Why a route of the right customer type does not ask for this event, in words; "" if it does."""
    if route.campaign_id is not None and route.campaign_id != case.order.campaign_id:
        return f"route wants campaign “{route.campaign}”"
    if route.product_id is not None and route.product_id not in products_of(event, case):
        return f"route wants product “{route.product}”"
    if occurred_at < route.effective_from:
        start = route.effective_from.astimezone(ZoneInfo(case.order.location.time_zone))
        return f"older than the route's look-back, which starts {start:%Y-%m-%d %H:%M}"
    return ""


def products_of(event: LoggedEvent, case: Case) -> set[int]:
    """The products that a route may ask for: those of the order, or the one that the subscription is for."""
    subscription_id = event.data.get("subscription")
    if subscription_id is not None:
        return {one.product_id for one in case.subscriptions if one.pk == subscription_id}
    return case.product_ids


def skip_reason(kind: CustomerType, case: Case) -> tuple[str, bool]:
    """Why an order that a route asks for stays behind, and whether for good."""
    if case.order.is_test:
        return Skip.TEST, True
    if case.customer.is_erased:
        return Skip.ERASED, True
    return _state_reason(kind, case) if kind.per_order else (Skip.NO, True)


def _state_reason(kind: CustomerType, case: Case) -> tuple[str, bool]:
    """Partial, Lead and Abandoned Cart look at the order as it is at the run."""
    if case.order.status != Order.Status.PARTIAL:
        is_sold = case.order.status in (Order.Status.COMPLETE, Order.Status.REFUNDED)
        return (Skip.COMPLETED if is_sold else Skip.ENDED), True
    if kind.only == "product" and not case.items:
        return Skip.NO_PRODUCT, False
    if kind.only == "no_product" and case.items:
        return Skip.NOT_A_LEAD, False
    return Skip.NO, True


class Matcher:
    """The plans of one run, indexed so that an event meets only the profiles that have a route for it."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._by_type = {
            event_type: [one for one in plans if any(kind.key in one.routes for kind in kinds)]
            for event_type, kinds in customer_types.BY_EVENT_TYPE.items()
        }

    @property
    def event_types(self) -> set[str]:
        return {event_type for event_type, plans in self._by_type.items() if plans}

    def ready(self, event: LoggedEvent, now: datetime) -> list[Plan]:
        """The plans that may look at the event now: it is new to them, and old enough."""
        ready = []
        for one in self._by_type.get(event.type, ()):
            if event.position <= one.position:
                continue
            if event.occurred_at <= now - one.delay:
                ready.append(one)
            elif not one.is_stopped:
                one.is_stopped = True
                one.reached = (event.tx_id, event.id - 1)
        return ready
