"""Contacts, key by key as the documentation's own example has them."""

from datetime import date

from postbacks.resources.forms import (
    Read,
    amount,
    column,
    flag,
    location_id,
    moment,
    number,
    seconds,
)
from postbacks.resources.reading import Around, Subject


def _modified(subject: Subject, known: Around) -> int | None:
    """As in the example: when it was created, until it is changed."""
    return seconds(subject.row.modified_at or subject.row.created_at)


def _born(subject: Subject, known: Around) -> str | None:
    born = subject.row.date_of_birth
    return born.isoformat() if isinstance(born, date) else None


KEYS: dict[str, Read] = {
    "id": column("public_id"),
    "location_id": location_id,
    "account_number": column("account_number"),
    "contact_api_id": column("external_id"),
    "company_name": column("company_name"),
    "first_name": column("first_name"),
    "last_name": column("last_name"),
    "email": column("email"),
    "address": column("address"),
    "city": column("city"),
    "state": column("state"),
    "zip": column("zip"),
    "home_phone": column("home_phone"),
    "cell_phone": column("cell_phone"),
    "office_phone": column("office_phone"),
    "office_ext_phone": column("office_ext_phone"),
    "email_trx_receipt": flag("email_trx_receipt"),
    "created_ts": moment("created_at"),
    "modified_ts": _modified,
    "date_of_birth": _born,
    "header_message": column("header_message"),
    "header_message_type_id": number("header_message_type"),
    "contact_c1": column("contact_c1"),
    "contact_c2": column("contact_c2"),
    "contact_c3": column("contact_c3"),
    "contact_balance": amount("contact_balance"),
}
