"""A store of any size, for who wants to see the pages beside millions of rows; made in the database itself.

PostgreSQL only, and only in an empty database. 13 months of deliveries in their months: 2 in 100 are not
finished, 3 failed, 1 a test; each follows from an event of its own and was tried once, and its profile has
taken it. One profile has a fifth of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from itertools import product as every
from typing import Any

from django.db import connection
from django.utils import timezone

from customers import services
from customers.models import Location
from delivery import partitions
from delivery.models import Event
from exports import services as profiles
from exports.customer_types import CHOICES
from exports.models import ExportProfile, FieldMapping, Route
from exports.render import compiled
from orders import lifecycle
from orders.models import Campaign, Product

BY = "demo"
DAYS = 395
FIRST = 1_000_000  # the id of the first of the many
PER_CUSTOMER = 5  # orders


@dataclass(frozen=True, slots=True)
class Size:
    """How many of each. There are as many events as deliveries, and a fifth as many customers as orders."""

    deliveries: int
    orders: int
    profiles: int = 500
    routes: int = 5_000


def make(size: Size) -> None:
    """All of it. Raises ValueError for a database that is not PostgreSQL or not empty."""
    if connection.vendor != "postgresql":
        raise ValueError("The many are made by PostgreSQL itself. Set DATABASE_URL to one.")
    if Location.objects.exists():
        raise ValueError("The database has a store already. Name an empty one in DATABASE_URL.")
    now = timezone.now()
    start = now - timedelta(days=DAYS)
    _make_months(start)
    models = _make_models(size)
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET session_replication_role = replica")  # foreign keys hold by construction
        try:
            _multiply(cursor, size, models, start, now)
        finally:
            cursor.execute("RESET session_replication_role")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("ANALYZE delivery_delivery, delivery_attempt")


def _make_months(start: datetime) -> None:
    first = start.astimezone(UTC).date().replace(day=1)
    months = {(first + timedelta(days=31 * number)).replace(day=1) for number in range(DAYS // 30)}
    for name in partitions.loose(partitions.ATTEMPTS)[:-1]:  # empty yet: as if it had been long ago
        partitions.detach(partitions.ATTEMPTS, name)
        partitions.drop(f"{name}{partitions.GOING}")
    for table in (partitions.DELIVERIES, partitions.ATTEMPTS):
        partitions.make(table, months)


def _make_models(size: Size) -> Mapping[str, int]:
    """One row of each table that the many are copied from; and the profiles with their routes."""
    location = services.only_location()
    product = Product.objects.create(location=location, name="Cream", sku="C-1")
    campaigns = [Campaign.objects.create(location=location, name=f"Campaign {n}") for n in range(20)]
    customer = services.create(location, by=BY, first_name="Ada", last_name="King", email="ada@example.com")
    order = lifecycle.create_partial(
        by=BY, location=location, customer=customer, lines=[lifecycle.Line(product, Decimal(20))]
    )
    kinds = [key for key, _ in CHOICES]
    for number in range(size.profiles):
        mine = size.routes * (number + 1) // size.profiles - size.routes * number // size.profiles
        profiles.save(
            ExportProfile(
                location=location, name=f"Partner {number}", url=f"https://partner{number}.example/"
            ),
            by=BY,
            is_address_checked=True,  # there are none of that name
            mappings=[FieldMapping(export_name="order", field="clientOrderId")],
            routes=[
                Route(customer_type=kind, campaign=campaign)
                for campaign, kind in islice(every([None, *campaigns], kinds), mine)
            ],
        )
    event = Event.objects.get(type="order.partial")
    return {"customer": customer.pk, "order": order.pk, "event": event.pk}


def _multiply(cursor: Any, size: Size, models: Mapping[str, int], start: datetime, now: datetime) -> None:
    """The g-th delivery follows from the g-th event, at its moment of the 13 months."""
    step = (now - start) / (size.deliveries + 1)
    at = f"(timestamptz '{start.isoformat()}' + g * interval '{step.total_seconds() * 1e6:.0f} microseconds')"
    per_order = max(-(-size.deliveries // size.orders), 1)
    _copy(
        cursor,
        *("customers_customer", models["customer"], size.orders // PER_CUSTOMER + 1),
        {
            "id": f"{FIRST} + g",
            "public_id": "lpad(to_hex(g), 24, '0')",
            "email": "'a' || g || '@example.com'",
            "external_id": "''",
        },
    )
    _copy(
        cursor,
        *("orders_order", models["order"], size.orders),
        {
            "id": f"{FIRST} + g",
            "client_order_id": "upper(lpad(to_hex(g), 10, '0'))",
            "external_order_id": "''",
            "customer_id": f"{FIRST} + g / {PER_CUSTOMER}",
        },
    )
    _copy(
        cursor,
        *("delivery_event", models["event"], size.deliveries),
        {
            "id": f"{FIRST} + g",
            "type": "'order.partial'",
            "customer_id": f"{FIRST} + g / {per_order * PER_CUSTOMER}",
            "order_id": f"{FIRST} + g / {per_order}",
            "occurred_at": at,
            "recorded_at": at,
            "data": "'{}'",
        },
    )
    cursor.execute(_DELIVERIES.format(at=at, first=FIRST, content=_content(), count=size.deliveries))
    cursor.execute(_ATTEMPTS)
    cursor.execute(_EXPORTS.format(first=FIRST, per_order=per_order))


def _copy(cursor: Any, table: str, pk: int, count: int, values: Mapping[str, str]) -> None:
    """So many rows like the one with this id, but for some columns, which may depend on `g`."""
    cursor.execute(
        "SELECT quote_ident(column_name) FROM information_schema.columns WHERE table_name = %s "
        "AND table_schema = 'public' ORDER BY ordinal_position",
        [table],
    )
    columns = [name for (name,) in cursor.fetchall()]
    picked = ", ".join(values.get(name.strip('"'), f"t.{name}") for name in columns)
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608 (all of it is our own)
        f"SELECT {picked} FROM {table} t, generate_series(0, {count} - 1) g WHERE t.id = {pk}"
    )


def _content() -> str:
    head = compiled([], omit_empty=False)._head.replace('"GET"', '"POST"').replace('"query"', '"body"')
    return f'{head}"{"x=" + "y" * 200}","holes":[]}}'.replace("%", "%%")


_STATE = (
    "CASE WHEN g % 100 = 7 THEN 'pending' WHEN g % 100 = 8 THEN 'waiting' "
    "WHEN g % 100 IN (27, 46, 67) THEN 'failed' ELSE 'delivered' END"
)
_DELIVERIES = f"""
INSERT INTO delivery_delivery (id, event_id, channel, target_id, target_name, target_version, reason,
  endpoint_id, content, is_test, state, attempts_made, due_at, is_late, asked_by, last_error,
  last_detail, created_at, finished_at, kept_on)
SELECT lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0') || lpad(to_hex(g), 12, '0'),
  {{first}} + g, 'export', p.id, p.name, 1, 'Partial', p.endpoint_id, '{{content}}',
  g % 100 = 77, state, (state <> 'pending')::int,
  CASE WHEN state IN ('pending', 'waiting') THEN now() + interval '1 day' END, state = 'waiting',
  '',
  CASE WHEN state IN ('waiting', 'failed') THEN 'status' ELSE '' END,
  CASE WHEN state IN ('waiting', 'failed') THEN '503 Service Unavailable' ELSE '' END,
  made, CASE WHEN state IN ('delivered', 'failed') THEN made END,
  CASE WHEN state IN ('delivered', 'failed') THEN (made AT TIME ZONE 'UTC')::date END
FROM (SELECT g, {{at}} AS made, {_STATE} AS state FROM generate_series(0, {{count}} - 1) g) AS rows
JOIN (SELECT id, name, endpoint_id, row_number() OVER (ORDER BY id) - 1 AS number, count(*) OVER () AS of
      FROM exports_exportprofile) p
  ON p.number = CASE WHEN g % 5 = 2 THEN 0 ELSE (g / 7) % p.of END
ORDER BY g
"""  # noqa: S608
_ATTEMPTS = """
INSERT INTO delivery_attempt (delivery_id, number, started_at, duration_ms, method, url, request_headers,
  status, error, detail, answer_headers, answer, is_answer_cut, remote_address, phases, asked_by)
SELECT id, 1, created_at, 35, 'POST', 'https://partner.example/hook',
  '[["Content-Type", "application/json"]]',
  CASE WHEN last_error = '' THEN 200 ELSE 503 END, last_error, last_detail, '[["Server", "x"]]',
  '{"ok": true}', false, '192.0.2.1', '', ''
FROM delivery_delivery WHERE attempts_made > 0
"""
_EXPORTS = """
INSERT INTO exports_export (profile_id, customer_type, subject_id, event_id, order_id, delivery_id, skip,
  is_final, taken_at)
SELECT target_id, 'partial', event_id, event_id, {first} + (event_id - {first}) / {per_order}, id, '', true,
  created_at
FROM delivery_delivery WHERE event_id >= {first}
"""
