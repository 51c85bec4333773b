"""How mappings and routes are replaced: rows keep their ids, because what waits refers to secrets by id."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

from django.utils import timezone

from exports import validation
from exports.models import ExportProfile, FieldMapping, Route
from exports.validation.routes import is_wider, key_of

LOOK_BACK = timedelta(days=1)

Row = TypeVar("Row", FieldMapping, Route)


def mappings_after(
    profile: ExportProfile, changed: Iterable[FieldMapping], removed: Iterable[FieldMapping]
) -> list[FieldMapping]:
    """All mappings as they will be with a form's changed and removed rows; those without a position last."""
    rows = _overlaid(FieldMapping.objects.filter(profile_id=profile.pk), changed, removed)
    return sorted(rows, key=lambda row: row.position or sys.maxsize)


def routes_after(profile: ExportProfile, changed: Iterable[Route], removed: Iterable[Route]) -> list[Route]:
    """The same for routes."""
    stored = Route.objects.filter(profile_id=profile.pk).select_related("campaign", "product")
    return _overlaid(stored, changed, removed)


def adopt_mappings(profile: ExportProfile, wanted: Sequence[FieldMapping]) -> None:
    """New rows that stand for stored ones take over their ids, and secrets not typed.

    Which one a row stands for is said by its id, if it has one; else by its export name.
    """
    by_id = {row.pk: row for row in FieldMapping.objects.filter(profile=profile)}
    known = {id(row): by_id.pop(row.pk) for row in wanted if row.pk in by_id}
    by_name: dict[str, list[FieldMapping]] = defaultdict(list)
    for stored in by_id.values():
        by_name[stored.export_name].append(stored)
    for row in wanted:
        validation.tidy(row)
        if id(row) not in known and by_name[row.export_name]:
            known[id(row)] = by_name[row.export_name].pop(0)
    for row in wanted:
        match = known.get(id(row))
        row.pk = match.pk if match is not None else None
        if match is not None and row.is_secret and not row.secret_value:
            row.secret_value = match.secret_value


def adopt_routes(profile: ExportProfile, wanted: Sequence[Route]) -> None:
    """New rows that ask for the same as stored ones take over their ids."""
    stored = {key_of(route): route.pk for route in Route.objects.filter(profile=profile)}
    for route in wanted:
        route.pk = stored.get(key_of(route))


def write_mappings(profile: ExportProfile, rows: Sequence[FieldMapping]) -> bool:
    """Whether anything changed."""
    stored = list(FieldMapping.objects.filter(profile=profile))
    for position, row in enumerate(rows, start=1):
        row.profile, row.position = profile, position
    if [_said(row) for row in rows] == [_said(row) for row in stored]:
        return False
    FieldMapping.objects.filter(profile=profile).delete()
    FieldMapping.objects.bulk_create(rows)
    return True


def write_routes(profile: ExportProfile, rows: Sequence[Route]) -> bool:
    """Whether anything changed. What is new or wider than it was reaches back one day (decision 15)."""
    stored = {route.pk: route for route in Route.objects.filter(profile=profile)}
    reach = timezone.now() - LOOK_BACK
    reaches_back = False
    for row in rows:
        row.profile = profile
        known = stored.get(row.pk)
        if known is not None and not is_wider(row, known):
            row.effective_from = known.effective_from
        else:
            row.effective_from = reach
            reaches_back = True
    if {(row.pk, key_of(row)) for row in rows} == {(row.pk, key_of(row)) for row in stored.values()}:
        return False
    Route.objects.filter(profile=profile).delete()
    Route.objects.bulk_create(rows)
    if reaches_back:  # the events of that day may lie behind the position already
        ExportProfile.objects.filter(pk=profile.pk).update(swept_tx=None, swept_id=None)
        profile.swept_tx = profile.swept_id = None
    return True


def _overlaid(stored: Iterable[Row], changed: Iterable[Row], removed: Iterable[Row]) -> list[Row]:
    changed = list(changed)
    by_id = {row.pk: row for row in changed if row.pk}
    gone = {row.pk for row in removed}
    kept = [by_id.get(row.pk, row) for row in stored if row.pk not in gone]
    return kept + [row for row in changed if not row.pk]


def _said(row: FieldMapping) -> tuple[object, ...]:
    return (row.export_name, row.field, row.static_value, row.is_secret, row.secret_value)
