"""The sweep: 100,000 events against 20 profiles with 10 mappings and 60 routes.

Reference in the same run: for each event a query for its routes, and for each match a query for the order,
`urlencode`, and a `create()` for the export and one for the delivery.
"""

import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from benchmarks.scratch import Verdicts, memory_mb, timed, use_scratch_database

ORDERS = 25_000  # with four events each that routes ask for
NAIVE_EVENTS = 400
PROFILES = 20
FIELDS = ["firstName", "lastName", "emailAddress", "phoneNumber", "city", "country", "orderTotal", "orderId"]


def main(kind: str = "postgres") -> None:
    database = use_scratch_database(kind)
    verdicts = Verdicts()
    with timed() as watch:
        campaigns = make_orders(ORDERS)
    print(f"{database}: {ORDERS} orders made in {watch.seconds:.1f} s")
    profiles = make_profiles(campaigns)
    naive = run_naive()
    fast, grown = run_ours(profiles)
    print(f"naive {naive:.0f} deliveries/s, sweep {fast:.0f} deliveries/s")
    small, large = statements(profiles)
    print(f"statements of a batch of {small[0]} events: {small[1]}, of {large[0]}: {large[1]}")
    verdicts.at_least(f"sweep_against_naive_{kind}", fast / naive, 25)
    verdicts.at_most(f"sweep_statements_per_batch_growth_{kind}", large[1] / small[1], 1)
    verdicts.at_most(f"sweep_memory_growth_{kind}", grown, 1.1)
    verdicts.at_most(f"sweep_with_a_million_events_in_the_log_{kind}", cost_in_a_long_log(profiles), 1.2)
    verdicts.close()


def make_orders(count: int) -> list[Any]:
    """Orders with a sale, a parcel shipped and delivered, and a refund; 5 campaigns."""
    from customers import services
    from orders import lifecycle
    from orders.models import Campaign, Product

    location = services.only_location()
    campaigns = [Campaign.objects.create(location=location, name=f"Campaign {n}") for n in range(5)]
    product = Product.objects.create(location=location, name="Cream", sku="C-1")
    line = lifecycle.Line(product, Decimal("19.95"), 2)
    for start in range(0, count, 1000):
        people = [
            {
                "external_id": f"p{n}",
                "first_name": "Zoë",
                "last_name": "Müller & Söhne",
                "email": f"p{n}@example.com",
            }
            for n in range(start, start + 1000)
        ]
        customers = services.take_in(location, people, by="bench")
        with lifecycle.batch(by="bench") as work:
            for n, customer in enumerate(customers):
                case = lifecycle.create_partial_in(
                    work, location=location, customer=customer, campaign=campaigns[n % 5], lines=[line]
                )
                lifecycle.complete_sale.on(work, case)
                lifecycle.ship.on(work, case, tracking_number="1Z")
                lifecycle.deliver.on(work, case)
                lifecycle.refund.on(work, case, amount="5.00")
    return campaigns


def make_profiles(campaigns: list[Any]) -> list[Any]:
    from django.utils import timezone

    from customers.services import only_location
    from delivery.models import Endpoint
    from exports.models import ExportProfile, FieldMapping, Route

    now = timezone.now()
    types = ["new_sale", "fulfillment_shipped", "fulfillment_delivered", "all_refunds", "partial_refunds"]
    profiles = []
    for n in range(PROFILES):
        profile = ExportProfile.objects.create(
            location=only_location(),
            name=f"Profile {n}",
            url="http://127.0.0.1:9/x",
            created_at=now,
            endpoint=Endpoint.objects.create(channel="export", name=f"Profile {n}"),
        )
        for position, name in enumerate(FIELDS):
            FieldMapping.objects.create(
                profile=profile, position=position, export_name=name.lower(), field=name
            )
        for name in ("list_id", "source"):
            FieldMapping.objects.create(
                profile=profile, position=20, export_name=name, field="Static", static_value="400 & more"
            )
        for r in range(3):
            Route.objects.create(
                profile=profile,
                customer_type=types[(n + r) % len(types)],
                campaign=campaigns[(n + r) % 5] if r else None,
                effective_from=now - timedelta(days=1),
            )
        profiles.append(profile)
    return profiles


def run_naive() -> float:
    """Deliveries per second of the reference, over some hundred events; what it made is undone."""
    from django.db import transaction
    from django.utils import timezone

    from delivery.models import Delivery, Event
    from exports import customer_types
    from exports.fields import find
    from exports.fields.reading import EventFacts, Reading
    from exports.models import Export, Route
    from orders import cases

    made = 0
    events = Event.objects.filter(type__in=list(customer_types.BY_EVENT_TYPE)).order_by("id")[:NAIVE_EVENTS]
    with timed() as watch:
        for event in events:
            for kind in customer_types.BY_EVENT_TYPE[event.type]:
                routes = list(
                    Route.objects.filter(customer_type=kind.key)
                    .select_related("profile__location")
                    .prefetch_related("profile__mappings")
                )
                if not routes or kind.per_order or (kind.only and kind.only != event.data.get("kind")):
                    continue
                case = cases.load([event.order_id])[event.order_id]
                facts = EventFacts(event.pk, event.type, event.occurred_at, event.data)
                for route in routes:
                    if route.campaign_id not in (None, case.order.campaign_id):
                        continue
                    reading = Reading(case, facts, kind.label, _zone(route))
                    pairs = [
                        (
                            m.export_name,
                            m.static_value if m.field == "Static" else find(m.field).read(reading),
                        )
                        for m in route.profile.mappings.all()
                    ]
                    if Export.objects.filter(
                        profile=route.profile, customer_type=kind.key, subject_id=event.pk
                    ).exists():
                        continue
                    with transaction.atomic():
                        delivery = Delivery.objects.create(
                            event=event,
                            channel="export",
                            target_id=route.profile_id,
                            target_name=route.profile.name,
                            endpoint_id=route.profile.endpoint_id,
                            content=urlencode(pairs),
                            created_at=timezone.now(),
                            due_at=timezone.now(),
                        )
                        Export.objects.create(
                            profile=route.profile,
                            customer_type=kind.key,
                            subject_id=event.pk,
                            event=event,
                            order_id=event.order_id,
                            delivery_id=delivery.pk,
                            taken_at=timezone.now(),
                        )
                    made += 1
    _forget()
    return made / watch.seconds


def _zone(route: Any) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(route.profile.location.time_zone)


def _forget() -> None:
    """Nothing taken, nothing queued, and every profile at the start of the log."""
    from django.db import connection

    from exports.models import ExportProfile

    with connection.cursor() as cursor:
        for table in ("exports_export", "delivery_attempt", "delivery_delivery"):
            cursor.execute(f"DELETE FROM {table}")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    ExportProfile.objects.update(swept_tx=None, swept_id=None)


def run_ours(profiles: list[Any]) -> tuple[float, float]:
    """Deliveries per second over the whole log, and how memory grew after the first tenth of it."""
    from exports import sweep

    seen: list[float] = []
    _watch_batches(lambda: seen.append(memory_mb()))
    with timed() as watch:
        reports = sweep.run(profiles)
    _watch_batches(None)
    queued = sum(report.queued for report in reports)
    assert not any(report.error for report in reports)
    early = seen[len(seen) // 10]
    print(f"{queued} deliveries in {watch.seconds:.1f} s; memory {early:.0f} → {seen[-1]:.0f} MB")
    return queued / watch.seconds, seen[-1] / early


_original: Any = None


def _watch_batches(then: Any) -> None:
    """Calls `then` after each batch; None ends it."""
    global _original  # noqa: PLW0603
    from exports.sweep import walk as module

    if then is None:
        module._batch = _original
        return
    _original = module._batch

    def watched(*args: Any, **kwargs: Any) -> Any:
        result = _original(*args, **kwargs)
        then()
        return result

    module._batch = watched


def statements(profiles: list[Any]) -> tuple[tuple[int, int], tuple[int, int]]:
    """(events, statements) of a sweep of one small batch and of one large batch."""
    from django.db import connection

    from exports import sweep
    from exports.sweep import log

    results = []
    for size in (200, log.BATCH - 1):
        _forget()
        first = _newest_event() - size
        _start_at(first)
        count = 0

        def counting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal count
            count += 1
            return execute(sql, params, many, context)

        with connection.execute_wrapper(counting):
            sweep.run(profiles)
        results.append((size, count))
    return results[0], results[1]


def cost_in_a_long_log(profiles: list[Any]) -> float:
    """Seconds for the newest 10,000 events with a million in the log, over the same with only them before."""
    from django.db import connection

    from exports import sweep

    def once() -> float:
        _forget()
        _start_at(_newest_event() - 10_000)
        with timed() as watch:
            sweep.run(profiles)
        return watch.seconds

    short = min(once() for _ in range(3))
    newest = _newest_event()
    with connection.cursor() as cursor:  # a long past: the same events over and over, older than all others
        cursor.execute("SELECT count(*) FROM delivery_event")
        missing = 1_000_000 - cursor.fetchone()[0]
        cursor.execute("SELECT min(id) FROM delivery_event")
        low = cursor.fetchone()[0]
        columns = "type, location_id, customer_id, order_id, data, by, occurred_at, recorded_at, muted"
        quoted = columns.replace("by,", '"by",')
        done = 0
        while done < missing:
            cursor.execute(
                f"INSERT INTO delivery_event (id, tx_id, {quoted}) "
                f"SELECT -id - %s, -1, {quoted} FROM delivery_event WHERE id BETWEEN %s AND %s",
                [done * 10, low, low + min(missing - done, newest - low)],
            )
            done += cursor.rowcount
    long = min(once() for _ in range(3))
    print(f"newest 10,000 events: {short:.2f} s in a short log, {long:.2f} s with a million before them")
    return long / short


def _newest_event() -> int:
    from delivery.models import Event

    return Event.objects.order_by("-id").values_list("id", flat=True)[0]


def _start_at(event_id: int) -> None:
    from delivery.models import Event
    from exports.models import ExportProfile

    event = Event.objects.get(pk=event_id)
    ExportProfile.objects.update(swept_tx=event.tx_id, swept_id=event.pk)


if __name__ == "__main__":
    main(*sys.argv[1:])
