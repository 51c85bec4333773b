"""The rules of routes, and when one asks for more than before."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError

from exports import customer_types
from exports.models import ExportProfile, Route

Key = tuple[str, int | None, int | None]


def key_of(route: Route) -> Key:
    """What a route asks for. Two routes of a profile never ask for the same."""
    return (route.customer_type, route.campaign_id, route.product_id)


def is_wider(route: Route, than: Route) -> bool:
    """Whether it takes anything that the other one does not."""
    return not (
        route.customer_type == than.customer_type
        and than.campaign_id in (None, route.campaign_id)
        and than.product_id in (None, route.product_id)
    )


def check_routes(profile: ExportProfile, routes: Sequence[Route]) -> None:
    """All routes of a profile. Sentences name the one at fault."""
    faults = []
    seen: set[Key] = set()
    for number, route in enumerate(routes, start=1):
        fault = _fault(profile, route)
        if not fault and key_of(route) in seen:
            fault = "The profile has this route already."
        if fault:
            faults.append(f"Route {number}: {fault}")
        seen.add(key_of(route))
    if faults:
        raise ValidationError(faults)


def _fault(profile: ExportProfile, route: Route) -> str:
    if route.customer_type not in customer_types.BY_KEY:
        return customer_types_there_are(route.customer_type)
    for what in (route.campaign, route.product):
        if what is not None and what.location_id != profile.location_id:
            return f"“{what}” belongs to another location than the profile."
    return ""


def customer_types_there_are(wrong: str) -> str:
    """The sentence for a customer type that is none, with those that are."""
    labels = ", ".join(kind.label for kind in customer_types.ALL)
    return f"“{wrong[:60]}” is not a customer type. There are: {labels}."
