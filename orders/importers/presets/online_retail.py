"""Invoices of a British gift shop (the UCI data set "Online Retail"): one file, a line for each item."""

from collections.abc import Sequence
from typing import Any, Final

from orders.importers import people, values
from orders.importers.countries import called
from orders.importers.presets.layout import Kind, Preset, Reject, Told
from orders.importers.staging import Staging
from orders.importers.stories import Credit, Fact, Item, LineRejected, Record, Story
from orders.importers.values import Clock


def tell(keys: Sequence[str], staging: Staging, clock: Clock, reject: Reject) -> Told:
    """Invoices as stories, cancellations (C…) as credits, each line of an invoice numbered from 1."""
    told = Told()
    lines = staging.lines("lines", keys)
    for key in keys:
        if key.startswith("C"):
            told.credits.extend(_credits(key, lines[key], clock, reject))
        elif key.startswith("A"):
            for record in lines[key]:
                reject(record, "An adjustment of bad debt is not an order.")
        else:
            story = _story(key, lines[key], clock, reject)
            if story is not None:
                told.stories.append(story)
    return told


def _story(key: str, records: list[Record], clock: Clock, reject: Reject) -> Story | None:
    """The order of an invoice; None if none of its lines can go in."""
    first = records[0]
    items = _items(records, reject)
    if not items:
        return None
    left_out = len(records) - len(items)
    person_id = first["customerid"].strip()
    source_id = person_id or f"guest:{key}"
    at = min(clock.read(record["invoicedate"], "InvoiceDate") for record in records)
    return Story(
        first,
        key,
        at,
        _person(source_id, first["country"]),
        campaign=f"Online Retail {first['country']}"[:150],
        gateway="Online Retail",
        fields={"currency": "GBP", "ip_address": people.ip_address(source_id)},
        items=items,
        payments=[(first, people.card_payment(source_id))],
        facts=[Fact(first, "complete_sale", at)],
        oddities=[f"Imported without {left_out} of its lines: they were rejected."] if left_out else [],
        is_repeat=bool(person_id),
    )


def _items(records: list[Record], reject: Reject) -> list[Item]:
    items = []
    for number, record in enumerate(records, start=1):
        try:
            if record["customerid"] != records[0]["customerid"]:
                raise LineRejected("It names another customer than the first line of its invoice.")
            items.append(_item(str(number), record))
        except LineRejected as reason:
            reject(record, str(reason))
    return items


def _item(number: str, record: Record) -> Item:
    pieces = values.whole(record["quantity"], "Quantity")
    if pieces < 0:
        raise LineRejected("A negative quantity outside a cancellation is a stock write-off, not a sale.")
    return Item(
        record,
        external_id=number,
        sku=values.required(record["stockcode"], "StockCode"),
        price=values.price(record["unitprice"], "UnitPrice"),
        quantity=values.quantity(record["quantity"]),
        name=values.short(record["description"], "Description", 200),
    )


def _person(source_id: str, country: str) -> dict[str, Any]:
    """Who bought. Without a CustomerID it is a guest of this one invoice."""
    values.required(source_id, "CustomerID")
    return {**people.person(source_id, called(country)), "external_id": source_id}


def _credits(key: str, records: list[Record], clock: Clock, reject: Reject) -> list[Credit]:
    found = []
    for number, record in enumerate(records, start=1):
        try:
            found.append(_credit(f"{key}:{number}", record, clock))
        except LineRejected as reason:
            reject(record, str(reason))
    return found


def _credit(external_id: str, record: Record, clock: Clock) -> Credit:
    pieces = values.whole(record["quantity"], "Quantity")
    if pieces >= 0:
        raise LineRejected("The quantity of a cancellation must be negative.")
    if not record["customerid"].strip():
        raise LineRejected("A cancellation without a customer: nobody can tell which sale it belongs to.")
    values.short(record["invoiceno"], "InvoiceNo", 32)
    return Credit(
        record,
        external_id,
        person_id=values.required(record["customerid"], "CustomerID"),
        sku=values.required(record["stockcode"], "StockCode"),
        quantity=-pieces,
        price=values.price(record["unitprice"], "UnitPrice"),
        at=clock.read(record["invoicedate"], "InvoiceDate"),
        reason=values.short(f"Returned: {record['description'].strip()}", "Description", 200),
    )


PRESET: Final = Preset(
    name="online-retail",
    lead="lines",
    zone="Europe/London",
    tell=tell,
    kinds={
        "lines": Kind(
            (
                "InvoiceNo",
                "StockCode",
                "Description",
                "Quantity",
                "InvoiceDate",
                "UnitPrice",
                "CustomerID",
                "Country",
            ),
            key="InvoiceNo",
            moment="InvoiceDate",
        )
    },
)
