"""The queue is the delivery table: put in, claim a batch, settle a batch, hold and release."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from delivery import sets, waking
from delivery.ids import new_id
from delivery.models import Attempt, Delivery, Endpoint

BATCH = 500
_PUT_COLUMNS = (
    *("id", "event_id", "channel", "target_id", "target_name", "target_version", "reason", "endpoint_id"),
    *("content", "is_test", "state", "attempts_made", "due_at", "lease", "asked_by"),
    *("last_error", "last_detail", "created_at"),
)
_UNFINISHED = Q(state__in=[Delivery.State.PENDING, Delivery.State.WAITING])


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery to be queued; due at once."""

    id: str
    event_id: int | None
    channel: str
    target_id: int
    target_name: str
    target_version: int
    reason: str
    endpoint_id: int
    content: str
    is_test: bool = False


def put(deliveries: Sequence[NewDelivery], *, now: datetime) -> None:
    """Queues deliveries in the caller's transaction; a set statement."""
    rows = [
        (
            one.id,
            one.event_id,
            one.channel,
            one.target_id,
            one.target_name,
            one.target_version,
            one.reason,
            one.endpoint_id,
            one.content,
            one.is_test,
            "pending",
            0,
            now,
            *("", "", "", ""),
            now,
        )
        for one in deliveries
    ]
    sets.append("delivery_delivery", _PUT_COLUMNS, rows)


def claim(limit: int) -> list[Delivery]:
    """Up to `limit` due deliveries, ours until the lease ends; one statement, safe beside other workers."""
    now = timezone.now()
    lease = new_id()
    picked = "SELECT id FROM delivery_delivery WHERE due_at <= %s ORDER BY due_at LIMIT %s"
    if connection.vendor == "postgresql":
        picked += " FOR UPDATE SKIP LOCKED"
    # Materialized: run once. A plan that ran it again for each row would pass the limit.
    columns = ", ".join(f"d.{field.column}" for field in Delivery._meta.concrete_fields)
    sql = (
        f"WITH picked AS MATERIALIZED ({picked}) "  # noqa: S608 (names are our own)
        "UPDATE delivery_delivery AS d SET lease = %s, due_at = %s WHERE d.id IN (SELECT id FROM picked) "
        f"RETURNING {columns.replace('d.', '') if connection.vendor == 'sqlite' else columns}"
    )
    return list(Delivery.objects.raw(sql, [now, limit, lease, lease_end(now)]))


def lease_end(now: datetime) -> datetime:
    """When what is claimed now becomes due again, if its worker does not say otherwise."""
    return now + timedelta(seconds=settings.POSTRIDER_LEASE_SECONDS)


def renew(deliveries: Collection[Delivery]) -> None:
    """Keeps what is in hand."""
    _still_ours(deliveries).update(due_at=lease_end(timezone.now()))


def give_back(deliveries: Collection[Delivery]) -> None:
    """What was claimed and not begun is due for whoever comes."""
    _still_ours(deliveries).update(due_at=timezone.now(), lease="")


def _still_ours(deliveries: Collection[Delivery]) -> QuerySet[Delivery]:
    """Whatever was taken over by others meanwhile has another lease by now."""
    leases = {delivery.lease for delivery in deliveries}
    return Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries], lease__in=leases)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of one claimed delivery. Without an attempt nothing was tried."""

    delivery: Delivery
    state: str
    due_at: datetime | None
    error: str = ""
    detail: str = ""
    attempt: Attempt | None = None


_SETTLE = """
UPDATE delivery_delivery AS d SET
  state = r.state, attempts_made = r.attempts_made, last_error = r.last_error, last_detail = r.last_detail,
  lease = '', asked_by = '', finished_at = r.finished_at,
  due_at = CASE WHEN (SELECT e.is_held FROM delivery_endpoint e WHERE e.id = d.endpoint_id)
           THEN NULL ELSE r.due_at END
FROM {rows} WHERE d.id = r.id AND d.lease = r.lease
RETURNING id
"""
_SETTLE_COLUMNS = {
    "id": "text",
    "lease": "text",
    "state": "text",
    "attempts_made": "int",
    "last_error": "text",
    "last_detail": "text",
    "due_at": "timestamptz",
    "finished_at": "timestamptz",
}
_ATTEMPT_COLUMNS = tuple(
    str(field.column) for field in Attempt._meta.concrete_fields if not field.primary_key
)


def settle(settlements: Sequence[Settlement]) -> set[str]:
    """Writes outcomes, attempts and the endpoints' health in one transaction; the deliveries written.

    Who lost the lease to another worker writes nothing: the other's outcome stands. What its endpoint
    holds is not due, whatever the settlement says.
    """
    rows = [_settled_row(one) for one in settlements]
    returning = (
        _SETTLE if connection.vendor == "sqlite" else _SETTLE.replace("RETURNING id", "RETURNING d.id")
    )
    with transaction.atomic():
        _lock({one.delivery.endpoint_id for one in settlements})
        written = {row[0] for row in sets.run(returning, _SETTLE_COLUMNS, rows)}
        tried = [one for one in settlements if one.attempt is not None and one.delivery.pk in written]
        sets.append(
            "delivery_attempt",
            _ATTEMPT_COLUMNS,
            [[getattr(one.attempt, column) for column in _ATTEMPT_COLUMNS] for one in tried],
        )
        _note_health(tried)
    return written


def _lock(endpoint_ids: Collection[int]) -> None:
    """Holding and releasing wait until we have written; in one order, so that workers wait in no circle."""
    locked = Endpoint.objects.select_for_update(no_key=True).order_by("pk")
    list(locked.filter(pk__in=endpoint_ids).values_list("pk"))


def _settled_row(one: Settlement) -> tuple[object, ...]:
    delivery = one.delivery
    is_finished = one.state not in ("pending", "waiting")
    finished_at = (delivery.finished_at or timezone.now()) if is_finished else None
    attempts = delivery.attempts_made + (one.attempt is not None)
    return (delivery.pk, delivery.lease, one.state, attempts, one.error, one.detail, one.due_at, finished_at)


def _note_health(tried: Sequence[Settlement]) -> None:
    """Folded into a row per endpoint: failures in a row since its last success."""
    health: dict[int, list[object]] = {}
    for one in tried:
        assert one.attempt is not None
        row = health.setdefault(
            one.delivery.endpoint_id, [one.delivery.endpoint_id, False, 0, None, None, ""]
        )
        if one.attempt.error:
            row[2], row[4], row[5] = int(str(row[2])) + 1, one.attempt.started_at, one.attempt.error
        else:
            row[1], row[2], row[3], row[5] = True, 0, one.attempt.started_at, ""
    if health:
        sets.run(_NOTE_HEALTH, _HEALTH_COLUMNS, sorted(health.values(), key=lambda row: int(str(row[0]))))


_NOTE_HEALTH = """
UPDATE delivery_endpoint AS e SET
  failures_in_a_row = CASE WHEN r.succeeded THEN r.failures ELSE e.failures_in_a_row + r.failures END,
  last_success_at = COALESCE(r.success_at, e.last_success_at),
  last_failure_at = COALESCE(r.failure_at, e.last_failure_at),
  last_error = r.error
FROM {rows} WHERE e.id = r.id
"""
_HEALTH_COLUMNS = {
    "id": "bigint",
    "succeeded": "boolean",
    "failures": "int",
    "success_at": "timestamptz",
    "failure_at": "timestamptz",
    "error": "text",
}


def hold(endpoint: Endpoint) -> int:
    """Nothing of the endpoint is due until it is released; nothing is lost. How many wait."""
    with transaction.atomic():
        Endpoint.objects.filter(pk=endpoint.pk).update(is_held=True)
        return Delivery.objects.filter(_UNFINISHED, endpoint=endpoint, lease="").update(due_at=None)


def hurry(endpoint: Endpoint) -> int:
    """What waits for another try is due now: its address has changed. How many."""
    waiting = Delivery.objects.filter(_UNFINISHED, endpoint=endpoint, lease="", due_at__isnull=False)
    count = waiting.update(due_at=timezone.now())
    waking.after_commit()
    return count


def release(endpoint: Endpoint) -> int:
    """What waited is due now. How many."""
    with transaction.atomic():
        waking.after_commit()
        Endpoint.objects.filter(pk=endpoint.pk).update(is_held=False)
        held = Delivery.objects.filter(_UNFINISHED, endpoint=endpoint, lease="", due_at__isnull=True)
        return held.update(due_at=timezone.now())
