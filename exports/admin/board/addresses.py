"""The addresses of the board: the page, what its buttons open, and what its boxes look up."""

from collections.abc import Callable
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exports.admin.board import choices, page, profiles, routes

View = Callable[..., HttpResponseBase]


def urls(wrap: Callable[[View], Any]) -> list[URLPattern]:
    """Each wrapped as the admin wraps its views. They lie under `exports/`, beside the tables' own pages."""
    dialog = require_http_methods(["GET", "POST"])
    views: dict[str, View] = {
        "": require_GET(page.board),
        "profiles/new/": dialog(profiles.new),
        "profiles/<int:profile_id>/clone/": dialog(profiles.clone),
        "profiles/<int:profile_id>/on/": dialog(profiles.switch_on),
        "profiles/<int:profile_id>/off/": require_POST(profiles.switch_off),
        "routes/new/": dialog(routes.new),
        "routes/<int:route_id>/edit/": dialog(routes.edit),
        "routes/<int:route_id>/remove/": dialog(routes.remove),
        "choices/<slug:of>/": require_GET(choices.choices),
    }
    return [path(f"exports/{route}", wrap(view), name=_name(route)) for route, view in views.items()]


def _name(route: str) -> str:
    """`profiles/<int:profile_id>/clone/` is `exports_board_profiles_clone`."""
    words = [word for word in route.split("/") if word and not word.startswith("<")]
    return "_".join(["exports_board", *words])
