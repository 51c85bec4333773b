"""Statements over many rows: what they write is what Django's own single statements would have written."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import JSONField, Model
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, Location
from delivery import sets
from orders.models import Order, OrderItem, Product, Subscription, Transaction

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
ROUND = datetime(2026, 3, 1, tzinfo=UTC)  # without microseconds it is written otherwise
ELSEWHERE = datetime(2026, 3, 1, 3, 4, 5, tzinfo=timezone(timedelta(hours=5, minutes=30)))
ODD = "tab\tnew\nline\\N \\. 'quoted' \"double\" {rows} %s"
TEXTS = ["", "plain", "😀 Ünï مرحبا", ODD, "\\u0000", "0012", "null"]


@pytest.fixture
def people() -> list[Customer]:
    """One for each text, with every kind of column in each of its forms."""
    here = Location.objects.create(name="Main store")
    moments = [MOMENT, ROUND, ELSEWHERE]
    return [
        Customer(
            location=here,
            first_name=text,
            date_of_birth=date(1900 + number, 2, 28) if number % 2 else None,
            contact_balance=[None, Decimal("-0.10"), Decimal("9999999999.99"), Decimal("0")][number % 4],
            email_trx_receipt=bool(number % 2),
            header_message_type=number,
            custom_fields=[{}, {"a": [text, None, 1.5, True]}][number % 2],
            created_at=moments[number % 3],
            modified_at=None if number % 2 else MOMENT,
        )
        for number, text in enumerate(TEXTS)
    ]


def test_created_rows_are_those_that_django_would_write(people: list[Customer]) -> None:
    sets.create(people)
    ours = _stored(Customer)
    ids = [one.pk for one in people]
    Customer.objects.all().delete()
    for one in people:
        one.save(force_insert=True)
    assert _stored(Customer) == ours
    assert len(ours) == len(TEXTS) and ids == sorted(set(ids))


def test_saved_rows_are_those_that_django_would_write(people: list[Customer]) -> None:
    for one in people:
        Customer(pk=None, location=one.location, created_at=MOMENT, public_id=one.public_id).save()
    for one, row in zip(people, Customer.objects.order_by("pk"), strict=True):
        one.pk = row.pk
    sets.save(people)
    ours = _stored(Customer)
    for one in people:
        one.save(force_update=True)
    assert _stored(Customer) == ours
    assert [row.first_name for row in Customer.objects.order_by("pk")] == TEXTS


def test_saving_touches_no_other_row(people: list[Customer]) -> None:
    sets.create(people)
    before = _stored(Customer)
    people[0].city = "Berlin"
    sets.save(people[:1])
    assert _stored(Customer)[1:] == before[1:] and _stored(Customer)[0] != before[0]


def test_ids_that_were_reserved_are_not_given_twice(people: list[Customer]) -> None:
    sets.create(people[:2])
    people[2].save()
    sets.create(people[3:])
    assert len({one.pk for one in people}) == Customer.objects.count() == len(people)
    assert [one.pk for one in people] == sorted(one.pk for one in people)


def test_rows_may_refer_to_rows_that_had_no_id_yet() -> None:
    here = Location.objects.create(name="Main store")
    customer = Customer(location=here, created_at=MOMENT)
    order = Order(location=here, customer=customer, created_at=MOMENT, updated_at=MOMENT)
    product = Product.objects.create(location=here, name="Cream")
    item = OrderItem(order=order, product=product, name="Cream", price=Decimal("1.2345"))
    payment = Transaction(location=here, order=order, type="SALE", amount=Decimal("1.23"), created_at=MOMENT)
    for row in (customer, order, item, payment):
        sets.create([row])
    stored = OrderItem.objects.select_related("order__customer").get()
    assert (stored.order.customer, stored.order, stored.price) == (customer, order, Decimal("1.2345"))
    assert (payment.subscription_id, Transaction.objects.get().order) == (None, order)
    begun = Subscription(order=order, product=product, created_at=MOMENT, updated_at=MOMENT)
    payment.subscription = begun
    sets.create([begun])
    sets.save([payment])
    assert Transaction.objects.get().subscription == begun


@pytest.fixture
def scratch() -> Iterator[None]:
    kinds = "a bigint, b text, c date, d numeric(14, 4), e boolean, f double precision"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE scratch ({kinds})")
        yield
        cursor.execute("DROP TABLE scratch")


KINDS = {"a": "bigint", "b": "text", "c": "date", "d": "numeric", "e": "boolean", "f": "double precision"}
ROWS: list[tuple[Any, ...]] = [
    (2**53 + 1, "😀 مرحبا", date(2026, 2, 28), Decimal("12345678.9012"), True, 1.5),
    (-1, "", None, Decimal("-0.1000"), False, None),
    (None, None, date(1, 1, 1), None, None, -2.25),
    (4, ODD, date(9999, 12, 31), Decimal("0.0000"), True, 0.0),
]


def test_appended_rows_come_back_as_they_were(scratch: None) -> None:
    sets.append("scratch", list(KINDS), ROWS)
    assert _scratch() == ROWS


def test_a_batch_is_a_table_of_a_statement(scratch: None) -> None:
    sets.run(
        "INSERT INTO scratch SELECT a, b, c, d, e, f FROM {rows} WHERE r.a IS NULL OR r.a <> %s",
        KINDS,
        ROWS,
        [4],
    )
    assert _scratch() == ROWS[:3]


def test_what_the_statement_returns(scratch: None) -> None:
    sets.append("scratch", list(KINDS), ROWS)
    sql = "UPDATE scratch SET b = r.text FROM {rows} WHERE a = r.number AND a < %s RETURNING a, b"
    found = sets.run(sql, {"number": "bigint", "text": "text"}, [(-1, "ü"), (4, "x"), (5, "y")], [4])
    assert found == [(-1, "ü")]
    assert sets.run("SELECT number FROM {rows}", {"number": "bigint"}, []) == []


def test_times_compare_as_times() -> None:
    Location.objects.create(name="Main store")
    here = Location.objects.get()
    rows = [Customer(location=here, created_at=moment) for moment in (MOMENT, ROUND, ELSEWHERE)]
    sets.create(rows)
    sql = "SELECT c.id FROM {rows} JOIN customers_customer c ON c.created_at = r.at"
    for row in rows:
        moment = row.created_at.astimezone(timezone(timedelta(hours=-8)))
        assert sets.run(sql, {"at": "timestamptz"}, [(moment,)]) == [(row.pk,)]


def test_many_take_as_many_statements_as_few(people: list[Customer]) -> None:
    def statements(rows: list[Customer]) -> int:
        with CaptureQueriesContext(connection) as captured:
            sets.create(rows)
            sets.save(rows)
        return len(captured)

    statements(people[:1])  # the first row of a table takes SQLite one more: it has no sequence yet
    assert statements(people[1:3]) == statements(people[3:]) <= 4


def test_nothing_takes_no_statement() -> None:
    with CaptureQueriesContext(connection) as captured:
        sets.create([])
        sets.save([])
        sets.append("customers_customer", ["id"], [])
    assert not captured


def test_what_no_column_is_meant_for_is_an_error(scratch: None) -> None:
    with pytest.raises(TypeError):
        sets.run("SELECT a FROM {rows}", {"a": "text"}, [(object(),)])
    with pytest.raises(ValueError, match="argument"):
        sets.run("SELECT a FROM {rows}", {"a": "text"}, [("one", "two")])


def _stored(model: type[Model]) -> list[list[Any]]:
    """The rows as the database has them, not as Django reads them; on SQLite with the type of each value."""
    columns = []
    for field in model._meta.concrete_fields:
        name = connection.ops.quote_name(str(field.column))
        if connection.vendor == "postgresql":
            columns.append(f"{name}::text")
        elif isinstance(field, JSONField):  # spaces and escapes are no part of what JSON says
            columns.append(f"'json ' || {name}")
        else:
            columns.append(f"typeof({name}) || ' ' || {name}")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM {model._meta.db_table} ORDER BY id")
        return [[_read(value) for value in row] for row in cursor.fetchall()]


def _read(value: str | None) -> Any:
    return json.loads(value.removeprefix("json ")) if value and value.startswith("json ") else value


def _scratch() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM scratch")
        rows = cursor.fetchall()
    if connection.vendor == "postgresql":
        return rows
    return [  # SQLite has no type for these: it gives numbers and texts
        (
            row[0],
            row[1],
            row[2] if row[2] is None or isinstance(row[2], date) else date.fromisoformat(row[2]),
            None if row[3] is None else Decimal(str(row[3])).quantize(Decimal("0.0001")),
            None if row[4] is None else bool(row[4]),
            row[5],
        )
        for row in rows
    ]
