"""Lists of `/v2` among 1,000,000 rows: by cursor near the start, at the end, of a small location; filtered.

Two databases of one server. In the big one 1,000,000 contacts, orders, transactions and deliveries belong to
one location and, scattered among them, 10,000 of each to another; in the small one there are 10,000 of one.
The same pages go to both in turn, through Django's test client with the credentials of an API user; counted
is the time of the server. Deliveries lie in 13 months and go to 50 endpoints.
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.big_tables import use
from benchmarks.scratch import Verdicts, another_database, scaled, scratch_database, timed

SMALL, BIG = 10_000, 1_000_000
ON_A_PAGE = 200
ROUNDS = 10
DAYS = 395
PROFILES = 50
FIRST = 1000  # below are the rows that the others are made from
MOST = 1.3
WALKED = ("contacts", "orders", "transactions", "deliveries")
# Asked of the location that is beside the big one: its own rows alone may cost anything.
FILTERED = {
    "contacts by e-mail": "contacts?email=A77@example.com",
    "contacts by contact_api_id": "contacts?contact_api_id=crm-77",
    "contacts, newest first": "contacts?sort=-created_ts&page_size=200",
    "orders by e-mail": "orders?email=a77@example.com",
    "orders of a status": "orders?status=COMPLETE&page_size=200",
    "orders, newest first": "orders?sort=-created_ts&page_size=200",
    "orders of a day": "orders?{day}",
    "transactions of a day": "transactions?{day}",
    "deliveries, newest": "deliveries?page_size=200",
    "deliveries that failed": "deliveries?state=failed&page_size=200",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What is asked for, of which database, by whom."""

    database: str
    path: str
    headers: dict[str, str]


def main(count: str = str(BIG)) -> None:
    sizes = {"small": SMALL, "big": max(scaled(int(count)), SMALL)}
    os.environ.update(scratch_database(), POSTRIDER_API_REQUESTS_PER_MINUTE="1000000")
    names = {name: another_database(os.environ, f"lists_{name}")["DATABASE_URL"] for name in sizes}
    import django

    django.setup()
    Path(os.environ["POSTRIDER_DATA"], "static").mkdir()
    pages: dict[str, Page] = {}
    for name, size in sizes.items():
        use(names[name])
        with timed() as watch:
            pages |= {f"{page} {name}": one for page, one in fill(names[name], size)}
        print(f"{size:,} of each: filled in {watch.seconds:.0f} s", flush=True)
    times = measure(pages)
    for page, seconds in times.items():
        print(f"{page:<46} {seconds * 1000:7.1f} ms")
    verdicts, big = Verdicts(), sizes["big"]
    for what in WALKED:
        start = times[f"{what} near the start, big"]
        small = times[f"{what} near the start, small"]
        among_its_own = times[f"{what} in the middle, small"]
        beside = times[f"{what} of a location beside, big"]
        verdicts.at_most(f"after_at_the_end_of_{big}_{what}", times[f"{what} at the end, big"] / start, MOST)
        verdicts.at_most(f"after_in_{big}_{what}_to_{SMALL}", start / small, MOST)
        verdicts.at_most(f"after_of_a_location_beside_{big}_{what}", beside / among_its_own, MOST)
    for what in FILTERED:
        ratio = times[f"{what}, big"] / times[f"{what}, small"]
        verdicts.at_most(f"{what.replace(',', '').replace(' ', '_')}_beside_{big}", ratio, MOST)
    verdicts.close()


def measure(pages: dict[str, Page]) -> dict[str, float]:
    """By page, the best of all, in turns: what else a machine does only makes times longer."""
    from django.test import Client

    best = dict.fromkeys(pages, float("inf"))
    for number in range(ROUNDS):
        for name, page in pages.items():
            use(page.database)
            client = Client(HTTP_HOST="127.0.0.1")
            for again in range(3):
                start = time.perf_counter()
                response = client.get(page.path, headers=page.headers)
                seconds = time.perf_counter() - start
                assert response.status_code == 200, response.content
                if number and again:  # the first of each is warm-up: caches, and a new connection
                    best[name] = min(best[name], seconds)
    return best


def fill(database: str, count: int) -> Iterator[tuple[str, Page]]:
    """Migrates and fills the database that is in use; its pages by name, without its size."""
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from customers import access
    from demo import many

    call_command("migrate", verbosity=0)
    start = timezone.now() - timedelta(days=DAYS)
    many._make_months(start)
    size = "small" if count == SMALL else "big"
    shops = [Shop("Main", count, 1, start)]
    if size == "big":
        shops.append(Shop("Beside", SMALL, count // SMALL, start))
    for shop in shops:
        shop.fill()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    day = (start + timedelta(days=100)).date()
    of_a_day = f"created_ts=custom&created_ts_from={day}&created_ts_to={day} 23:59:59"
    for shop in shops:
        made = access.create_user([shop.location], by="bench")
        who = {
            "developer-id": made.user.developer_id,
            "user-id": made.user.public_id,
            "user-api-key": made.key,
        }
        places = {"near the start": 1, "in the middle": count // 2, "at the end": count - ON_A_PAGE - 1}
        places = places if shop is shops[0] else {"of a location beside": SMALL // 2}
        for what in WALKED:
            for place, number in places.items():
                path = f"/v2/{what}?sort=id&page_size={ON_A_PAGE}&after={shop.id_of(what, number)}"
                yield f"{what} {place},", Page(database, path, who)
        if shop is shops[-1]:
            for what, path in FILTERED.items():
                yield f"{what},", Page(database, f"/v2/{path.format(day=of_a_day)}", who)


class Shop:
    """A location with so many of each. Its keys stand among those of the other: `step` apart."""

    def __init__(self, name: str, count: int, step: int, start: Any) -> None:
        from customers.models import Location

        self.count, self.start = count, start
        self.location: Any = Location.objects.create(name=name)
        self.key = f"((g + {FIRST}) * {step * 2} + {self.location.pk % 2})"
        self.step = step

    def id_of(self, what: str, number: int) -> str:
        if what == "orders":
            return f"{self.location.pk:02X}{number:08X}"
        if what == "deliveries":
            return f"{(number + FIRST) * self.step * 2 + self.location.pk % 2:024x}"
        return f"{self.location.pk:04x}{number:020x}"

    def fill(self) -> None:
        from django.db import connection

        rows, place = self._models(), self.location.pk
        pause = timedelta(days=DAYS) / (self.count + 1)
        at = f"(timestamptz '{self.start}' + g * interval '{pause.total_seconds() * 1e6:.0f} microseconds')"
        id24 = f"lpad(to_hex({place}), 4, '0') || lpad(to_hex(g), 20, '0')"
        id10 = f"upper(lpad(to_hex({place}), 2, '0') || lpad(to_hex(g), 8, '0'))"
        mail = "'a' || g || '@example.com'"
        tables: dict[str, dict[str, str]] = {
            "customers_customer": {"public_id": id24, "external_id": "'crm-' || g", "email": mail},
            "orders_order": {"client_order_id": id10, "email": mail, "customer_id": self.key},
            "orders_transaction": {"public_id": id24, "order_id": self.key},
            "delivery_event": {
                "order_id": self.key,
                "customer_id": self.key,
                "data": "'{}'",
                "recorded_at": at,
                "occurred_at": at,
            },
        }
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off; SET session_replication_role = replica")
            for table, values in tables.items():
                created = {} if table == "delivery_event" else {"created_at": at}
                self._copy(cursor, table, rows[table], {"id": self.key, **created, **values})
            cursor.execute(_DELIVERIES.format(key=self.key, at=at), [place, self.count])
            cursor.execute("RESET synchronous_commit; RESET session_replication_role")

    def _copy(self, cursor: Any, table: str, row: int, values: dict[str, str]) -> None:
        from demo import many

        many._copy(cursor, table, row, self.count, values)

    def _models(self) -> dict[str, int]:
        """The row of each table that the others are made from, and whom deliveries go to."""
        from customers import services
        from delivery.models import Event
        from exports import services as profiles
        from exports.models import ExportProfile, FieldMapping
        from orders import lifecycle
        from orders.models import Product

        product = Product.objects.create(location=self.location, name="Cream", sku="C-1")
        customer = services.create(self.location, by="bench", first_name="Ada", last_name="King")
        order = lifecycle.create_partial(
            by="bench",
            location=self.location,
            customer=customer,
            lines=[lifecycle.Line(product, Decimal(20))],
        )
        lifecycle.complete_sale(order, by="bench", payments=[lifecycle.Payment(card_last4="1111")])
        for number in range(PROFILES):
            name = f"Partner {number} of {self.location}"
            profiles.save(
                ExportProfile(location=self.location, name=name, url="https://partner.example/"),
                by="bench",
                is_address_checked=True,
                mappings=[FieldMapping(export_name="order", field="clientOrderId")],
                routes=[],
            )
        return {
            "customers_customer": customer.pk,
            "orders_order": order.pk,
            "orders_transaction": order.transactions.get().pk,
            "delivery_event": Event.objects.filter(order=order).earliest("pk").pk,
        }


_DELIVERIES = """
INSERT INTO delivery_delivery (id, event_id, channel, target_id, target_name, target_version, reason,
  endpoint_id, content, is_test, state, attempts_made, due_at, is_late, asked_by, last_error,
  last_detail, created_at, finished_at, kept_on)
SELECT lpad(to_hex({key}), 24, '0'), {key}, 'export', p.id, p.name, 1, 'Partial', p.endpoint_id, '{{}}',
  false, state, 1, CASE WHEN state = 'pending' THEN now() + interval '1 day' END, false, '', '', '',
  {at}, CASE WHEN state <> 'pending' THEN {at} END,
  CASE WHEN state <> 'pending' THEN ({at} AT TIME ZONE 'UTC')::date END
FROM (SELECT id, name, endpoint_id, row_number() OVER (ORDER BY id) - 1 AS number, count(*) OVER () AS of
      FROM exports_exportprofile WHERE location_id = %s) p
JOIN (SELECT g, CASE WHEN g %% 100 = 7 THEN 'pending' WHEN g %% 100 IN (27, 46) THEN 'failed'
      ELSE 'delivered' END AS state FROM generate_series(0, %s - 1) g) AS rows ON p.number = (g / 7) %% p.of
"""


if __name__ == "__main__":
    main(*sys.argv[1:])
