"""A page of `/v2/contacts?after=…` in a list of 1,000,000: near the start, at the end, and in small lists.

Two databases of one server: in the big one, 1,000,000 contacts of one location and, scattered among them,
10,000 of another; in the small one, 10,000 of one. The same pages of 200 go to both in turn, through Django's
test client with the credentials of an API user; counted is the time of the server.
"""

import os
import sys
import time
from pathlib import Path

from benchmarks.big_tables import use
from benchmarks.scratch import Verdicts, another_database, scaled, scratch_database, timed

SMALL, BIG = 10_000, 1_000_000
ON_A_PAGE = 200
ROUNDS = 40


def main(count: str = str(BIG)) -> None:
    sizes = {"small": SMALL, "big": max(scaled(int(count)), SMALL)}
    os.environ.update(scratch_database(), POSTRIDER_API_REQUESTS_PER_MINUTE="1000000")
    names = {name: another_database(os.environ, f"lists_{name}")["DATABASE_URL"] for name in sizes}
    import django

    django.setup()
    Path(os.environ["POSTRIDER_DATA"], "static").mkdir()
    pages: dict[str, tuple[str, str, dict[str, str]]] = {}
    for name, size in sizes.items():
        use(names[name])
        with timed() as watch:
            made = fill(size)
        print(f"{size:,} contacts: filled in {watch.seconds:.0f} s", flush=True)
        pages |= {f"{name}, {page}": (names[name], path, who) for page, (path, who) in made.items()}
    times = measure(pages)
    for page, seconds in times.items():
        print(f"{page:<34} {seconds * 1000:7.1f} ms")
    verdicts = Verdicts()
    near, big = times["big, near the start"], sizes["big"]
    verdicts.at_most(f"after_at_the_end_of_{big}", times["big, at the end"] / near, 1.3)
    verdicts.at_most(f"after_in_{big}_to_a_table_of_{SMALL}", near / times["small, near the start"], 1.3)
    beside = times["big, of a location beside it"] / times["small, near the start"]
    verdicts.at_most(f"after_of_a_location_beside_{big}", beside, 1.3)
    verdicts.close()


def measure(pages: dict[str, tuple[str, str, dict[str, str]]]) -> dict[str, float]:
    """By page, the best of all, in turns: what else a machine does only makes times longer."""
    from django.test import Client

    best = dict.fromkeys(pages, float("inf"))
    for number in range(ROUNDS):
        for page, (database, path, headers) in pages.items():
            use(database)
            client = Client(HTTP_HOST="127.0.0.1")
            for again in range(3):
                start = time.perf_counter()
                response = client.get(path, headers=headers)
                seconds = time.perf_counter() - start
                assert response.status_code == 200, response.content
                assert len(response.json()["contacts"]) == ON_A_PAGE
                if number and again:  # the first of each is warm-up: caches, and a new connection
                    best[page] = min(best[page], seconds)
    return best


def fill(count: int) -> dict[str, tuple[str, dict[str, str]]]:
    """Migrates and fills the database that is in use; by name of a page, its address and who asks."""
    from django.core.management import call_command
    from django.db import connection

    from customers import access
    from customers.models import Location

    call_command("migrate", verbosity=0)
    rows = {"Main": (count, count - ON_A_PAGE - 1)}
    if count > SMALL:
        rows["Beside"] = (SMALL, SMALL // 2)
    found = {}
    for name, (number, late) in rows.items():
        location = Location.objects.create(name=name)
        with connection.cursor() as cursor:
            step, key = count // number, location.pk
            cursor.execute(_CONTACTS, [step, key, key, key, number])
        made = access.create_user([location], by="bench")
        who = {
            "developer-id": made.user.developer_id,
            "user-id": made.user.public_id,
            "user-api-key": made.key,
        }
        early = (_path(location.pk, 1), who)
        found |= (
            {"near the start": early, "at the end": (_path(location.pk, late), who)}
            if name == "Main"
            else {"of a location beside it": (_path(location.pk, late), who)}
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE customers_customer")
    return found


def _path(location: int, number: int) -> str:
    return f"/v2/contacts?sort=id&page_size={ON_A_PAGE}&after={location:04x}{number:020x}"


# Ids of one location stand among those of the other: a step of 100 between two of them.
_CONTACTS = """
    INSERT INTO customers_customer (
        id, location_id, public_id, external_id, account_number, company_name, first_name, last_name, email,
        address, address2, city, state, zip, country, home_phone, cell_phone, office_phone, office_ext_phone,
        phone_digits, email_trx_receipt, header_message, header_message_type, contact_c1, contact_c2,
        contact_c3, custom_fields, has_generated_data, created_at
    )
    SELECT g * %s::bigint * 2 + %s %% 2, %s, lpad(to_hex(%s), 4, '0') || lpad(to_hex(g), 20, '0'),
        'crm-' || g, '', '', 'Ada', 'Lovelace', 'a' || g || '@example.com', '12 St James''s Square', '',
        'London', '', 'SW1Y', 'GB', '', '5551234567', '', '', '5551234567', false, '', 0, '', '', '', '{}',
        false, now()
    FROM generate_series(1, %s) g
"""


if __name__ == "__main__":
    main(*sys.argv[1:])
