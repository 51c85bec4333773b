"""Orders of the Olist marketplace in Brazil: seven files, joined by their ids."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from orders.importers import people, values
from orders.importers.countries import BY_NAME
from orders.importers.presets.layout import Kind, Preset, Reject, Told
from orders.importers.staging import Staging
from orders.importers.stories import Fact, Item, LineRejected, Record, Story
from orders.importers.values import Clock
from orders.lifecycle import Payment

BRAZIL = BY_NAME["Brazil"]
DATES = {
    "order_purchase_timestamp": "date of purchase",
    "order_approved_at": "date of approval",
    "order_delivered_carrier_date": "date of shipping",
    "order_delivered_customer_date": "date of delivery",
}
STATUSES = (
    "created",
    "approved",
    "processing",
    "invoiced",
    "shipped",
    "delivered",
    "canceled",
    "unavailable",
)
# What the other systems know as pay sources; a boleto is a slip that is paid at a bank, as a cheque is.
PAY_SOURCES = {
    "credit_card": "CREDITCARD",
    "debit_card": "CREDITCARD",
    "boleto": "CHECK",
    "voucher": "PREPAID",
    "not_defined": "",
}
ROUNDING = Decimal("0.02")  # up to this, what was paid agrees with what the order costs


@dataclass(frozen=True, slots=True)
class _Join:
    """The lines that belong to the orders of one batch, by their keys."""

    customers: dict[str, list[Record]]
    items: dict[str, list[Record]]
    payments: dict[str, list[Record]]
    products: dict[str, list[Record]]
    sellers: dict[str, list[Record]]
    categories: dict[str, list[Record]]


def tell(keys: Sequence[str], staging: Staging, clock: Clock, reject: Reject) -> Told:
    """The stories of these order ids."""
    orders = staging.lines("orders", keys)
    join = _join(keys, orders, staging)
    told = Told()
    for key in keys:
        record = orders[key][-1]  # of several lines of one order, the last is the newest
        try:
            told.stories.append(_story(record, join, clock, reject))
        except LineRejected as reason:
            reject(record, str(reason))
    return told


def _join(keys: Sequence[str], orders: dict[str, list[Record]], staging: Staging) -> _Join:
    items = staging.lines("items", keys)
    products = staging.lines("products", _column(items, "product_id"))
    return _Join(
        customers=staging.lines("customers", _column(orders, "customer_id")),
        items=items,
        payments=staging.lines("payments", keys),
        products=products,
        sellers=staging.lines("sellers", _column(items, "seller_id")),
        categories=staging.lines("categories", _column(products, "product_category_name")),
    )


def _column(records: dict[str, list[Record]], name: str) -> set[str]:
    return {record[name] for same in records.values() for record in same}


def _story(record: Record, join: _Join, clock: Clock, reject: Reject) -> Story:
    key, status = record["order_id"], record["order_status"]
    if status not in STATUSES:
        raise LineRejected("The order_status is not one that this layout knows.")
    dates = {name: clock.read_if_any(record[name], what) for name, what in DATES.items()}
    purchased_at = dates["order_purchase_timestamp"]
    if purchased_at is None:
        raise LineRejected("The date of purchase is empty.")
    person = _person(record, join)
    story = Story(record, key, purchased_at, person, gateway="Olist")
    _add_lines(story, join, reject)
    story.campaign = f"Olist sellers {_seller_state(story, join) or 'unknown'}"
    story.fields = _fields(record, story, join)
    story.facts = _facts(record, dates, story)
    return story


def _person(record: Record, join: _Join) -> dict[str, Any]:
    found = join.customers.get(record["customer_id"])
    if not found:
        raise LineRejected("There is no line for its customer_id among the customers.")
    line = found[-1]
    unique_id = values.required(line["customer_unique_id"], "customer_unique_id")
    return {
        **people.person(unique_id, BRAZIL),
        "external_id": unique_id,
        "city": line["customer_city"],
        "state": line["customer_state"],
        "zip": line["customer_zip_code_prefix"].zfill(5),  # spreadsheets drop the zero in front
    }


def _add_lines(story: Story, join: _Join, reject: Reject) -> None:
    """Items and payments; those that cannot go in are left out, and the order says so."""
    items = _newest(join.items.get(story.external_id, ()), "order_item_id")
    payments = _newest(join.payments.get(story.external_id, ()), "payment_sequential")
    for line in items:
        try:
            story.items.append(_item(line, join))
        except LineRejected as reason:
            reject(line, str(reason))
    for line in payments:
        try:
            story.payments.append((line, _payment(line, story.person["external_id"])))
        except LineRejected as reason:
            reject(line, str(reason))
    story.items.sort(key=lambda item: int(item.external_id))
    story.payments.sort(key=lambda one: int(one[1].external_id))
    left_out = len(items) + len(payments) - len(story.items) - len(story.payments)
    if left_out:
        story.oddities.append(f"Imported without {left_out} of its lines: they could not be read.")
    if not items:
        story.oddities.append("The source has no items of it.")


def _newest(records: Sequence[Record], column: str) -> list[Record]:
    """One line for each number: of several, the last."""
    return list({record[column]: record for record in records}.values())


def _item(line: Record, join: _Join) -> Item:
    sku = values.required(line["product_id"], "product_id")
    products = join.products.get(sku)
    category = products[-1]["product_category_name"] if products else ""
    translated = join.categories.get(category)
    category = translated[-1]["product_category_name_english"] if translated else category
    return Item(
        line,
        external_id=str(values.whole(line["order_item_id"], "order_item_id")),
        sku=sku,
        price=values.price(line["price"]),
        shipping=values.price(line["freight_value"], "freight_value"),
        # The source has no names of products: category and the beginning of the id stand for one.
        name=f"{category.replace('_', ' ').capitalize() or 'Product'} {sku[:6]}"[:200],
        category=category[:100],
    )


def _payment(line: Record, person_id: str) -> Payment:
    kind = line["payment_type"]
    if kind not in PAY_SOURCES:
        raise LineRejected("The payment_type is not one that this layout knows.")
    is_card = PAY_SOURCES[kind] == "CREDITCARD"
    return replace(
        people.card_payment(person_id) if is_card else Payment(),
        amount=values.price(line["payment_value"], "payment_value"),
        pay_source=PAY_SOURCES[kind],
        card_is_debit=kind == "debit_card",
        external_id=str(values.whole(line["payment_sequential"], "payment_sequential")),
    )


def _seller_state(story: Story, join: _Join) -> str:
    for item in story.items:
        for seller in join.sellers.get(item.record["seller_id"], ()):
            return seller["seller_state"][:60]
    return ""


def _fields(record: Record, story: Story, join: _Join) -> dict[str, Any]:
    lines = join.payments.get(story.external_id, ())
    kept = {
        "estimated_delivery": record["order_estimated_delivery_date"][:10],
        "installments": max((line["payment_installments"] for line in lines), default=""),
    }
    return {
        "currency": "BRL",
        "ip_address": people.ip_address(story.person["external_id"]),
        "custom_fields": {name: value for name, value in kept.items() if value},
    }


def _facts(record: Record, dates: dict[str, datetime | None], story: Story) -> list[Fact]:
    """The moves by their dates. The source dates no cancellation: the last date it has stands for it."""
    moves = zip(("complete_sale", "ship", "deliver"), list(dates.values())[1:], strict=True)
    facts = [Fact(record, move, at) for move, at in moves if at is not None]
    facts.sort(key=lambda fact: fact.at)  # stable: what has one date stays in the order of a life
    _note_oddities(record["order_status"], story, facts)
    if record["order_status"] in ("canceled", "unavailable"):
        last = max([story.at, *(fact.at for fact in facts)])
        facts.append(Fact(record, "cancel_order", last, {"reason": record["order_status"]}))
        if story.paid and any(fact.move == "complete_sale" for fact in facts):
            details = {"reason": record["order_status"], "external_id": "cancellation"}
            facts.append(Fact(record, "refund", last, details))
    return facts


def _note_oddities(status: str, story: Story, facts: list[Fact]) -> None:
    made = {fact.move for fact in facts}
    if status == "delivered" and "deliver" not in made:
        story.oddities.append("Delivered, but the source has no date of it.")
    if status in ("canceled", "unavailable"):
        story.oddities.append(
            "The source has no date of the cancellation: the last date it has stands for it."
        )
    if "complete_sale" in made and abs(story.paid - story.cost) > ROUNDING:
        story.oddities.append(f"Paid {story.paid:.2f}, though items and shipping come to {story.cost:.2f}.")


PRESET: Final = Preset(
    name="olist",
    lead="orders",
    zone="America/Sao_Paulo",
    tell=tell,
    kinds={
        "orders": Kind(
            ("order_id", "customer_id", "order_status", *DATES),
            key="order_id",
            moment="order_purchase_timestamp",
        ),
        "customers": Kind(
            (
                "customer_id",
                "customer_unique_id",
                "customer_zip_code_prefix",
                "customer_city",
                "customer_state",
            ),
            key="customer_id",
        ),
        "items": Kind(
            ("order_id", "order_item_id", "product_id", "seller_id", "price", "freight_value"),
            key="order_id",
            parent="orders",
        ),
        "payments": Kind(
            ("order_id", "payment_sequential", "payment_type", "payment_value"),
            key="order_id",
            parent="orders",
        ),
        "products": Kind(("product_id", "product_category_name"), key="product_id", is_needed=False),
        "sellers": Kind(("seller_id", "seller_state"), key="seller_id", is_needed=False),
        "categories": Kind(
            ("product_category_name", "product_category_name_english"),
            key="product_category_name",
            is_needed=False,
        ),
    },
)
