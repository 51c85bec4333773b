"""Every page and button of the admin, and which of the shipped roles it opens to.

A letter for each role. Whoever has no role, or is not logged in, gets in nowhere; that is not repeated here.
A new page needs a line: `test_every_door_has_its_line` says which.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from audit import changes
from tests.admin.store import Store

ROLES = {
    "E": "Export manager",
    "S": "Support agent",
    "M": "Marketer",
    "A": "Analyst",
    "I": "Integrator manager",
    "X": "Administrator",
}
ALL = "".join(ROLES)

# By table: who looks at the list, a row and its history; who adds; who changes; who deletes.
TABLES: dict[str, tuple[str, str, str, str]] = {
    "audit.change": ("EIX", "", "", ""),
    "auth.group": ("X", "X", "X", "X"),
    "auth.user": ("X", "X", "X", "X"),
    "axes.accessattempt": ("X", "", "", "X"),
    "axes.accesslog": ("X", "", "", ""),
    "customers.apiuser": ("IX", "IX", "IX", ""),
    "customers.customer": (ALL, "X", "X", ""),
    "customers.location": ("EMAIX", "X", "X", ""),
    "delivery.delivery": (ALL, "", "", ""),
    "delivery.endpoint": ("EAIX", "", "EIX", ""),
    "delivery.event": ("EMAIX", "", "", ""),
    "delivery.replay": ("EAIX", "", "", ""),
    "django_q.failure": ("X", "", "X", "X"),
    "django_q.success": ("X", "", "X", "X"),
    "exports.export": ("ESAX", "", "", ""),
    "exports.exportprofile": ("EAX", "EX", "EX", "EX"),
    "exports.route": ("EAX", "EX", "EX", "EX"),
    "orders.campaign": ("EMAX", "MX", "MX", ""),
    "orders.gateway": ("AIX", "IX", "IX", ""),
    "orders.order": (ALL, "", "", ""),
    "orders.product": ("EMAX", "MX", "MX", ""),
    "orders.settlementbatch": ("AX", "", "", ""),
    "orders.storedpaymentmethod": ("AX", "", "", ""),
    "postbacks.postbackconfig": ("AIX", "IX", "IX", "IX"),
}


@dataclass(frozen=True, slots=True)
class Door:
    """An address with a method; `args` are the address's own, and `data` is what would do something."""

    method: str
    name: str
    who: str
    args: Callable[[Store], list[Any]] = lambda store: []
    data: Callable[[Store], dict[str, Any]] = lambda store: {}

    def __str__(self) -> str:
        return f"{self.method} {self.name}"

    def url(self, store: Store) -> str:
        return reverse(f"admin:{self.name}", args=self.args(store))


def _delivery(store: Store) -> list[Any]:
    return [store.delivery.pk]


def _endpoint(store: Store) -> list[Any]:
    return [store.profile.endpoint_id]


def _profile(store: Store) -> list[Any]:
    return [store.profile.pk]


def _version(store: Store) -> list[Any]:
    return [store.profile.pk, changes.of(store.profile).last().pk]  # type: ignore[union-attr]


def _order(store: Store) -> list[Any]:
    return [store.order.pk]


def _move(store: Store) -> list[Any]:
    return [store.order.pk, "complete_sale"]


def _route(store: Store) -> list[Any]:
    return [_first("exports.Route")]


def _new_route(store: Store) -> dict[str, Any]:
    return {"profile": store.profile.pk, "customer_type": "decline"}


def _api_user(store: Store) -> list[Any]:
    return [_first("customers.ApiUser")]


def _key(store: Store) -> dict[str, Any]:
    return {"key": _first("customers.ApiKey")}


def _old_secret(store: Store) -> dict[str, Any]:
    return {"secret": _first("delivery.SigningSecret")}


def _user(store: Store) -> list[Any]:
    return [_first("auth.User")]


def _first(model: str) -> Any:
    row = apps.get_model(model)._default_manager.order_by("pk").first()
    assert row is not None, f"the store of the tests has no {model}"
    return row.pk


BUTTONS = (
    Door("GET", "index", ALL),
    Door("GET", "search", ALL),
    Door("GET", "dashboard", ALL),
    Door("GET", "password_change", ALL),
    Door("POST", "password_change", ALL),
    Door("GET", "auth_user_password_change", "X", _user),
    Door("POST", "auth_user_password_change", "X", _user),
    Door("POST", "customers_apiuser_keys_issue", "IX", _api_user),
    Door("POST", "customers_apiuser_keys_revoke", "IX", _api_user, _key),
    Door("GET", "customers_customer_entries", ALL, lambda store: [store.customer.pk]),
    Door(
        "POST",
        "customers_customer_note",
        "SX",
        lambda store: [store.customer.pk],
        lambda store: {"text": "Called."},
    ),
    Door("GET", "customers_customer_erase", "X", lambda store: [store.customer.pk]),
    Door(
        "POST",
        "customers_customer_erase",
        "X",
        lambda store: [store.customer.pk],
        lambda store: {"number": store.customer.pk},
    ),
    Door("GET", "delivery_delivery_send_again", "ESIX", _delivery),
    Door("POST", "delivery_delivery_send_again", "ESIX", _delivery),
    Door("GET", "delivery_delivery_send_all_again", "EIX"),
    Door("POST", "delivery_delivery_send_all_again", "EIX"),
    Door("POST", "delivery_delivery_revealed", "IX", _delivery),
    Door("GET", "delivery_endpoint_wake", "EIX", _endpoint),
    Door("POST", "delivery_endpoint_wake", "EIX", _endpoint),
    Door("GET", "delivery_replay_progress", "EAIX", lambda store: [_first("delivery.Replay")]),
    Door("POST", "delivery_replay_stop", "EIX", lambda store: [_first("delivery.Replay")]),
    Door("GET", "delivery_endpoint_signatures", "EAIX", _endpoint),
    Door("POST", "delivery_endpoint_signatures_show", "IX", _endpoint),
    Door("GET", "delivery_endpoint_signatures_rotate", "EIX", _endpoint),
    Door("POST", "delivery_endpoint_signatures_rotate", "EIX", _endpoint, lambda store: {"old": "stop"}),
    Door("POST", "delivery_endpoint_signatures_stop", "EIX", _endpoint, _old_secret),
    Door("GET", "exports_board", "EAX"),
    Door("GET", "exports_board_choices", "EX", lambda store: ["campaign"]),
    Door("GET", "exports_board_profiles_new", "EX"),
    Door("POST", "exports_board_profiles_new", "EX", data=lambda store: {"name": "New", "type": "postback"}),
    Door("GET", "exports_board_profiles_clone", "EX", _profile),
    Door("POST", "exports_board_profiles_clone", "EX", _profile, lambda store: {"name": "A copy"}),
    Door("GET", "exports_board_profiles_on", "EX", _profile),
    Door("POST", "exports_board_profiles_on", "EX", _profile, lambda store: {"pause": "skip"}),
    Door("POST", "exports_board_profiles_off", "EX", _profile),
    Door("GET", "exports_board_routes_new", "EX"),
    Door("POST", "exports_board_routes_new", "EX", data=_new_route),
    Door("GET", "exports_board_routes_edit", "EX", _route),
    Door("POST", "exports_board_routes_edit", "EX", _route, _new_route),
    Door("GET", "exports_board_routes_remove", "EX", _route),
    Door("POST", "exports_board_routes_remove", "EX", _route),
    Door("POST", "exports_exportprofile_clone", "EX", _profile, lambda store: {"name": "A copy"}),
    Door("POST", "exports_exportprofile_switch_on", "EX", _profile, lambda store: {"pause": "skip"}),
    Door("POST", "exports_exportprofile_switch_off", "EX", _profile),
    Door("POST", "exports_exportprofile_approve_pci", "X", _profile),
    Door("GET", "exports_exportprofile_pci_document", "EX", _profile),
    Door("POST", "exports_exportprofile_preview", "EX", _profile),
    Door("POST", "exports_exportprofile_mapping", "EX", _profile),
    Door("GET", "exports_exportprofile_fields", "EAX", _profile),
    Door("POST", "exports_exportprofile_test", "EX", _profile),
    Door("GET", "exports_exportprofile_tested", "EX", lambda store: [store.profile.pk, store.delivery.pk]),
    Door("GET", "exports_exportprofile_versions", "EAX", _profile),
    Door("GET", "exports_exportprofile_undo", "EX", _version),
    Door("POST", "exports_exportprofile_undo", "EX", _version),
    Door("GET", "exports_again", "ESIX", _delivery),
    Door("POST", "exports_again", "ESIX", _delivery, lambda store: {"confirmed": "0" * 24}),
    Door("GET", "exports_why", "ESAX", _order),
    Door("POST", "postbacks_postbackconfig_test", "IX", lambda store: [_first("postbacks.PostbackConfig")]),
    Door(
        "GET", "orders_storedpaymentmethod_remove", "X", lambda store: [_first("orders.StoredPaymentMethod")]
    ),
    Door(
        "POST", "orders_storedpaymentmethod_remove", "X", lambda store: [_first("orders.StoredPaymentMethod")]
    ),
    Door("GET", "orders_order_entries", ALL, _order),
    Door("GET", "orders_order_products", "X", _order),
    Door("GET", "orders_order_move", "X", _move),
    Door("POST", "orders_order_move", "X", _move, lambda store: {"seen": "0"}),
)

# Django's own, which show nothing of the store; what they lead to has its line above.
NO_DOORS = {
    *("login", "logout", "password_change_done", "jsi18n", "app_list"),
    *("autocomplete", "view_on_site"),  # tests of their own
}


def all_doors() -> list[Door]:
    return [*(door for table in TABLES for door in _of_table(table)), *BUTTONS]


def _of_table(table: str) -> Iterator[Door]:
    look, add, change, delete = TABLES[table]
    name = table.replace(".", "_")

    def first_row(store: Store) -> list[Any]:
        return [_first(table)]

    yield Door("GET", f"{name}_changelist", look)
    yield Door("GET", f"{name}_change", look, first_row)
    yield Door("GET", f"{name}_history", look, first_row)
    yield Door("POST", f"{name}_change", change, first_row, lambda store: {"name": "Another"})
    yield Door("GET", f"{name}_add", add)
    yield Door("POST", f"{name}_add", add, data=lambda store: {"name": "A new one"})
    yield Door("GET", f"{name}_delete", delete, first_row)
    yield Door("POST", f"{name}_delete", delete, first_row, lambda store: {"post": "yes"})


def names_of_the_admin() -> set[str]:
    """Of every address that the resolver knows under the admin."""
    [site] = [one for one in get_resolver().url_patterns if getattr(one, "namespace", "") == "admin"]
    return set(_names(site))  # type: ignore[arg-type]


def _names(resolver: URLResolver) -> Iterator[str]:
    for one in resolver.url_patterns:
        if isinstance(one, URLPattern):
            if one.name:
                yield one.name
        else:
            yield from _names(one)
