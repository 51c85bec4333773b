"""Finding orders by their numbers, by indexes: an answer at once, however many there are."""

from collections.abc import Iterator

from django.db.models import QuerySet

from customers import search
from customers.models import Location
from orders.models import Order

MOST_FOUND = 500

Found = QuerySet[Order, int]


def found_exactly(term: str) -> list[int]:
    """Ids of the orders with this number, else external id, else of the customers who are called so."""
    found = next((found for one in _searches(term) if (found := list(one[:MOST_FOUND]))), [])
    return found or of_customers(search.found_exactly(term), MOST_FOUND)


def numbered(term: str) -> list[int]:
    """Ids of all orders whose number, external id or numeric id this is."""
    return sorted({pk for one in _searches(term) for pk in one[:MOST_FOUND]}, reverse=True)


def of_customers(customer_ids: list[int], most: int) -> list[int]:
    """The newest orders of these customers."""
    if not customer_ids:
        return []
    found = Order.objects.filter(customer__in=customer_ids).order_by("-pk")
    return list(found.values_list("pk", flat=True)[:most])


def _searches(term: str) -> Iterator[Found]:
    pks = Order.objects.order_by().values_list("pk", flat=True)
    here = pks.filter(location__in=Location.objects.values("pk"))  # the index starts with it
    yield pks.filter(client_order_id=term.upper())
    yield here.filter(external_order_id=term).exclude(external_order_id="")
    if term.isascii() and term.isdigit() and len(term) < 19:
        yield pks.filter(pk=int(term))
