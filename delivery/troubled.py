"""Endpoints that do not take what is sent: asleep or failing, with how much waits for them."""

from dataclasses import dataclass
from typing import Any

from django.db.models import IntegerField, OuterRef, Q, QuerySet, Subquery

from delivery.models import Delivery, Endpoint

MOST = 10
MOST_WAITING = 100  # counted no further: a dead endpoint may have a million


class CountOf(Subquery):
    """How many rows a subquery with a limit has."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


@dataclass(frozen=True, slots=True)
class Troubled:
    """An endpoint, how many wait for it (at most MOST_WAITING + 1), and one that was tried in vain."""

    endpoint: Endpoint
    waiting: int
    example_id: str


def waiting_by_endpoint(endpoints: QuerySet[Endpoint]) -> dict[int, int]:
    """How many have not arrived yet, counted no further than MOST_WAITING + 1; one statement."""
    return {one.pk: one.waits for one in _with_waiting(endpoints).order_by()}


def _with_waiting(endpoints: QuerySet[Endpoint]) -> QuerySet[Any]:
    unfinished = Delivery.objects.filter(
        endpoint=OuterRef("pk"), kept_on=None, state__in=["pending", "waiting"]
    )
    return endpoints.annotate(waits=CountOf(unfinished.order_by().values("pk")[: MOST_WAITING + 1]))


def troubled(most: int = MOST) -> list[Troubled]:
    """Those that failed last come first. One statement: endpoints, and by index a look at their queues."""
    tried = Delivery.objects.filter(endpoint=OuterRef("pk"), is_late=True, due_at__isnull=False, kept_on=None)
    found: QuerySet[Any] = _with_waiting(Endpoint.objects.filter(IS_TROUBLED)).annotate(
        example=Subquery(tried.order_by("due_at").values("pk")[:1])
    )
    return [Troubled(one, one.waits, one.example or "") for one in found.order_by("-last_failure_at")[:most]]


IS_TROUBLED = Q(is_held=False) & (Q(asleep_until__isnull=False) | Q(failures_in_a_row__gt=0))
