"""What the browser sends of a profile page: the whole form as it is shown, with what was typed into it."""

from typing import Any

from django.urls import reverse

from exports.models import ExportProfile

SETTINGS = (
    *("name", "type", "url", "delay_minutes", "cadence", "timeout_seconds"),
    *("success_rule", "success_path", "success_value"),
)


def address(name: str, profile: ExportProfile, *more: Any) -> str:
    """Of one of the page's doors; "change" is the page itself."""
    return reverse(f"admin:exports_exportprofile_{name}", args=[profile.pk, *more])


def mapping(export_name: str, field: str, static_value: str = "", **more: Any) -> dict[str, Any]:
    return {"export_name": export_name, "field": field, "static_value": static_value, **more}


def typed(
    profile: ExportProfile, rows: list[dict[str, Any]] | None = None, **settings: Any
) -> dict[str, Any]:
    """The form with these rows instead of the stored ones, which go; without, with the stored ones."""
    sent = {name: getattr(profile, name) for name in SETTINGS} | settings
    if profile.omit_empty:
        sent["omit_empty"] = "on"
    shown: list[dict[str, Any]] = []
    for row in profile.mappings.all():
        one = mapping(row.export_name, row.field, row.static_value, id=row.pk, position=row.position)
        one |= {"is_secret": "on"} if row.is_secret else {}
        shown.append(one | ({} if rows is None else {"DELETE": "on"}))
    stored = len(shown)
    shown += rows or []
    sent |= {"mappings-TOTAL_FORMS": len(shown), "mappings-INITIAL_FORMS": stored}
    for number, row in enumerate(shown):
        sent |= {f"mappings-{number}-{name}": value for name, value in row.items()}
    return sent
