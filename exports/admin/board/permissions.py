"""Who may do what on the board."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Rights:
    """What this person sees and may press."""

    may_see_profiles: bool
    may_add_profiles: bool
    may_change_profiles: bool
    may_clone: bool
    may_see_routes: bool
    may_add_routes: bool
    may_change_routes: bool
    may_remove_routes: bool
    may_see_deliveries: bool
    may_see_endpoints: bool


def rights_of(request: HttpRequest) -> Rights:
    """As the admin has it: who may change a thing may see it."""

    def may(*names: str) -> bool:
        return any(request.user.has_perm(name) for name in names)

    sees_profiles = may("exports.view_exportprofile", "exports.change_exportprofile")
    sees_routes = may("exports.view_route", "exports.change_route")
    return Rights(
        may_see_profiles=sees_profiles,
        may_add_profiles=may("exports.add_exportprofile"),
        may_change_profiles=may("exports.change_exportprofile"),
        may_clone=sees_profiles and may("exports.add_exportprofile"),
        may_see_routes=sees_routes,
        may_add_routes=may("exports.add_route"),
        may_change_routes=may("exports.change_route"),
        may_remove_routes=may("exports.delete_route"),
        may_see_deliveries=may("delivery.view_delivery", "delivery.change_delivery"),
        may_see_endpoints=may("delivery.view_endpoint", "delivery.change_endpoint"),
    )


def require(right: bool) -> None:
    """403 for who has it not."""
    if not right:
        raise PermissionDenied
