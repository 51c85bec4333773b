"""Earlier versions of a profile, read from the audit log, and the way back to one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction

from audit import changes
from audit.changes import Snapshot
from audit.differences import Difference, differences
from audit.models import Change
from exports import services, validation
from exports.models import ExportProfile, FieldMapping, Route
from exports.snapshots import SETTINGS
from exports.validation.urls import url_fault
from orders.models import Campaign, Product

PER_PAGE = 20
Named = TypeVar("Named", Campaign, Product)


@dataclass(frozen=True, slots=True)
class Version:
    """The profile as it was after a change. `number` grows when what is sent changes, so it may repeat."""

    change: Change
    differences: list[Difference]  # from the state before
    is_current: bool

    @property
    def number(self) -> int | None:
        return self.change.version


@dataclass(frozen=True, slots=True)
class Page:
    """Versions, newest first; there are older ones before the change `older_before`."""

    versions: list[Version]
    older_before: int | None


def versions(profile: ExportProfile, *, before: int | None = None) -> Page:
    """The newest PER_PAGE of them, or those before that change. Two statements, however many there are."""
    of_it = changes.of(profile).exclude(new=None)
    rows = of_it.filter(pk__lt=before) if before is not None else of_it
    found = list(rows[: PER_PAGE + 1])
    newest = of_it.values_list("pk", flat=True).first()
    labels = changes.labels(profile._meta.label_lower)
    page = [
        Version(row, differences(row.old, row.new, labels) if row.old else [], row.pk == newest)
        for row in found[:PER_PAGE]
    ]
    return Page(page, found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None)


def find(profile: ExportProfile, change_id: int) -> Change | None:
    """The change that led to a version of this profile."""
    return changes.of(profile).exclude(new=None).filter(pk=change_id).first()


def way_back(profile: ExportProfile, change: Change) -> list[Difference]:
    """What `restore` would change, from how the profile is now."""
    now = _state(changes.of(profile).exclude(new=None)[0])
    then = _state(change)
    mappings = [{**row, "note": ""} for row in then["mappings"]]
    restored = {
        **now,
        **{name: then[name] for name in SETTINGS},
        "mappings": mappings,
        "routes": then["routes"],
    }
    return differences(now, restored, changes.labels(profile._meta.label_lower))


def restore(profile: ExportProfile, change: Change, *, by: str) -> list[str]:
    """Settings, mappings and routes as they were after that change; what changed, as `services.save` says.

    A save like any other: it makes a new version, and what may not be saved now raises ValidationError.
    On or off, the PCI documentation and its approval stay as they are, and so do secrets: a mapping takes
    the value that it has now, by its id or else its name.
    """
    version = _state(change)
    _check_address(profile, version["url"])
    with transaction.atomic():
        profile.refresh_from_db(from_queryset=ExportProfile.objects.select_for_update())
        for name in SETTINGS:
            setattr(profile, name, version[name])
        mappings, routes = [_mapping(row) for row in version["mappings"]], _routes(profile, version["routes"])
        services.adopt_mappings(profile, mappings)
        services.adopt_routes(profile, routes)
        return services.save(
            profile,
            by=by,
            mappings=mappings,
            routes=routes,
            is_address_checked=True,
            why=f"back to version {change.version}",
        )


def _state(change: Change) -> Snapshot:
    if change.new is None:
        raise ValueError("After this change there was nothing.")
    state: Snapshot = change.new
    return state


def _check_address(profile: ExportProfile, url: str) -> None:
    """Asks the name service, so before the transaction."""
    if url != profile.url and not url_fault(url):
        validation.check_address(ExportProfile(url=url))


def _mapping(row: Mapping[str, Any]) -> FieldMapping:
    names = ("export_name", "field", "static_value", "is_secret")
    return FieldMapping(pk=row["id"], **{name: row[name] for name in names})


def _routes(profile: ExportProfile, rows: Sequence[Mapping[str, Any]]) -> list[Route]:
    """Raises ValidationError for campaigns and products that are no longer there."""
    campaigns = _still_there(Campaign, profile, {row["campaign_id"]: row["campaign"] for row in rows})
    products = _still_there(Product, profile, {row["product_id"]: row["product"] for row in rows})
    return [
        Route(
            customer_type=row["customer_type"],
            campaign=campaigns.get(row["campaign_id"]),
            product=products.get(row["product_id"]),
        )
        for row in rows
    ]


def _still_there(
    model: type[Named], profile: ExportProfile, names: dict[int | None, str]
) -> dict[int, Named]:
    """By id: they may be called otherwise by now."""
    wanted = {pk: name for pk, name in names.items() if pk is not None}
    found = model._default_manager.filter(location_id=profile.location_id).in_bulk(list(wanted))
    if gone := sorted(name for pk, name in wanted.items() if pk not in found):
        what = model._meta.verbose_name
        raise ValidationError([f"The {what} “{name}” of that version is no longer there." for name in gone])
    return found
