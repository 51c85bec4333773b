"""The pages of the admin over 5,000,000 deliveries, against the same pages over 10,000.

Two databases of one server, filled in the same way: 13 months of deliveries in their months, 2 in 100 of them
not finished, 3 failed, 1 a test, to 100 endpoints, each with its event and its attempt. The same
requests go to both in turn, through Django's test client; counted is the time of the server.
"""

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.scratch import Verdicts, another_database, scaled, scratch_database, timed

SMALL, BIG = 10_000, 5_000_000
ENDPOINTS, DAYS = 100, 395
PER_CUSTOMER, PER_ORDER = 20, 4
ROUNDS, AT_ONCE = 12, 4
MIB = 2**20


def main(count: str = str(BIG)) -> None:
    sizes = {"small": SMALL, "big": max(scaled(int(count)), SMALL)}
    os.environ.update(scratch_database())
    names = {name: another_database(os.environ, f"tables_{name}")["DATABASE_URL"] for name in sizes}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("collectstatic", verbosity=0, interactive=False)
    pages, clients = {}, {}
    for name, size in sizes.items():
        use(names[name])
        with timed() as watch:
            pages[name], clients[name] = fill(size)
        print(f"{size:,} deliveries: {megabytes():,.0f} MiB, filled in {watch.seconds:.0f} s", flush=True)
    times = measure(names, pages, clients)
    verdicts = Verdicts()
    for page, (small, big) in times.items():
        print(f"{page:<28} {small * 1000:7.1f} ms, {big * 1000:7.1f} ms")
        verdicts.at_most(f"{page.replace(' ', '_')}_at_{sizes['big']}", big / small, 1.3)
    verdicts.close()


def use(url: str) -> None:
    """All that follows goes to this database."""
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = url.rsplit("?", 1)[0].rsplit("/", 1)[1]


def measure(
    names: dict[str, str], pages: dict[str, dict[str, str]], clients: dict[str, Any]
) -> dict[str, tuple[float, float]]:
    """By page, the best of each database, in turns: what else a machine does only makes times longer."""
    times: dict[str, dict[str, list[float]]] = {page: {"small": [], "big": []} for page in pages["small"]}
    for number in range(ROUNDS):
        for name in ("small", "big"):
            use(names[name])
            for page, address in pages[name].items():
                for again in range(AT_ONCE + 1):
                    start = time.perf_counter()
                    response = clients[name].get(address)
                    seconds = time.perf_counter() - start
                    assert response.status_code == 200, (page, response.status_code)
                    if number and again:  # the first of each is warm-up: caches, and a new connection
                        times[page][name].append(seconds)
    return {page: (min(both["small"]), min(both["big"])) for page, both in times.items()}


def fill(count: int) -> tuple[dict[str, str], Any]:
    """Migrates and fills the database that is in use; the addresses to ask for, and who asks."""
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from delivery import partitions

    call_command("migrate", verbosity=0)
    now = timezone.now()
    start = now - timedelta(days=DAYS)
    first = start.astimezone(UTC).date().replace(day=1)
    months = {(first + timedelta(days=31 * number)).replace(day=1) for number in range(DAYS // 30)}
    for name in partitions.loose(partitions.ATTEMPTS)[:-1]:  # empty yet: as if it had been long ago
        partitions.detach(partitions.ATTEMPTS, name)
        partitions.drop(f"{name}{partitions.GOING}")
    for table in (partitions.DELIVERIES, partitions.ATTEMPTS):
        partitions.make(table, months)
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET max_wal_size = '16GB'")
        cursor.execute("SELECT pg_reload_conf()")
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET session_replication_role = replica")  # foreign keys hold by construction
        store = make_store()
        execute(cursor, count, start, now, store)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("ANALYZE delivery_delivery, delivery_attempt")
    return addresses(count), client()


def make_store() -> dict[str, int]:
    """One row of each table that the many are copied from, and the endpoints with their profiles."""
    from decimal import Decimal

    from customers import services
    from delivery.models import Event
    from exports import services as profiles
    from orders import lifecycle
    from orders.models import Product

    location = services.only_location()
    product = Product.objects.create(location=location, name="Cream", sku="C-1")
    customer = services.create(location, by="bench", first_name="Ada", email="ada@example.com")
    order = lifecycle.create_partial(
        by="bench", location=location, customer=customer, lines=[lifecycle.Line(product, Decimal(20))]
    )
    for number in range(ENDPOINTS):
        profiles.create_profile(
            location=location, name=f"Partner {number}", url=f"https://partner{number}.example/", by="bench"
        )
    event = Event.objects.filter(type="order.partial").get()
    return {"customer": customer.pk, "order": order.pk, "event": event.pk}


def execute(cursor: Any, count: int, start: datetime, now: datetime, store: dict[str, int]) -> None:
    """The many. The g-th delivery follows from the g-th event, at its moment of the 13 months."""
    step = (now - start) / (count + 1)
    at = f"(timestamptz '{start.isoformat()}' + g * interval '{step.total_seconds() * 1e6:.0f} microseconds')"
    base = 1_000_000
    customers, orders = count // PER_CUSTOMER + 1, count // PER_ORDER + 1
    copy(
        cursor,
        *("customers_customer", store["customer"], customers),
        {
            "id": f"{base} + g",
            "public_id": "lpad(to_hex(g), 24, '0')",
            "email": "'a' || g || '@example.com'",
            "external_id": "''",
        },
    )
    copy(
        cursor,
        *("orders_order", store["order"], orders),
        {
            "id": f"{base} + g",
            "client_order_id": "upper(lpad(to_hex(g), 10, '0'))",
            "external_order_id": "''",
            "customer_id": f"{base} + g / {PER_CUSTOMER // PER_ORDER}",
        },
    )
    copy(
        cursor,
        *("delivery_event", store["event"], count),
        {
            "id": f"{base} + g",
            "type": "'order.partial'",
            "customer_id": f"{base} + g / {PER_CUSTOMER}",
            "order_id": f"{base} + g / {PER_ORDER}",
            "occurred_at": at,
            "recorded_at": at,
            "data": "'{}'",
        },
    )
    deliveries(cursor, count, at, base)
    cursor.execute(
        "INSERT INTO delivery_attempt (delivery_id, number, started_at, duration_ms, method, url, "
        "request_headers, status, error, detail, answer_headers, answer, is_answer_cut, remote_address, "
        "phases, asked_by) SELECT id, 1, created_at, 35, 'POST', 'https://partner.example/hook', "
        """'[["Content-Type", "application/json"]]', 200, '', '', '[["Server", "x"]]', '{"ok": true}', """
        "false, '192.0.2.1', '', '' FROM delivery_delivery WHERE kept_on IS NOT NULL"
    )


def copy(cursor: Any, table: str, pk: int, count: int, values: dict[str, str]) -> None:
    """So many rows like the one with this id, but for some columns, which may depend on `g`."""
    cursor.execute(
        "SELECT quote_ident(column_name) FROM information_schema.columns WHERE table_name = %s "
        "AND table_schema = 'public' ORDER BY ordinal_position",
        [table],
    )
    columns = [name for (name,) in cursor.fetchall()]
    picked = ", ".join(values.get(name.strip('"'), f"t.{name}") for name in columns)
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"SELECT {picked} FROM {table} t, generate_series(0, {count} - 1) g WHERE t.id = {pk}"
    )


def deliveries(cursor: Any, count: int, at: str, base: int) -> None:
    """Two in a hundred are not finished, three have failed, one is a test; one endpoint has a fifth."""
    from exports.render import compiled

    head = compiled([], omit_empty=False)._head.replace('"GET"', '"POST"').replace('"query"', '"body"')
    content = f'{head}"{"x=" + "y" * 200}","holes":[]}}'
    state = (
        "CASE WHEN g % 100 = 7 THEN 'pending' WHEN g % 100 = 8 THEN 'waiting' "
        "WHEN g % 100 IN (27, 46, 67) THEN 'failed' ELSE 'delivered' END"
    )
    cursor.execute(
        f"""
        INSERT INTO delivery_delivery (id, event_id, channel, target_id, target_name, target_version, reason,
          endpoint_id, content, is_test, state, attempts_made, due_at, is_late, asked_by, last_error,
          last_detail, created_at, finished_at, kept_on)
        SELECT lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0') || lpad(to_hex(g), 12, '0'),
          {base} + g, 'export', p.id, p.name, 1, 'new_sale', p.endpoint_id, '{content}',
          g % 100 = 77, state, (state <> 'pending')::int,
          CASE WHEN state IN ('pending', 'waiting') THEN now() + interval '1 day' END, state = 'waiting',
          '',
          CASE WHEN state IN ('waiting', 'failed') THEN 'status' ELSE '' END,
          CASE WHEN state IN ('waiting', 'failed') THEN '503 Service Unavailable' ELSE '' END,
          made, CASE WHEN state IN ('delivered', 'failed') THEN made END,
          CASE WHEN state IN ('delivered', 'failed') THEN (made AT TIME ZONE 'UTC')::date END
        FROM (SELECT g, {at} AS made, {state} AS state FROM generate_series(0, {count} - 1) g) AS rows
        JOIN (SELECT id, name, endpoint_id, row_number() OVER (ORDER BY id) - 1 AS number
              FROM exports_exportprofile) p
          ON p.number = CASE WHEN g % 5 = 2 THEN 0 ELSE (g / 7) % {ENDPOINTS} END
        ORDER BY g
        """
    )


def client() -> Any:
    from django.contrib.auth.models import User
    from django.test import Client

    browser = Client(HTTP_HOST="127.0.0.1")
    browser.force_login(User.objects.create_superuser("bench"))
    return browser


def addresses(count: int) -> dict[str, str]:
    """What is asked for: all that staff look at when something is amiss."""
    from django.urls import reverse

    from delivery.models import Delivery, Endpoint

    def page(name: str, *args: Any) -> str:
        return reverse(f"admin:{name}", args=args)

    def of(**which: Any) -> Any:
        """One from the middle of the time."""
        found = Delivery.objects.filter(**which).select_related("event__order", "event__customer")
        return found.filter(event_id__gte=1_000_000 + count // 2).order_by("event_id").first()

    listed, delivered = page("delivery_delivery_changelist"), of(state="delivered")
    endpoint = Endpoint.objects.order_by("pk")[0].pk
    event = delivered.event
    of_endpoint = f"{listed}?endpoint={endpoint}"
    return {
        "delivery list": listed,
        "list of delivered": f"{listed}?state__exact=delivered",
        "list of failed": f"{listed}?state__exact=failed",
        "list of waiting": f"{listed}?state__exact=waiting",
        "list of unfinished": f"{listed}?state__in=pending,waiting",
        "list of a week": f"{listed}?made=week",
        "list of a channel": f"{listed}?channel=export",
        "list of tests": f"{listed}?is_test__exact=1",
        "list of an endpoint": of_endpoint,
        "failed of an endpoint": f"{of_endpoint}&state__exact=failed",
        "unfinished of an endpoint": f"{of_endpoint}&state__in=pending,waiting",
        "search by id": f"{listed}?q={delivered.pk}",
        "search by order": f"{listed}?q={event.order.client_order_id}",
        "search by e-mail": f"{listed}?q={event.customer.email}",
        "search by words": f"{listed}?q=503",
        "search in vain": f"{listed}?q=nothing",
        "delivery page": page("delivery_delivery_change", delivered.pk),
        "waiting delivery page": page("delivery_delivery_change", of(state="waiting").pk),
        "customer page": page("customers_customer_change", event.customer_id),
        "order page": page("orders_order_change", event.order_id),
        "why not page": page("exports_why", event.order_id),
        "endpoint list": page("delivery_endpoint_changelist"),
        "endpoint page": page("delivery_endpoint_change", endpoint),
        "profile list": page("exports_exportprofile_changelist"),
        "event list": page("delivery_event_changelist"),
    }


def megabytes() -> float:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return float(cursor.fetchone()[0]) / MIB


if __name__ == "__main__":
    main(*sys.argv[1:])
