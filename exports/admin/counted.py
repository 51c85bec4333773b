"""What lists of profiles count: how much waits, and how many routes there are; bounded, in one statement."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import IntegerField, OuterRef, Subquery

from delivery.models import Delivery
from exports.models import ExportProfile, Route

MOST_WAITING = 100  # counted no further: a dead endpoint may have a million


class Counted(NamedTuple):
    """Of one profile."""

    waiting: int = 0
    routes: int = 0

    @property
    def waiting_text(self) -> str:
        """ "1,000+" for more than is counted."""
        return f"{MOST_WAITING:,}+" if self.waiting > MOST_WAITING else f"{self.waiting:,}"


class _CountOf(Subquery):
    """How many rows a subquery with a limit has."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def counted(profile_ids: Iterable[int]) -> dict[int, Counted]:
    """By profile id."""
    waiting = Delivery.objects.filter(
        endpoint=OuterRef("endpoint"), kept_on=None, state__in=["pending", "waiting"]
    )
    routes = Route.objects.filter(profile=OuterRef("pk"))
    found = ExportProfile.objects.filter(pk__in=list(profile_ids)).annotate(
        waits=_CountOf(waiting.order_by().values("pk")[: MOST_WAITING + 1]),
        route_count=_CountOf(routes.order_by().values("pk")),
    )
    rows = found.order_by().values_list("pk", "waits", "route_count")
    return {pk: Counted(waits, route_count) for pk, waits, route_count in rows}
