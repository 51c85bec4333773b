"""Who would be told of what has not happened yet: the profiles that would take it, by the sweep's rules."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from exports.customer_types import CustomerType
from exports.models import Export, ExportProfile, Route
from exports.sweep import matching
from exports.sweep.log import LoggedEvent
from orders.cases import add_billed_subscriptions
from orders.lifecycle import Foreseen


@dataclass(frozen=True, slots=True)
class Told:
    """A profile that would be told, and as which customer types."""

    profile: ExportProfile
    customer_types: tuple[str, ...]


def who_is_told(foreseen: Sequence[Foreseen]) -> list[Told]:
    """The active profiles that would take one of these events, by name; a few statements for any number."""
    logged = [(_logged(one), one) for one in foreseen]
    pairs = [(event, kind, one) for event, one in logged for kind in matching.kinds_of(event)]
    pairs = [(event, kind, one) for event, kind, one in pairs if not matching.skip_reason(kind, one.case)[0]]
    if not pairs:
        return []
    add_billed_subscriptions([one.case for _, _, one in pairs])
    routes = _routes([kind for _, kind, _ in pairs], pairs[0][0].location_id)
    taken = _taken([(kind, event) for event, kind, _ in pairs if kind.per_order])
    found: dict[ExportProfile, dict[str, None]] = defaultdict(dict)
    for event, kind, one in pairs:
        for route in routes[kind.key]:
            if (route.profile_id, kind.key, event.order_id) in taken:
                continue
            if not matching.route_refusal(route, event.occurred_at, one.case, event):
                found[route.profile][kind.label] = None
    told = [Told(profile, tuple(kinds)) for profile, kinds in found.items()]
    return sorted(told, key=lambda one: one.profile.name)


def _routes(kinds: Sequence[CustomerType], location_id: int) -> dict[str, list[Route]]:
    """The routes of the profiles that run, by customer type."""
    asked = Route.objects.filter(
        customer_type__in={kind.key for kind in kinds},
        profile__location=location_id,
        profile__is_active=True,
        profile__type=ExportProfile.Type.POSTBACK,
    )
    routes: dict[str, list[Route]] = defaultdict(list)
    for route in asked.select_related("profile", "campaign", "product"):
        routes[route.customer_type].append(route)
    return routes


def _taken(asked: Sequence[tuple[CustomerType, LoggedEvent]]) -> set[tuple[int, str, int]]:
    """What goes out once for each order, and has gone."""
    if not asked:
        return set()
    orders = {event.order_id for _, event in asked}
    rows = Export.objects.filter(order__in=orders, customer_type__in={kind.key for kind, _ in asked})
    return set(rows.filter(is_final=True).values_list("profile_id", "customer_type", "subject_id"))


def _logged(one: Foreseen) -> LoggedEvent:
    order = one.case.order
    return LoggedEvent(0, 0, one.type, order.location_id, order.pk or 0, one.data, timezone.now())
