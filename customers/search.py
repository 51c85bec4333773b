"""Finding customers by what people know of them, by indexes: an answer at once, however many there are."""

from django.db.models import QuerySet
from django.db.models.functions import Lower

from customers.models import Customer, Location
from customers.services import digits

MOST_FOUND = 500


def found_exactly(term: str) -> list[int]:
    """Ids of the customers with this order number, else external id, else e-mail, else phone."""
    return next((found for search in _searches(term) if (found := list(search.distinct()[:MOST_FOUND]))), [])


def _searches(term: str) -> list[QuerySet[Customer, int]]:
    here = Customer.objects.filter(location__in=Location.objects.values("pk"))  # the indexes start with it
    searches = [
        Customer.objects.filter(orders__client_order_id=term.upper()),
        here.filter(external_id=term, deleted_at__isnull=True).exclude(external_id=""),
        here.annotate(lower=Lower("email")).filter(lower=term.lower()).exclude(email=""),
    ]
    if len(digits(term)) >= 5 and not any(letter.isalpha() for letter in term):
        searches.append(here.filter(phone_digits=digits(term)).exclude(phone_digits=""))
    return [search.order_by().values_list("pk", flat=True) for search in searches]
