"""What is left of a customer who was erased: the row, without a name (see `customers.erasing`)."""

from collections.abc import Mapping
from copy import copy
from typing import Any

from django.utils import timezone

from customers.models import Customer
from customers.services import digits, snapshot
from delivery import events
from delivery.erasing import emptied
from delivery.events import Happening

FEWEST = 4  # characters: what is shorter stands in many texts by chance
# What is there when a customer was erased. What stays: ids of ours, the location, when it was.
EMPTIED: Mapping[str, Any] = {
    **dict.fromkeys(
        (
            *("external_id", "account_number", "company_name", "first_name", "last_name", "email"),
            *("address", "address2", "city", "state", "zip", "country"),
            *("home_phone", "cell_phone", "office_phone", "office_ext_phone", "phone_digits"),
            *("header_message", "contact_c1", "contact_c2", "contact_c3"),
        ),
        "",
    ),
    **{"email_trx_receipt": False, "date_of_birth": None, "header_message_type": 0},
    **{"contact_balance": None, "custom_fields": {}, "has_generated_data": False},
}


def empty(customer: Customer, *, is_told: bool, by: str) -> None:
    """Empties the row, which the caller has locked: a tombstone without a name.

    `is_told` tells partners that the customer was deleted: by its ids, all else being empty.
    """
    ids = {"id": customer.public_id, "external_id": customer.external_id if _is_an_id(customer) else ""}
    for name, value in EMPTIED.items():
        setattr(customer, name, copy(value))
    now = timezone.now()
    customer.deleted_at = customer.deleted_at or now
    customer.erase_requested_at = now
    customer.save()
    if is_told:
        data = {**snapshot(customer), **{name: value for name, value in ids.items() if value}, "erased": True}
        events.record(Happening("contact.deleted", customer.location_id, customer.pk, None, data), by=by)


def empty_again(customer_id: int) -> int:
    """The same for a row that is being erased, should somebody have filled it meanwhile; how many."""
    under_way = Customer.objects.filter(pk=customer_id, erase_requested_at__isnull=False)
    return emptied(under_way, EMPTIED)


def finish_erasing(customer_id: int) -> None:
    """Nothing of the person is left."""
    under_way = Customer.objects.filter(pk=customer_id, erase_requested_at__isnull=False, erased_at=None)
    under_way.update(erased_at=timezone.now())


def _is_an_id(customer: Customer) -> bool:
    """Whether the client's own id names nobody: no address, and nothing in it that says who it is."""
    said = customer.external_id.casefold()
    names = (customer.first_name, customer.last_name, customer.company_name, customer.email)
    number = customer.phone_digits
    known = [name.casefold() for name in names if len(name) >= FEWEST] + [number] * (len(number) > FEWEST)
    return "@" not in said and not any(one in said or one in digits(said) for one in known)
