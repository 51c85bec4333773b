"""Failures grouped by what caused them: one cause, one card, however many deliveries it concerns.

Read from a bounded sample, by indexes: the newest that wait for another try, the newest that failed today,
and one of each endpoint in trouble, so that a large one hides no other.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from delivery.ids import first_id_at
from delivery.models import Delivery, Endpoint
from delivery.transports import ERRORS
from delivery.troubled import Troubled

SAMPLE = 300
MOST = 8
_DAY = timedelta(days=1)


class _Row(NamedTuple):
    pk: str
    endpoint_id: int
    channel: str
    target_id: int
    state: str
    error: str
    detail: str
    created_at: datetime
    finished_at: datetime | None
    is_test: bool


@dataclass(frozen=True, slots=True)
class Cause:
    """What some deliveries to one endpoint failed with. `number`: in the sample; there may be more."""

    endpoint: Endpoint
    channel: str
    target_id: int
    error: str
    text: str
    number: int
    is_bounded: bool
    first_at: datetime  # when the first of them was made
    last_at: datetime
    example_id: str

    @property
    def words(self) -> str:
        """By which the list of deliveries finds them."""
        return self.text if self.error == "status" else self.error


def causes(now: datetime, in_trouble: Sequence[Troubled], most: int = MOST) -> list[Cause]:
    """The newest first; four statements."""
    rows, is_cut = _sample(now, [one.example_id for one in in_trouble if one.example_id])
    grouped: dict[tuple[int, str, str], list[_Row]] = defaultdict(list)
    signatures = {detail: signature(detail) for detail in {row.detail for row in rows}}  # most say the same
    for row in rows:
        grouped[row.endpoint_id, row.error, signatures[row.detail]].append(row)
    endpoints = Endpoint.objects.in_bulk({endpoint_id for endpoint_id, _, _ in grouped})
    found = [
        _cause(some, endpoints[endpoint_id], is_cut)
        for (endpoint_id, _, _), some in grouped.items()
        if endpoint_id in endpoints
    ]
    return sorted(found, key=lambda one: one.last_at, reverse=True)[:most]


_ID = re.compile(r"\b[0-9a-f]{8,}\b")
_NUMBER = re.compile(r"\d+")
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|'[^']*'")
_STATUS = re.compile(r"\d{3}\b")


def signature(detail: str) -> str:
    """What two failures of one cause have in common: the text without its numbers, ids and quotations.

    The status of the answer, which it begins with, stays.
    """
    text = " ".join(detail.casefold().split())[:200]
    status = found[0] if (found := _STATUS.match(text)) else ""
    rest = _QUOTED.sub("“”", text[len(status) :])
    return status + _NUMBER.sub("#", _ID.sub("#", rest))


_COLUMNS = (
    *("pk", "endpoint_id", "channel", "target_id", "state", "last_error", "last_detail"),
    *("created_at", "finished_at", "is_test"),
)


def _sample(now: datetime, examples: Iterable[str]) -> tuple[list[_Row], bool]:
    """The rows, each once, and whether there are more than were looked at."""
    waiting = Q(state="waiting", kept_on=None)
    failed = Q(state="failed", pk__gte=first_id_at(now - _DAY))
    found: dict[str, _Row] = {}
    is_cut = False
    for which in (waiting, failed):
        rows = Delivery.objects.filter(which).order_by("-pk").values_list(*_COLUMNS)[:SAMPLE]
        newest = [_Row(*row) for row in rows]
        is_cut = is_cut or len(newest) == SAMPLE
        found.update({row.pk: row for row in newest})
    others = [pk for pk in examples if pk not in found]
    if others:
        rows = Delivery.objects.filter(pk__in=others, kept_on=None).values_list(*_COLUMNS)
        found.update({row[0]: _Row(*row) for row in rows})
    return [row for row in found.values() if row.error and not row.is_test], is_cut


def _cause(rows: Sequence[_Row], endpoint: Endpoint, is_cut: bool) -> Cause:
    newest = max(rows, key=lambda row: row.pk)
    last_at = max(row.finished_at or row.created_at for row in rows)
    if endpoint.last_failure_at is not None and endpoint.last_error == newest.error:
        last_at = max(last_at, endpoint.last_failure_at)
    return Cause(
        endpoint=endpoint,
        channel=newest.channel,
        target_id=newest.target_id,
        error=newest.error,
        text=newest.detail or ERRORS.get(newest.error, newest.error),
        number=len(rows),
        is_bounded=is_cut,
        first_at=min(row.created_at for row in rows),
        last_at=last_at,
        example_id=newest.pk,
    )
