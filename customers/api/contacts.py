"""`/v2/contacts`: customers, by the name that integrators know them by (reference §2.5)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Lower
from rest_framework import serializers

from customers import services
from customers.api.locations import LocationAnswer
from customers.api.references import LocationReference
from customers.models import Customer
from delivery.models import Event
from rest.errors import Gone, invalid
from rest.fields import Amount, Day, Flag, Moment, Money, Said, Text
from rest.filters import Span, text, text_in_any_case
from rest.resources import Resource
from rest.serializers import Input

MOST_NOTES = 1000  # in one answer
PHONE = {"pattern": "[0-9]{10}", "shape": "10 digits"}
EMAIL = {"pattern": r"[^@\s]+@[^@\s]+", "shape": "an e-mail address"}
ZIP = {"pattern": "[0-9A-Za-z -]+", "shape": "letters, digits, spaces and dashes"}


class ContactAnswer(serializers.Serializer):
    """In the order of keys of reference §2.4. Values from other doors may be longer than this one takes."""

    id = serializers.CharField(source="public_id")
    location_id = serializers.CharField(source="location.public_id")
    account_number = Said()
    contact_api_id = Said(source="external_id")
    company_name = Said()
    first_name = Said()
    last_name = Said()
    email = Said()
    address = Said()
    city = Said()
    state = Said()
    zip = Said()
    home_phone = Said()
    cell_phone = Said()
    office_phone = Said()
    office_ext_phone = Said()
    email_trx_receipt = serializers.BooleanField()
    created_ts = Moment(source="created_at")
    modified_ts = Moment(source="modified_at")
    date_of_birth = serializers.DateField(allow_null=True)
    header_message = Said()
    header_message_type_id = serializers.IntegerField(source="header_message_type")
    contact_c1 = Said()
    contact_c2 = Said()
    contact_c3 = Said()
    contact_balance = Money()
    header_message_type = serializers.IntegerField()


class ContactFields(Input):
    """What both a new contact and a change may carry."""

    system_fields = frozenset({"id", "created_ts", "modified_ts"})

    last_name = Text(1, 64)
    first_name = Text(0, 64, required=False)
    company_name = Text(0, 64, required=False)
    account_number = Text(0, 32, required=False)
    contact_api_id = Text(0, 36, required=False, source="external_id")
    email = Text(5, 64, required=False, **EMAIL)
    email_trx_receipt = Flag(required=False)
    address = Text(0, 255, required=False)
    city = Text(0, 100, required=False)
    state = Text(2, 2, required=False)
    zip = Text(4, 12, required=False, **ZIP)
    home_phone = Text(10, 10, required=False, **PHONE)
    cell_phone = Text(10, 10, required=False, **PHONE)
    office_phone = Text(10, 10, required=False, **PHONE)
    office_ext_phone = Text(0, 10, required=False)
    date_of_birth = Day(required=False)
    header_message = Text(0, 250, required=False)
    # Both names are in use; of two that disagree the second stands.
    header_message_type_id = serializers.IntegerField(
        required=False, source="header_message_type", min_value=0, max_value=4
    )
    header_message_type = serializers.IntegerField(required=False, min_value=0, max_value=4)
    contact_balance = Amount(required=False, most=12)
    contact_c1 = Text(0, 128, required=False)
    contact_c2 = Text(0, 128, required=False)
    contact_c3 = Text(0, 128, required=False)


class ContactRequest(ContactFields):
    """A new contact."""

    location_id = LocationReference(source="location")
    update_if_exists = Flag(required=False)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("update_if_exists") and not values.get("external_id"):
            why = "Contact Api Id cannot be blank with update_if_exists."
            raise serializers.ValidationError({"contact_api_id": [why]})
        return values


class ContactChangeRequest(ContactFields):
    """Any of the fields; those that are not sent stay as they are."""

    location_id = LocationReference(required=False, source="location")


class Contacts(Resource):
    singular = "contact"
    plural = "contacts"
    about = "Customers. Values that came in by other doors may be longer than this one accepts."
    answer = ContactAnswer
    creates = ContactRequest
    changes = ContactChangeRequest
    refusals = (services.ContactRefused,)
    filters = {
        "contact_api_id": text("external_id"),
        "email": text_in_any_case("lower_email", of="email"),
        **{
            name: text(name)
            for name in (
                *("account_number", "company_name", "first_name", "last_name", "city", "state", "zip"),
                *("home_phone", "cell_phone", "office_phone", "contact_c1", "contact_c2", "contact_c3"),
            )
        },
        "created_ts": Span("created_at"),
        "modified_ts": Span("modified_at"),
    }
    sorts = {
        "created_ts": "created_at",
        "modified_ts": "modified_at",
        "contact_api_id": "external_id",
        **{name: name for name in ("account_number", "company_name", "first_name", "last_name", "email")},
    }

    def rows(self) -> QuerySet[Customer]:
        return Customer.objects.select_related("location").alias(lower_email=Lower("email"))

    def listed(self, rows: QuerySet[Customer]) -> QuerySet[Customer]:
        return rows.filter(deleted_at__isnull=True)

    def is_gone(self, row: Customer) -> bool:
        return row.deleted_at is not None

    def make(self, values: dict[str, Any]) -> Customer:
        location, is_upsert = values.pop("location"), values.pop("update_if_exists", False)
        write = services.update_or_create if is_upsert else services.create
        with _named():
            return write(location, by=self.caller.by, **values)

    def change(self, row: Customer, values: dict[str, Any]) -> Customer:
        values.pop("location", None)
        with _named():
            return services.update(row, by=self.caller.by, **values)

    def remove(self, row: Customer) -> None:
        with _named():
            services.delete(row, by=self.caller.by)


@contextmanager
def _named() -> Iterator[None]:
    """Refusals of the domain that have a status or a field of their own here."""
    try:
        yield
    except services.ExternalIdTaken:
        raise invalid("contact_api_id", "Contact Api Id has already been taken.") from None
    except services.CustomerGone:
        raise Gone("This contact was deleted.") from None
    except services.ContactBusy as busy:
        raise Gone(str(busy)) from None


def _locations(contacts: Sequence[Customer]) -> dict[Any, Any]:
    return {contact.pk: LocationAnswer(contact.location).data for contact in contacts}


def _notes(contacts: Sequence[Customer]) -> dict[Any, Any]:
    """Agents' notes, newest first."""
    found: dict[Any, list[dict[str, Any]]] = {contact.pk: [] for contact in contacts}
    events = Event.objects.filter(customer__in=list(found), type="note.added").order_by("-id")[:MOST_NOTES]
    for event in events:
        note = {"id": event.pk, "note": event.data.get("text", ""), "created_user": {"username": event.by}}
        found[event.customer_id].append({**note, "created_ts": int(event.occurred_at.timestamp())})
    return found


def _creators(contacts: Sequence[Customer]) -> dict[Any, Any]:
    """Who made each contact, as events name people and programs."""
    made = Event.objects.filter(customer__in=[one.pk for one in contacts], type="contact.created")
    return {pk: {"username": by} for pk, by in made.values_list("customer_id", "by")}


Contacts.expansions = {
    "location": _locations,
    "notes": _notes,
    "created_user": _creators,
    "user": _creators,
}
