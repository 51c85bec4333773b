"""A profile as the audit log keeps it: everything that makes it up, its secrets aside."""

from collections.abc import Collection, Sequence
from typing import Any

from delivery.secrets import MASK
from exports.models import STATIC, ExportProfile, FieldMapping, Route

# What staff set, and what an undo takes back: neither on and off nor the PCI documentation.
SETTINGS = (
    *("name", "type", "url", "delay_minutes", "cadence", "timeout_seconds", "omit_empty"),
    *("success_rule", "success_path", "success_value"),
)


def snapshot(profile: ExportProfile, *, changed_secrets: Collection[int] = ()) -> dict[str, Any]:
    """As it is stored now. No secret is read for it, so none can get into it.

    `changed_secrets`: ids of the mappings that are to say so.
    """
    stored = ExportProfile.objects.select_related("pci_approved_by").get(pk=profile.pk)
    mappings = stored.mappings.defer("secret_value")
    routes = stored.routes.select_related("campaign", "product")
    approved_by, approved_at = stored.pci_approved_by, stored.pci_approved_at
    return {
        "version": stored.version,
        **{name: getattr(stored, name) for name in SETTINGS},
        "is_active": stored.is_active,
        "pci_document": stored.pci_document.name or "",
        "pci_approved_by": approved_by.get_username() if approved_by is not None else "",
        "pci_approved_at": approved_at.isoformat(timespec="seconds") if approved_at is not None else "",
        "mappings": [_mapping(row, is_changed=row.pk in changed_secrets) for row in mappings],
        "routes": [_route(row) for row in routes],
    }


def changed_secrets(profile: ExportProfile, mappings: Sequence[FieldMapping]) -> set[int]:
    """Ids of the stored mappings whose secret will be another one; asked before they are written."""
    wanted = {row.pk: row.secret_value for row in mappings if row.pk and row.is_secret}
    stored = FieldMapping.objects.filter(profile_id=profile.pk, pk__in=wanted, is_secret=True)
    return {row.pk for row in stored if row.secret_value != wanted[row.pk]} if wanted else set()


def _mapping(row: FieldMapping, *, is_changed: bool) -> dict[str, Any]:
    value = MASK if row.is_secret else row.static_value
    said = f"{row.field}: {value}" if row.field == STATIC else row.field
    return {
        "id": row.pk,
        "text": f"{row.export_name} ← {said}",
        **({"note": "secret changed"} if is_changed else {}),
        "export_name": row.export_name,
        "field": row.field,
        "static_value": "" if row.is_secret else row.static_value,
        "is_secret": row.is_secret,
    }


def _route(row: Route) -> dict[str, Any]:
    return {
        "id": row.pk,
        "text": str(row),
        "customer_type": row.customer_type,
        "campaign_id": row.campaign_id,
        "campaign": row.campaign.name if row.campaign is not None else None,
        "product_id": row.product_id,
        "product": row.product.name if row.product is not None else None,
    }
