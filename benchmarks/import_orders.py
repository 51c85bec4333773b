"""Importing orders with their items, payments, parcels and events, from CSV files to committed rows.

The files are those of the sample store, several times over with other ids. Reference in the same run: one
`create()` for each of the very rows that the import made, on an otherwise empty copy of their tables.
"""

import csv
import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from benchmarks.scratch import Verdicts, memory_mb, timed, use_scratch_database

SAMPLE = Path(__file__).resolve().parent.parent / "demo" / "data" / "olist"
COPIES = 20
NAIVE_ORDERS = 200
IDS = ("order_id", "customer_id", "customer_unique_id")


def main(kind: str = "postgres") -> None:
    database = use_scratch_database(kind)
    verdicts = Verdicts()
    with TemporaryDirectory() as folder:
        run_ours(multiplied(Path(folder) / "warm", 1))  # once in a process: Faker and the like
        rows, seconds, grown = run_ours(multiplied(Path(folder) / "cold", COPIES))
    ours = rows / seconds
    naive = run_naive()
    print(f"{database}: {rows} rows in {seconds:.1f} s, {ours:.0f} rows/s; one create() a row: {naive:.0f}")
    verdicts.at_least(f"import_against_create_{kind}", ours / naive, 10)
    verdicts.at_most(f"import_memory_growth_{kind}", grown, 1.1)
    verdicts.close()


def run_ours(path: Path) -> tuple[int, float, float]:
    """Rows made, seconds, and how memory grew from the first third of the import to its end."""
    from customers.services import only_location
    from orders.importers import PRESETS, run

    memory: list[float] = []

    def watch(what: str, done: int, total: int) -> None:
        if what == "Importing orders":
            memory.append(memory_mb())

    before = count_rows()
    with timed() as watch_time:
        run([path], PRESETS["olist"], only_location(), progress=watch)
    return count_rows() - before, watch_time.seconds, memory[-1] / memory[len(memory) // 3]


def run_naive() -> float:
    """Rows per second if each is created by itself."""
    from delivery.models import Event

    batches = [rows_of(order) for order in some_orders()]
    with timed() as watch:
        for customer, order, belonging in batches:
            person = create(*customer)
            new = create(*order, customer_id=person.pk)
            for model, values in belonging:
                create(
                    model, values, order_id=new.pk, **({"customer_id": person.pk} if model is Event else {})
                )
    return sum(2 + len(belonging) for _, _, belonging in batches) / watch.seconds


def create(model: Any, values: dict[str, Any], **ids: int) -> Any:
    """What `Model.objects.create()` does; the log itself refuses it."""
    from django.db.models import Model

    row = model(**values, **ids)
    Model.save(row, force_insert=True)
    return row


def some_orders() -> list[Any]:
    from orders.models import Order

    return list(Order.objects.select_related("customer").order_by("-id")[:NAIVE_ORDERS])


def rows_of(order: Any) -> tuple[Any, Any, list[Any]]:
    """An order with its customer and all that belongs to it, as (model, values of the columns)."""
    from delivery.models import Event
    from orders.models import Fulfillment, OrderItem, Transaction

    customer = values_of(order.customer, "id", external_id=uuid4().hex, public_id=uuid4().hex[:24])
    fresh = {"external_order_id": uuid4().hex, "client_order_id": uuid4().hex[:10]}
    new = values_of(order, "id", "customer_id", **fresh)
    belonging = [
        values_of(row, "id", "order_id")
        for model in (OrderItem, Fulfillment)
        for row in model._default_manager.filter(order=order)
    ]
    belonging += [
        values_of(row, "id", "order_id", public_id=uuid4().hex[:24])
        for row in Transaction.objects.filter(order=order)
    ]
    belonging += [
        values_of(row, "id", "order_id", "customer_id", "tx_id") for row in Event.objects.filter(order=order)
    ]
    return customer, new, belonging


def values_of(row: Any, *left_out: str, **changed: Any) -> tuple[Any, dict[str, Any]]:
    fields = [field.attname for field in row._meta.concrete_fields if field.attname not in left_out]
    return type(row), {name: getattr(row, name) for name in fields} | changed


def count_rows() -> int:
    from customers.models import Customer
    from delivery.models import Event
    from orders.models import Fulfillment, Order, OrderItem, Product, Transaction

    tables = (Customer, Order, OrderItem, Transaction, Fulfillment, Product, Event)
    return sum(model._default_manager.count() for model in tables)


def multiplied(folder: Path, copies: int) -> Path:
    """A folder with the orders of the sample, again and again under other ids."""
    folder.mkdir()
    for source in sorted(SAMPLE.glob("*.csv*")):
        sample = list(lines(source))
        names = [name for name in IDS if name in sample[0]]
        with (folder / source.name.removesuffix(".gz")).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(sample[0]))
            writer.writeheader()
            for copy in range(copies if names else 1):
                prefix = f"{folder.name}{copy}"
                writer.writerows(line | {name: f"{prefix}{line[name]}" for name in names} for line in sample)
    return folder


def lines(path: Path) -> Iterator[dict[str, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="", encoding="utf-8-sig") as file:
        yield from csv.DictReader(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
