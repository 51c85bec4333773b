"""Deliveries and attempts of any age and state, as the engine would have left them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from delivery import partitions, sets
from delivery.ids import first_id_at
from delivery.models import Attempt, Delivery, Endpoint, Event, Lease
from delivery.partitions import ATTEMPTS, DELIVERIES

CONTENT = '{"said": "Grüße, 世界 😀"}'


def an_endpoint(name: str = "Partner", **columns: Any) -> Endpoint:
    return Endpoint.objects.create(channel="export", name=name, **columns)


def deliveries(
    endpoint: Endpoint, count: int, *, days: float, state: str = "delivered", **columns: Any
) -> list[str]:
    """Made, and finished if they are, so many days ago; their ids. `kept_on` may say otherwise."""
    at = timezone.now() - timedelta(days=days)
    is_finished = state not in ("pending", "waiting")
    values = {
        "channel": endpoint.channel,
        "target_id": 1,
        "target_name": endpoint.name,
        "content": CONTENT,
        "attempts_made": int(is_finished),
        "due_at": None if is_finished else at,
        "finished_at": at if is_finished else None,
        "kept_on": at.astimezone(UTC).date() if is_finished else None,
        **columns,
    }
    start = Delivery.objects.count()
    rows = [
        Delivery(id=an_id(at, start + number), endpoint=endpoint, state=state, created_at=at, **values)
        for number in range(count)
    ]
    Delivery.objects.bulk_create(rows, batch_size=500)
    _settle_keys()
    return [row.pk for row in rows]


def leased(ids: Sequence[str], *, until: datetime) -> None:
    """As if a worker had them in hand."""
    for delivery in Delivery.objects.filter(pk__in=ids):
        Lease.objects.create(delivery=delivery, endpoint=delivery.endpoint, token="x", ends_at=until)


def an_id(at: datetime, number: int) -> str:
    return f"{first_id_at(at)[:12]}{number:012x}"


def attempts(ids: Sequence[str], *, days: float) -> list[int]:
    """One of each, so many days ago."""
    values = {
        "number": 1,
        "duration_ms": 5,
        "method": "POST",
        "url": "https://x.test/",
        "request_headers": "[]",
    }
    at = timezone.now() - timedelta(days=days)
    return [Attempt.objects.create(delivery_id=pk, started_at=at, **values).pk for pk in ids]


def month_of(days: float) -> date:
    """The month of so many days ago."""
    return (timezone.now() - timedelta(days=days)).astimezone(UTC).date().replace(day=1)


def with_months(*days: float) -> None:
    """The tables of the months of so many days ago, on PostgreSQL."""
    partitions.make(DELIVERIES, {month_of(one) for one in days})


def lies_in(pk: str) -> str:
    """The name of the table that the delivery really lies in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM delivery_delivery WHERE id = %s", [pk])
        return str(cursor.fetchone()[0])


def months() -> set[str]:
    """All tables of months that there are, attached or not."""
    with connection.cursor() as cursor:
        names = connection.introspection.get_table_list(cursor)
    return {one.name for one in names if one.name.startswith((f"{DELIVERIES.name}_2", f"{ATTEMPTS.name}_2"))}


def an_event() -> Event:
    from customers.services import only_location

    now = timezone.now()
    columns = ("type", "location_id", "data", "by", "occurred_at", "recorded_at", "muted")
    sets.append(
        "delivery_event", columns, [("order.created", only_location().pk, "{}", "test", now, now, "")]
    )
    _settle_keys()
    return Event.objects.latest("pk")


def _settle_keys() -> None:
    """Within a test's transaction: tables cannot be altered while foreign keys are still to be checked."""
    if connection.vendor == "postgresql" and connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
