"""Lists in the order of ids over rows that lie in several parts of a table: some locations, some endpoints.

An index that begins with the part and goes on with the id gives the next rows of one part at once. Of
several parts each is asked for its next few, in one statement, and these are put in order: a page costs the
same wherever it is, and however many rows belong to others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery


class _Each(Subquery):
    """Every row of the subquery as a row of its own. PostgreSQL only."""

    template = "unnest(ARRAY(%(subquery)s))"


@dataclass(frozen=True, slots=True)
class Walk:
    """Where the rows of a list lie: those whose `column` is the key of one of the `parts`."""

    rows: QuerySet[Any]  # filtered, but for the parts
    parts: QuerySet[Any]
    column: str

    def next_keys(self, bound: Mapping[str, Any], order: str, size: int) -> list[Any]:
        """The keys of the next rows, at most so many, in that order."""
        of_one = self.rows.filter(**{self.column: OuterRef("pk")}, **bound)
        of_one = of_one.select_related(None).prefetch_related(None).order_by(order).values("pk")[:size]
        found = self.parts.order_by().annotate(found=_Each(of_one)).values_list("found", flat=True)
        return list(found.order_by(order.replace("pk", "found"))[:size])


def is_possible() -> bool:
    """SQLite looks at the ids in their order instead, of whomever they are."""
    return connection.vendor == "postgresql"
