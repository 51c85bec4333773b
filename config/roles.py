"""The roles that Postrider ships, as groups of permissions: one table, and how it comes into a database.

Each permission of the table is given to its group once. What staff add to a role, or take away from it,
stays so through every upgrade; only what is new in the table comes, and what has left it goes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission
from django.db import connections, transaction

from config.models import RoleGrant


@dataclass(frozen=True, slots=True)
class Role:
    """A group, what it is for, and its permissions as `app.codename`; with `is_everything`, all there are."""

    name: str
    why: str
    permissions: tuple[str, ...] = ()
    is_everything: bool = False


def _may(verbs: str, *models: str) -> Iterator[str]:
    """`_may("view change", "orders.order")`: Django's own permissions of these models."""
    for model in models:
        app, name = model.split(".")
        yield from (f"{app}.{verb}_{name}" for verb in verbs.split())


_CUSTOMERS = tuple(_may("view", "customers.customer"))
_ORDERS = tuple(
    _may("view", *(f"orders.{part}" for part in ("order", "orderitem", "transaction", "subscription")))
) + tuple(_may("view", "orders.fulfillment"))
_CATALOG = tuple(_may("view", "orders.campaign", "orders.campaignproduct", "orders.product"))
_SENDING = tuple(_may("view", "delivery.delivery", "delivery.event", "delivery.endpoint", "delivery.replay"))
# Many deliveries again, and stopping that; one at a time is `send_again_delivery`.
_SEND_AGAIN = ("delivery.send_again_delivery", "delivery.add_replay", "delivery.change_replay")

ROLES = (
    Role(
        "Export manager",
        "connects partners by export profiles and sees that they work; approves no PCI documentation",
        (
            *_may("view add change delete", "exports.exportprofile", "exports.fieldmapping", "exports.route"),
            *_may("view", "exports.export", "customers.location", "audit.change"),
            *(*_CUSTOMERS, *_ORDERS, *_CATALOG, *_SENDING, *_SEND_AGAIN),
            "delivery.change_endpoint",
        ),
    ),
    Role(
        "Support agent",
        "says whether a partner got a customer, and sends one delivery again; sees no settings",
        (
            *(*_CUSTOMERS, "customers.add_note", *_ORDERS),
            *_may("view", "delivery.delivery", "exports.export"),
            "delivery.send_again_delivery",
        ),
    ),
    Role(
        "Marketer",
        "keeps campaigns and products, and sees what customers did and what was sent of it",
        (
            *(*_CUSTOMERS, *_ORDERS, *_may("view", "customers.location")),
            *_may("view add change", "orders.campaign", "orders.product"),
            *_may("view add change delete", "orders.campaignproduct"),
            *_may("view", "delivery.event", "delivery.delivery"),
        ),
    ),
    Role(
        "Analyst",
        "looks at everything that happened and was sent, and changes nothing",
        (
            *(*_CUSTOMERS, *_ORDERS, *_CATALOG, *_SENDING),
            *_may("view", "orders.gateway", "orders.settlementbatch", "orders.storedpaymentmethod"),
            *_may("view", "customers.location", "exports.export", "exports.exportprofile"),
            *_may("view", "exports.fieldmapping", "exports.route", "postbacks.postbackconfig"),
        ),
    ),
    Role(
        "Integrator manager",
        "keeps postback configs, users of the REST API, endpoints; sees secrets, to hand them to developers",
        (
            *_may("view add change", "customers.apiuser", "customers.apikey"),
            *_may("view add change delete", "postbacks.postbackconfig"),
            *_may("view add change", "orders.gateway"),
            *_may("view", "customers.location", "audit.change"),
            *(*_CUSTOMERS, *_ORDERS, *_SENDING, *_SEND_AGAIN),
            "delivery.change_endpoint",
            "delivery.view_secrets",
        ),
    ),
    Role(
        "Administrator",
        "everything, people and their roles too; but nobody becomes a superuser except by one",
        is_everything=True,
    ),
)


def ship(database: str = "default") -> None:
    """Brings the groups up to date with the table; does nothing where that is so, or tables are missing.

    A group of staff's own that is called like a role stays theirs; a role that staff deleted or renamed
    does not come back.
    """
    tables = {model._meta.db_table for model in (Group, Permission, RoleGrant)}
    if not tables <= set(connections[database].introspection.table_names()):
        return
    with transaction.atomic(using=database):
        named = Permission.objects.using(database).values_list("content_type__app_label", "codename", "pk")
        there = {f"{app}.{codename}": pk for app, codename, pk in named}
        given = defaultdict(set)
        for role, permission in RoleGrant.objects.using(database).values_list("role", "permission"):
            given[role].add(permission)
        for one in ROLES:
            _ship(one, there, given[one.name], database)


def _ship(role: Role, there: dict[str, int], given: Collection[str], database: str) -> None:
    group = Group.objects.using(database).filter(name=role.name).first()
    if (group is None) != (not given):
        return
    if group is None:
        group = Group.objects.using(database).create(name=role.name)
    wanted = set(there) if role.is_everything else set(role.permissions)
    new, gone = (wanted & there.keys()) - set(given), set(given) - wanted
    group.permissions.add(*(there[name] for name in new))
    group.permissions.remove(*(there[name] for name in gone & there.keys()))
    grants = RoleGrant.objects.using(database)
    grants.filter(role=role.name, permission__in=gone).delete()
    grants.bulk_create(RoleGrant(role=role.name, permission=name) for name in sorted(new))
