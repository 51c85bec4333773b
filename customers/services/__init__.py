"""The only writer of customers: each change with its event, in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.utils import timezone

from customers import identities
from customers.models import Customer, Location
from delivery import events, sets, snapshots, texts
from delivery.events import Happening

_EXTERNAL_ID_INDEX = "customer_external_id"
_TRIES = 5

CONTACT_FIELDS = (
    "external_id",
    "account_number",
    "company_name",
    "first_name",
    "last_name",
    "email",
    "address",
    "address2",
    "city",
    "state",
    "zip",
    "country",
    "home_phone",
    "cell_phone",
    "office_phone",
    "office_ext_phone",
    "email_trx_receipt",
    "date_of_birth",
    "header_message",
    "header_message_type",
    "contact_c1",
    "contact_c2",
    "contact_c3",
    "contact_balance",
    "custom_fields",
)


class ContactRefused(ValueError):
    """A change of a customer that is not possible; the message says why, for people."""


class CustomerGone(ContactRefused):
    """The customer was deleted."""


class ContactBusy(ContactRefused):
    """Others make, change and delete it at the same moment, again and again."""


class ExternalIdTaken(ContactRefused):
    """Another customer of the location is called so already."""


def only_location(name: str | None = None) -> Location:
    """The location called `name`; without a name the only one there is, made if there is none yet.

    Raises ContactRefused if there are several and none is named, or none is called so.
    """
    found = list(Location.objects.filter(**({"name": name} if name else {}))[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise ContactRefused("There are several locations: name one.")
    if name:
        raise ContactRefused(f"There is no location called “{name}”.")
    return Location.objects.create(name="Main store")


def take_in(
    location: Location,
    people: Sequence[Mapping[str, Any]],
    *,
    by: str,
    at: Sequence[datetime] | None = None,
    quiet: bool = False,
) -> list[Customer]:
    """The customer of each person (a mapping with CONTACT_FIELDS), found or made, in the same order.

    Found by external id, else by e-mail without regard to case, else by the digits of the phone
    (decision 6); who is found stays as he is. Of two that take in the same new person at once the second
    waits, and finds him. A bounded number of statements, however many people.
    Raises ContactRefused, and takes nobody in, if a text of one of them cannot be stored.
    """
    for person in people:
        _check_texts(person)
    try:
        return _taken_in(location, people, by=by, at=at, quiet=quiet)
    except IntegrityError as error:
        if _EXTERNAL_ID_INDEX not in str(error):
            raise
    # Another transaction has made one of them since it was looked for: now that one is found.
    return _taken_in(location, people, by=by, at=at, quiet=quiet)


def create(location: Location, *, by: str, **fields: Any) -> Customer:
    """A new customer, whoever else is like it. Raises ContactRefused for what cannot be stored."""
    _check_texts(fields)
    with transaction.atomic():
        customer = _made(location, fields, timezone.now())
        _check_external_id(customer)
        with _external_id_kept(customer):
            sets.create([customer])
        events.record(Happening("contact.created", location.pk, customer.pk, None, snapshot(customer)), by=by)
    return customer


def update_or_create(location: Location, *, external_id: str, by: str, **fields: Any) -> Customer:
    """The customer with this external id, changed by the fields; a new one if there is none.

    Of two calls at once one creates and the other changes. Raises ContactRefused as these do, and
    ContactBusy if whoever it finds has been deleted or made each time before it could act.
    """
    fields["external_id"] = external_id
    known = Customer.objects.filter(location=location, external_id=external_id, deleted_at__isnull=True)
    for _ in range(_TRIES):
        customer = known.first()
        try:
            return (
                create(location, by=by, **fields) if customer is None else update(customer, by=by, **fields)
            )
        except CustomerGone:  # since it was found
            continue
        except ExternalIdTaken:
            if customer is not None:
                raise
    raise ContactBusy("This contact is changed by others at the same moment. Send it again.")


def update(customer: Customer, *, by: str, **fields: Any) -> Customer:
    """Changes the given fields; records what they were. Nothing changed, nothing recorded.

    Raises ContactRefused for a customer that was deleted, and for what cannot be stored.
    """
    _check_texts(fields)
    with transaction.atomic():
        customer = _locked(customer)
        before = {name: getattr(customer, name) for name in fields}
        for name, value in fields.items():
            setattr(customer, name, value)
        _tidy(customer)
        changed = [name for name in fields if getattr(customer, name) != before[name]]
        if "external_id" in changed:
            _check_external_id(customer)
        if changed:
            customer.modified_at = timezone.now()
            with _external_id_kept(customer):
                customer.save()
            old = {name: snapshots.plain(before[name]) for name in changed}
            data = {**snapshot(customer), "fields": ", ".join(changed), "old": old}
            events.record(Happening("contact.updated", customer.location_id, customer.pk, None, data), by=by)
    return customer


def delete(customer: Customer, *, by: str) -> Customer:
    """Leaves a tombstone: the row stays for its history, and says that it is gone."""
    with transaction.atomic():
        customer = _locked(customer)
        customer.deleted_at = timezone.now()
        customer.save()
        events.record(
            Happening("contact.deleted", customer.location_id, customer.pk, None, snapshot(customer)), by=by
        )
    return customer


def add_note(customer: Customer, text: str, *, by: str) -> None:
    """An agent's note in the history.

    Raises ContactRefused for an empty one, for what is no text, and for a customer that was deleted.
    """
    fault = texts.fault_of("note", text, None) if text.strip() else "The note is empty."
    if fault:
        raise ContactRefused(fault)
    with transaction.atomic():
        customer = _locked(customer)
        happening = Happening(
            "note.added", customer.location_id, customer.pk, None, {"text": text.strip()[:4000]}
        )
        events.record(happening, by=by)


def snapshot(customer: Customer) -> dict[str, Any]:
    """The customer as it is now, for the event that tells of it: names of columns to plain JSON values."""
    names = (*CONTACT_FIELDS, "created_at", "modified_at")
    fields = {name: snapshots.plain(getattr(customer, name)) for name in names}
    return {
        "id": customer.public_id,
        **{name: value for name, value in fields.items() if value not in ("", None, {})},
    }


def digits(phone: str) -> str:
    """A phone number as it is compared: its digits only."""
    return "".join(letter for letter in phone if letter.isdigit())[:40]


class _Known:
    """The customers that people of one batch may turn out to be, read in three statements."""

    KINDS = ("external_id", "email", "phone")

    def __init__(self, location: Location, people: Sequence[Mapping[str, Any]]) -> None:
        self._location, self._by = location, dict[tuple[str, str], Customer]()
        self.look_for(people)

    def look_for(self, people: Sequence[Mapping[str, Any]]) -> None:
        wanted: dict[str, set[str]] = {kind: set() for kind in self.KINDS}
        for person in people:
            for kind, value in _keys(person):
                wanted[kind].add(value)
        here = Customer.objects.filter(location=self._location, deleted_at__isnull=True).order_by("id")
        emails = wanted["email"] | {ascii_lower(str(person.get("email") or "").strip()) for person in people}
        found = [
            here.filter(external_id__in=wanted["external_id"]) if wanted["external_id"] else [],
            here.annotate(lower=Lower("email")).filter(lower__in=emails) if wanted["email"] else [],
            here.filter(phone_digits__in=wanted["phone"]) if wanted["phone"] else [],
        ]
        for customers in found:
            for customer in customers:
                self.add(customer)

    def add(self, customer: Customer) -> None:
        """Of several that share a key the oldest stands."""
        for key in _keys({name: getattr(customer, name) for name in CONTACT_FIELDS}):
            self._by.setdefault(key, customer)

    def find(self, person: Mapping[str, Any]) -> Customer | None:
        external_id = person.get("external_id") or ""
        for key in _keys(person):
            found = self._by.get(key)
            # Whom the client calls by another id is another person, whatever they share.
            if found and (not external_id or found.external_id in ("", external_id)):
                return found
        return None


def _taken_in(
    location: Location,
    people: Sequence[Mapping[str, Any]],
    *,
    by: str,
    at: Sequence[datetime] | None,
    quiet: bool,
) -> list[Customer]:
    with transaction.atomic():
        known = _known(location, people)
        result, new, happenings = [], [], []
        now = timezone.now()
        for index, person in enumerate(people):
            customer = known.find(person)
            if customer is None:
                customer = _made(location, person, at[index] if at else now)
                known.add(customer)
                new.append(customer)
            result.append(customer)
        sets.create(new)
        for customer in new:
            happenings.append(
                Happening(
                    "contact.created",
                    location.pk,
                    customer.pk,
                    None,
                    snapshot(customer),
                    occurred_at=customer.created_at,
                )
            )
        if happenings:
            events.record_many(happenings, by=by, quiet=quiet)
    return result


def _known(location: Location, people: Sequence[Mapping[str, Any]]) -> _Known:
    """Who is there; whoever is not will not be made by another until the transaction ends."""
    if len(people) * len(_Known.KINDS) > identities.MOST:
        identities.lock_all(location.pk)
        return _Known(location, people)
    known = _Known(location, people)
    strangers = [person for person in people if known.find(person) is None]
    if strangers:
        identities.lock(location.pk, [key for person in strangers for key in _keys(person)])
        known.look_for(strangers)
    return known


def _keys(person: Mapping[str, Any]) -> list[tuple[str, str]]:
    phone = person.get("cell_phone") or person.get("home_phone") or person.get("office_phone") or ""
    keys = [
        ("external_id", str(person.get("external_id") or "")),
        ("email", str(person.get("email") or "").strip().lower()),
        ("phone", digits(str(phone))),
    ]
    return [key for key in keys if key[1]]


def ascii_lower(text: str) -> str:
    """As SQLite lowers it, and PostgreSQL in the C locale: letters beyond ASCII stay."""
    return text.encode().lower().decode()


def _made(location: Location, fields: Mapping[str, Any], at: datetime) -> Customer:
    customer = sets.new(Customer, location=location, created_at=at, **fields)
    _tidy(customer)
    return customer


def _check_texts(fields: Mapping[str, Any]) -> None:
    fault = texts.fault_in(Customer, fields)
    if fault:
        raise ContactRefused(fault)


def _tidy(customer: Customer) -> None:
    customer.email = customer.email.strip()
    customer.phone_digits = digits(customer.phone)


def _check_external_id(customer: Customer) -> None:
    """The id is the client's own name for a person: it cannot name two at a time."""
    others = Customer.objects.filter(location=customer.location_id, deleted_at__isnull=True).exclude(
        pk=customer.pk
    )
    if customer.external_id and others.filter(external_id=customer.external_id).exists():
        raise _taken(customer)


def _taken(customer: Customer) -> ExternalIdTaken:
    return ExternalIdTaken(f"There is a customer with the external id “{customer.external_id}” already.")


@contextmanager
def _external_id_kept(customer: Customer) -> Iterator[None]:
    """Another transaction may have taken the id since it was looked at: then the index says so."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if _EXTERNAL_ID_INDEX not in str(error):
            raise
        raise _taken(customer) from None


def _locked(customer: Customer) -> Customer:
    found = Customer.objects.select_for_update().filter(pk=customer.pk).first()
    if found is None or found.deleted_at:
        raise CustomerGone("This customer was deleted.")
    return found
