"""What `expands` embeds in `data`: the contact, the location, the stored payment method, what has changed."""

from collections.abc import Mapping
from typing import Any

from delivery import snapshots
from postbacks.resources import contact, payments
from postbacks.resources.forms import Read, seconds
from postbacks.resources.reading import Around, Subject

# As `data` calls the columns that events name, where it calls them otherwise.
_CALLED = {
    ("contact", "external_id"): "contact_api_id",
    ("contact", "header_message_type"): "header_message_type_id",
    ("transaction", "amount"): "transaction_amount",
}
MODEL_NAMES = {
    "contact": "Contact",
    "transaction": "Transaction",
    "transactionbatch": "TransactionBatch",
    "accountvault": "AccountVault",
    "order": "Order",
    "subscription": "Subscription",
}


def _contact(subject: Subject, known: Around) -> dict[str, Any] | None:
    customer = known.customer(subject)
    return _as("contact", customer, contact.KEYS, subject, known) if customer else None


def _vault(subject: Subject, known: Around) -> dict[str, Any] | None:
    vault = known.vault(subject)
    return _as("accountvault", vault, payments.VAULT, subject, known) if vault else None


def _as(resource: str, row: Any, keys: Mapping[str, Read], beside: Subject, known: Around) -> dict[str, Any]:
    """Another resource, in its own keys, as it is now."""
    values = snapshots.taken(row)
    subject = Subject(resource, values, beside.location_id, beside.customer_id, beside.order_id)
    return {key: read(subject, known) for key, read in keys.items()}


def _location(subject: Subject, known: Around) -> dict[str, Any]:
    location = known.location(subject)
    return {"id": location.public_id, "name": location.name, "tz": location.time_zone}


def _changelogs(subject: Subject, known: Around) -> list[dict[str, Any]]:
    """What this event changed: the columns with their old values, and who did it."""
    change = subject.change
    log_id, name = f"{change.id:024x}", MODEL_NAMES[subject.resource]
    details = [
        {
            "id": f"{log_id}{place:04x}",
            "changelog_id": log_id,
            "field": _called(subject.resource, column),
            "old_value": value,
        }
        for place, (column, value) in enumerate(change.old.items())
    ]
    entry = {
        "id": log_id,
        "created_ts": seconds(change.at),
        "action": change.action,
        "model": name,
        "model_id": model_id(subject),
        "user_id": change.by or None,
        "changelog_details": details,
        "user": _user(change.by),
    }
    return [entry] if change.id else []


def _called(resource: str, column: str) -> str:
    ending = f"{column.removesuffix('_at')}_ts" if column.endswith("_at") else column
    return _CALLED.get((resource, column), ending)


def _user(by: str) -> dict[str, Any]:
    """Who did it, as events name people and programs: `admin:jane`."""
    return {"id": by or None, "username": by.partition(":")[2] or by, "first_name": None, "last_name": None}


def _none(subject: Subject, known: Around) -> list[Any]:
    """What others may ask for, and a store has none of."""
    return []


def model_id(subject: Subject) -> str:
    """The public id of the resource: the first key of its data."""
    by_column = {"order": "client_order_id", "subscription": "client_purchase_id"}
    return str(subject.values.get(by_column.get(subject.resource, "public_id"), ""))


BY_NAME: dict[str, Read] = {
    "contact": _contact,
    "location": _location,
    "account_vault": _vault,
    "changelogs": _changelogs,
    "tags": _none,
    "account_vault_cau_logs": _none,
}
