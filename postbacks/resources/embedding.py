"""What `expands` embeds in `data`: the contact, the location, the stored payment method, what has changed."""

from collections.abc import Callable
from typing import Any

from customers.api.locations import LocationAnswer
from postbacks.resources import payments
from postbacks.resources.contact import contact_of
from postbacks.resources.purchases import fulfillments
from postbacks.resources.reading import Around, Subject

_LOCATION = LocationAnswer()
# As `data` calls the columns that events name, where it calls them otherwise.
_CALLED = {
    ("contact", "external_id"): "contact_api_id",
    ("contact", "header_message_type"): "header_message_type_id",
    ("transaction", "amount"): "transaction_amount",
    ("transactionbatch", "closed_at"): "batch_close_ts",
    ("accountvault", "card_type"): "account_type",
    ("accountvault", "card_bin"): "first_six",
    ("accountvault", "card_last4"): "last_four",
    ("accountvault", "card_expiry"): "exp_date",
    ("accountvault", "card_is_debit"): "is_debit",
    ("accountvault", "card_is_prepaid"): "is_prepaid",
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
    """As it is when the postback is queued."""
    customer = known.customers.get(subject.customer_id or 0)
    return contact_of(customer, known.location(subject)) if customer else None


def _vault(subject: Subject, known: Around) -> dict[str, Any] | None:
    vault = known.vault(subject)
    return payments.vault_of(vault, subject, known) if vault else None


def _location(subject: Subject, known: Around) -> dict[str, Any]:
    said: dict[str, Any] = _LOCATION.to_representation(known.location(subject))
    return said


def _changelogs(subject: Subject, known: Around) -> list[dict[str, Any]]:
    """What this event changed: the columns with their old values, and who did it."""
    change = subject.change
    if change is None or change.at is None:
        return []
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
        "created_ts": int(change.at.timestamp()),
        "action": change.action,
        "model": name,
        "model_id": model_id(subject),
        "user_id": change.by or None,
        "changelog_details": details,
        "user": _user(change.by),
    }
    return [entry]


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


BY_NAME: dict[str, Callable[[Subject, Around], Any]] = {
    "contact": _contact,
    "location": _location,
    "account_vault": _vault,
    "fulfillments": fulfillments,
    "changelogs": _changelogs,
    "tags": _none,
    "account_vault_cau_logs": _none,
}
