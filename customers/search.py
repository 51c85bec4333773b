"""Finding customers by what people know of them, by indexes: an answer at once, however many there are."""

from collections.abc import Iterator

from django.db.models import QuerySet
from django.db.models.functions import Lower

from customers.models import Customer, Location
from customers.services import ascii_lower, digits

MOST_FOUND = 500
FEWEST_DIGITS = 5  # of what may be a phone number

Found = QuerySet[Customer, int]


def found_exactly(term: str) -> list[int]:
    """Ids of the customers with this order number, else external id, e-mail, phone, or id of ours."""
    of_order = Customer.objects.filter(orders__client_order_id=term.upper()).values_list("pk", flat=True)
    searches = [of_order, *_searches(term)]
    return next(
        (found for one in searches if (found := list(one.order_by().distinct()[:MOST_FOUND]))),
        [],
    )


def identified(term: str) -> list[int]:
    """Ids of all whose external id, e-mail, phone or id of ours this is, the newest first."""
    found = {pk for search in _searches(term) for pk in search.order_by()[:MOST_FOUND]}
    return sorted(found, reverse=True)


def _searches(term: str) -> Iterator[Found]:
    pks = Customer.objects.values_list("pk", flat=True)
    here = pks.filter(location__in=Location.objects.values("pk"))  # the indexes start with it
    yield here.filter(external_id=term, deleted_at__isnull=True).exclude(external_id="")
    in_lower_case = {term.lower(), ascii_lower(term)}
    yield here.annotate(lower=Lower("email")).filter(lower__in=in_lower_case).exclude(email="")
    if spellings := _spellings(term):
        yield here.filter(phone_digits__in=spellings).exclude(phone_digits="")
    yield pks.filter(public_id=term.lower())
    if term.isascii() and term.isdigit() and len(term) < 19:
        yield pks.filter(pk=int(term))


def _spellings(term: str) -> set[str]:
    """The digits of a phone number, as they may be stored: with and without the way out of a country.

    People leave out the 1 of North America or write it, write 00 for +, and put a (0) into what is dialled
    from abroad. Nothing for what is no phone number.
    """
    number = digits(term.replace("(0)", ""))
    if len(number) < FEWEST_DIGITS or any(letter.isalpha() for letter in term):
        return set()
    spellings = {digits(term), number, number.removeprefix("00")}
    if len(number) == 10:
        spellings.add(f"1{number}")
    if len(number) == 11 and number.startswith("1"):
        spellings.add(number[1:])
    return spellings
