"""Contacts, key by key as the documentation's own example has them."""

from datetime import date, datetime
from typing import Any

from customers.models import Customer, Location
from postbacks.resources.reading import Around, Subject

_TEXTS = (
    *("company_name", "first_name", "last_name", "email", "address", "city", "state", "zip"),
    *("home_phone", "cell_phone", "office_phone", "office_ext_phone"),
)


def contact(subject: Subject, known: Around) -> dict[str, Any]:
    return contact_of(subject.row, known.location(subject))


def contact_of(row: Customer, location: Location) -> dict[str, Any]:
    """What is empty is null; until it is changed, it was last changed when it was created."""
    balance, born = row.contact_balance, row.date_of_birth
    return {
        "id": row.public_id,
        "location_id": location.public_id,
        "account_number": row.account_number or None,
        "contact_api_id": row.external_id or None,
        **{name: getattr(row, name) or None for name in _TEXTS},
        "email_trx_receipt": row.email_trx_receipt,
        "created_ts": _seconds(row.created_at),
        "modified_ts": _seconds(row.modified_at or row.created_at),
        "date_of_birth": born.isoformat() if isinstance(born, date) else None,
        "header_message": row.header_message or None,
        "header_message_type_id": row.header_message_type,
        "contact_c1": row.contact_c1 or None,
        "contact_c2": row.contact_c2 or None,
        "contact_c3": row.contact_c3 or None,
        "contact_balance": None if balance is None else f"{balance:.2f}",
    }


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
