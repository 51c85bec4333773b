"""Writes what came of deliveries, in one transaction: outcomes, attempts, counts, endpoints' health."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from delivery import channels, counts, courtesy, queue, sets, spread
from delivery.counts import Counted
from delivery.courtesy import Tried
from delivery.erasing import deliveries
from delivery.models import Delivery, Endpoint

NOT_TRIED = Tried(was_sent=False)  # something is missing that all of the endpoint's deliveries need


class AttemptRow(NamedTuple):
    """One attempt as it goes on record: the columns of an `Attempt`."""

    delivery_id: str
    number: int
    started_at: datetime
    duration_ms: int
    method: str
    url: str
    request_headers: str
    status: int | None = None
    error: str = ""
    detail: str = ""
    answer_headers: str = ""
    answer: str = ""
    is_answer_cut: bool = False
    remote_address: str = ""
    phases: str = ""
    asked_by: str = ""


@dataclass(slots=True)
class Settlement:
    """What becomes of one claimed delivery. Without an attempt nothing was tried."""

    delivery: Delivery
    state: str
    due_at: datetime | None
    error: str = ""
    detail: str = ""
    attempt: AttemptRow | None = None
    tried: Tried | None = NOT_TRIED  # None: says nothing of its endpoint

    @property
    def is_plain_success(self) -> bool:
        """Whether all that is to be written of its delivery is that it was delivered now."""
        return self.state == "delivered" and self.attempt is not None and self.delivery.finished_at is None


_END_LEASES = """
DELETE FROM delivery_lease WHERE (delivery_id, token) IN (SELECT r.id, r.token FROM {rows})
RETURNING delivery_id, is_erased
"""
# Most are delivered: of them little has to be handed over.
_DONE = """
UPDATE delivery_delivery AS d SET
  state = 'delivered', attempts_made = d.attempts_made + 1, last_error = '', last_detail = '',
  attempts_asked = d.attempts_asked + CASE d.asked_by WHEN '' THEN 0 ELSE 1 END, asked_by = '',
  finished_at = r.finished_at, kept_on = r.kept_on, is_late = FALSE, due_at = NULL
FROM {rows} WHERE d.id = r.id AND d.kept_on IS NULL
"""
_DONE_COLUMNS = {"id": "text", "finished_at": "timestamptz", "kept_on": "date"}
_SETTLE = """
UPDATE delivery_delivery AS d SET
  state = r.state, attempts_made = r.attempts_made, last_error = r.last_error, last_detail = r.last_detail,
  attempts_asked = d.attempts_asked + r.asked,
  asked_by = '', finished_at = r.finished_at, kept_on = r.kept_on, is_late = r.is_late, due_at = r.due_at
FROM {rows} WHERE d.id = r.id AND d.kept_on IS NULL
"""
_SETTLE_COLUMNS = {
    "id": "text",
    "state": "text",
    "attempts_made": "int",
    "asked": "int",
    "last_error": "text",
    "last_detail": "text",
    "due_at": "timestamptz",
    "finished_at": "timestamptz",
    "kept_on": "date",
    "is_late": "boolean",
}


def settle(settlements: Sequence[Settlement]) -> set[str]:
    """Writes outcomes, attempts and the endpoints' health in one transaction; the deliveries written.

    Who lost the lease to another worker writes nothing: the other's outcome stands. What its endpoint
    holds is not due, whatever the settlement says. Of what was erased while it was out only that it was out
    goes on record.
    """
    now = timezone.now()
    with transaction.atomic():
        # Most of the work comes before the endpoints are locked, so that others need not wait for it. Who
        # changes what is queued for them leaves alone what is leased, and so never waits for us in turn.
        leases = [(one.delivery.id, one.delivery.token) for one in settlements]
        ended = dict(sets.run(_END_LEASES, {"id": "text", "token": "text"}, leases))
        ours = [_as_recorded(one, ended[one.delivery.id]) for one in settlements if one.delivery.id in ended]
        done = [(one.delivery.id, now, now.date()) for one in ours if one.is_plain_success]
        if done:
            sets.run(_DONE, _DONE_COLUMNS, done)
        attempts = [one.attempt for one in ours if one.attempt is not None]
        sets.append("delivery_attempt", AttemptRow._fields, attempts)
        endpoints = queue.lock_endpoints({one.delivery.endpoint_id for one in ours})
        held = {pk for pk, endpoint in endpoints.items() if endpoint.is_held}
        rows = [
            _settled_row(one, now, is_held=one.delivery.endpoint_id in held)
            for one in ours
            if not one.is_plain_success
        ]
        if rows:
            sets.run(_SETTLE, _SETTLE_COLUMNS, rows)
        _note_health(endpoints, ours, now)
        counts.add(_counted(ours), now=now)
    return set(ended)


def _as_recorded(one: Settlement, is_erased: bool) -> Settlement:
    """The customer was erased, while it was out or before: that it was is on record, not what was said."""
    if not (is_erased or one.delivery.reason.endswith(deliveries.GOODBYE)):
        return one
    attempt = deliveries.unquoted(one.attempt) if one.attempt is not None else None
    if not is_erased:
        return replace(one, detail="", attempt=attempt)
    if one.state in counts.FINISHED:
        return replace(one, due_at=None, detail="", attempt=attempt)
    error, detail = deliveries.ERASED, deliveries.CANCELLED_DETAIL
    return replace(one, state=counts.CANCELLED, due_at=None, error=error, detail=detail, attempt=attempt)


def _counted(ours: Sequence[Settlement]) -> Iterator[Counted]:
    """Tests are in no count; who was finished before is not finished once more."""
    for one in ours:
        delivery, attempt = one.delivery, one.attempt
        if delivery.is_test:
            continue
        if attempt is not None:
            yield counts.attempt(delivery.channel, attempt.error, attempt.duration_ms / 1000)
            if delivery.event_recorded_at is not None:
                late = attempt.started_at - delivery.event_recorded_at
                yield counts.lag(delivery.channel, late.total_seconds())
        if one.state in counts.FINISHED and not delivery.is_finished:
            yield counts.finished(delivery.channel, one.state, delivery.created_at)


def _settled_row(one: Settlement, now: datetime, *, is_held: bool) -> tuple[object, ...]:
    delivery = one.delivery
    due_at = None if is_held else one.due_at
    is_finished = one.state not in ("pending", "waiting")
    finished_at = (delivery.finished_at or now) if is_finished else None
    made = int(one.attempt is not None)
    asked = made if delivery.asked_by else 0
    return (
        *(delivery.id, one.state, delivery.attempts_made + made, asked, one.error, one.detail),
        *(due_at, finished_at),
        finished_at.date() if finished_at is not None else None,
        not is_finished and (delivery.is_late or one.attempt is not None),
    )


def _note_health(endpoints: Mapping[int, Endpoint], ours: Sequence[Settlement], now: datetime) -> None:
    """What came of them, folded into the endpoints' rows; what waits for one that woke is due now."""
    tried: dict[int, list[Settlement]] = defaultdict(list)
    for one in ours:
        tried[one.delivery.endpoint_id].append(one)
    woken, changed = [], []
    for pk, some in tried.items():
        endpoint = endpoints[pk]
        before = _HEALTH(endpoint)
        may_sleep = channels.channel(endpoint.channel).IS_UNTIL_SUCCESS
        if courtesy.after(endpoint, [one.tried for one in some if one.tried], now=now, may_sleep=may_sleep):
            woken.append(pk)
        if not _is_as_it_was(endpoint, before, now):
            changed.append((pk, now, *_HEALTH(endpoint)))
    if woken:
        queue.bring_forward(woken, now)
    if changed:
        sets.run(spread.SETTLED, spread.SETTLED_COLUMNS, changed)


_HEALTH = attrgetter(*tuple(spread.SETTLED_COLUMNS)[2:])
_A_MOMENT = timedelta(seconds=1)


def _is_as_it_was(endpoint: Endpoint, before: tuple[Any, ...], now: datetime) -> bool:
    """It stands in the line already, and all that is new is one more success a moment after the last."""
    last, *rest = before
    newest, *rest_now = _HEALTH(endpoint)
    return (
        (endpoint.ready_at is not None and endpoint.ready_at <= now)
        and (last is not None and last <= newest < last + _A_MOMENT)
        and rest == rest_now
    )
