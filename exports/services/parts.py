"""What is done to the mappings and routes of a profile that stays as it is otherwise."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction

from exports.models import ExportProfile, FieldMapping, Route
from exports.services.rows import adopt_mappings, routes_after
from exports.services.saving import save
from orders.models import Campaign, Product


def set_mappings(profile: ExportProfile, mappings: Sequence[FieldMapping], *, by: str) -> bool:
    """These mappings (unsaved rows) and no others, in this order; whether anything changed.

    A secret row without a value keeps the secret that the mapping of that name has.
    """
    with transaction.atomic():
        _lock(profile)
        adopt_mappings(profile, mappings)
        return bool(save(profile, by=by, mappings=mappings))


def add_route(
    profile: ExportProfile,
    *,
    customer_type: str,
    by: str,
    campaign: Campaign | None = None,
    product: Product | None = None,
) -> Route:
    """A further route, by the key of its customer type. It reaches back one day from now."""
    route = Route(profile=profile, customer_type=customer_type, campaign=campaign, product=product)
    _save_routes(profile, [route], [], by)
    return route


def change_route(
    route: Route,
    *,
    customer_type: str,
    by: str,
    campaign: Campaign | None = None,
    product: Product | None = None,
) -> Route:
    """Another customer type, campaign or product. If it now takes more, it reaches back one day from now."""
    route.customer_type, route.campaign, route.product = customer_type, campaign, product
    _save_routes(route.profile, [route], [], by)
    return route


def remove_route(route: Route, *, by: str) -> None:
    """Nothing is taken by it any more; what was taken goes out."""
    _save_routes(route.profile, [], [route], by)


def _save_routes(profile: ExportProfile, changed: Sequence[Route], removed: Sequence[Route], by: str) -> None:
    with transaction.atomic():
        _lock(profile)
        known = set(profile.routes.values_list("pk", flat=True))
        if any(route.pk and route.pk not in known for route in changed):
            raise ValidationError("This route has been removed meanwhile. Add it anew.")
        save(profile, by=by, routes=routes_after(profile, changed, removed))


def _lock(profile: ExportProfile) -> None:
    """Before its rows are read, so that two at once do not undo each other; and the profile as it is now."""
    profile.refresh_from_db(from_queryset=ExportProfile.objects.select_for_update())
