"""The pages of the admin over 5,000,000 deliveries, against the same pages over 10,000.

Two databases of one server, filled as `manage.py demo_many` does it: 500 profiles with 5,000 routes in both,
five deliveries to an order. The same requests go to both in turn, through Django's test client; counted is
the time of the server, and how many queries the page makes.
"""

import os
import sys
import time
from datetime import timedelta
from typing import Any

from benchmarks.scratch import Verdicts, another_database, scaled, scratch_database, timed

SMALL, BIG = 10_000, 5_000_000
PER_ORDER = 5
MOST_QUERIES = 40
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
    use(names["big"])
    asked = {page: queries(clients["big"], address) for page, address in pages["big"].items()}
    verdicts = Verdicts()
    for page, (small, big) in times.items():
        print(f"{page:<28} {small * 1000:7.1f} ms, {big * 1000:7.1f} ms, {asked[page]} queries")
        verdicts.at_most(f"{page.replace(' ', '_')}_at_{sizes['big']}", big / small, 1.3)
    verdicts.at_most(f"queries_of_a_page_at_{sizes['big']}", max(asked.values()), MOST_QUERIES)
    verdicts.close()


def queries(browser: Any, address: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        browser.get(address)
    return len(captured)


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

    from demo import many

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET max_wal_size = '16GB'")
        cursor.execute("SELECT pg_reload_conf()")
    many.make(many.Size(deliveries=count, orders=max(count // PER_ORDER, 1)))
    return addresses(count), client()


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
    event, hour = delivered.event, delivered.created_at
    of_endpoint = f"{listed}?endpoint={endpoint}"
    return {
        "delivery list": listed,
        "list of delivered": f"{listed}?state__exact=delivered",
        "list of failed": f"{listed}?state__exact=failed",
        "list of waiting": f"{listed}?state__exact=waiting",
        "list of unfinished": f"{listed}?state__in=pending,waiting",
        "list of a week": f"{listed}?made=week",
        # As long as it takes for a full page at the smaller size: of an hour that would be a single row.
        "list of some days": f"{listed}?since={hour - timedelta(days=3):%Y-%m-%dT%H:00}"
        f"&until={hour:%Y-%m-%dT%H:59}",
        "failed of a day": f"{listed}?since={hour:%Y-%m-%d}T00:00&state__exact=failed&is_test__exact=0",
        "list of endpoints by name": f"{listed}?to=partner+1",
        "words in errors": f"{listed}?error=503",
        "words in errors of an endpoint": f"{of_endpoint}&error=503",
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
        "dashboard": page("index"),
        "dashboard renewed": page("dashboard"),
        "event page": page("delivery_event_change", event.pk),
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
