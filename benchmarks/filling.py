"""Fills a scratch database with endpoints and what waits for them, the latter in the database itself.

Runs where Django is set up. A delivery is a form post of 500 bytes that follows from an event.
"""

import itertools
from collections.abc import Sequence
from datetime import timedelta

TEXT = "x=" + "y" * 498
_batches = itertools.count()
_SET = ("id", "channel", "name", "concurrency")  # of an endpoint, not learned


def endpoints(
    urls: Sequence[str], *, is_proven: bool = True, concurrency: int = 1000, has_secrets: bool = True
) -> tuple[int, int]:
    """An endpoint with its profile and its signing secret for each address; the first id and the last."""
    from django.utils import timezone

    from customers.services import only_location
    from delivery import signing
    from delivery.models import Endpoint
    from exports.models import ExportProfile

    now, before = timezone.now(), Endpoint.objects.count()
    last_success_at = now if is_proven else None
    made = Endpoint.objects.bulk_create(
        [
            Endpoint(channel="export", name=f"Partner {number}", concurrency=concurrency)
            for number in range(before, before + len(urls))
        ],
        batch_size=1000,
    )
    ids = sorted(endpoint.pk for endpoint in made)
    Endpoint.objects.filter(pk__range=(ids[0], ids[-1])).update(last_success_at=last_success_at)
    ExportProfile.objects.bulk_create(
        [
            ExportProfile(
                location=only_location(), name=endpoint.name, url=url, created_at=now, endpoint=endpoint
            )
            for url, endpoint in zip(urls, made, strict=True)
        ],
        batch_size=1000,
    )
    for start in range(0, len(ids) if has_secrets else 0, 500):
        signing.provide(ids[start : start + 500])
    return ids[0], ids[-1]


def deliveries(
    count: int, first: int, last: int, *, events: int | None = None, has_to_be_tidy: bool = True
) -> None:
    """So many, dealt out to the endpoints in turn, due now; each has an event of its own, or some share."""
    from django.db import connection, transaction
    from django.utils import timezone

    from customers.services import only_location
    from delivery import queue, sets
    from delivery.models import Event

    now, events = timezone.now(), events or count
    when = sets.column_value(now)
    with transaction.atomic(), connection.cursor() as cursor:
        numbers = _numbers()
        cursor.execute(_EVENTS.format(numbers=numbers), [events, only_location().pk, when, when])
        newest = Event.objects.order_by("-id").values_list("id", flat=True)[0]
        stamp = f"{int(now.timestamp() * 1000):012x}{next(_batches):02x}"
        of = [count, first, last, stamp, newest - events + 1, events, content(), False, when, when]
        cursor.execute(_DELIVERIES.format(numbers=numbers, hex=_hex()), [*of, last - first + 1])
        queue.make_ready(range(first, last + 1), now)
    if has_to_be_tidy:
        tidy()


def send_to_sleep(*, endpoint_id: int) -> None:
    """As an endpoint is that has been dead for long: no probe is due during a benchmark."""
    from django.utils import timezone

    from delivery.models import Endpoint

    now = timezone.now()
    Endpoint.objects.filter(pk=endpoint_id).update(
        failures_in_a_row=50,
        last_failure_at=now,
        last_error="refused",
        asleep_since=now - timedelta(days=1),
        asleep_until=now + timedelta(hours=1),
        naps=20,
    )


def content() -> str:
    """What is frozen of each."""
    from exports.render import compiled

    head = compiled([], omit_empty=False)._head.replace('"GET"', '"POST"').replace('"query"', '"body"')
    return f'{head}"{TEXT}","holes":[]}}'


def tidy() -> None:
    """What autovacuum would have done by the time that so much waits."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def empty(*, forget: bool = False) -> None:
    """Nothing waits, and nothing is on record. Endpoints stay; with `forget` nothing is known of them."""
    from django.db import connection

    from delivery.models import Endpoint

    tables = ("delivery_attempt", "delivery_delivery", "delivery_lease")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(tables)}")
        else:
            for table in tables:
                cursor.execute(f"DELETE FROM {table}")
    Endpoint.objects.update(ready_at=None)
    if forget:
        fresh = Endpoint()
        columns = [field.attname for field in Endpoint._meta.concrete_fields if field.attname not in _SET]
        Endpoint.objects.update(**{name: getattr(fresh, name) for name in columns})
    tidy()


def _numbers() -> str:
    from django.db import connection

    if connection.vendor == "postgresql":
        return "numbers AS (SELECT generate_series(0, %s - 1) AS n)"
    return (
        "numbers AS (SELECT 0 AS n UNION ALL "
        "SELECT n + 1 FROM numbers, (SELECT %s AS most) WHERE n + 1 < most)"
    )


def _hex() -> str:
    from django.db import connection

    return "lpad(to_hex(n), 10, '0')" if connection.vendor == "postgresql" else "printf('%%010x', n)"


_EVENTS = """
WITH RECURSIVE {numbers}
INSERT INTO delivery_event (tx_id, type, location_id, data, "by", occurred_at, recorded_at, muted)
SELECT 1, 'order.sale', %s, '{{}}', 'bench', %s, %s, '' FROM numbers
"""
_DELIVERIES = """
WITH RECURSIVE {numbers}, targets AS (
  SELECT id, name, endpoint_id, row_number() OVER (ORDER BY endpoint_id) - 1 AS place
  FROM exports_exportprofile WHERE endpoint_id BETWEEN %s AND %s
)
INSERT INTO delivery_delivery (
  id, event_id, channel, target_id, target_name, target_version, reason, endpoint_id, content, is_test,
  state, attempts_made, asked_by, last_error, last_detail, created_at, due_at
)
SELECT %s || {hex}, %s + n %% %s, 'export', t.id, t.name, 1, 'New Sale', t.endpoint_id, %s, %s,
  'pending', 0, '', '', '', %s, %s
FROM numbers JOIN targets t ON t.place = n %% %s
"""
