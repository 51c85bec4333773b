"""Our own layout (docs/import.md): one file, a line for each item or happening, from any spreadsheet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from delivery.card_numbers import holds_card_number
from orders.importers import values
from orders.importers.presets.layout import Kind, Preset, Reject, Told
from orders.importers.staging import Staging
from orders.importers.stories import BILLING, Fact, Item, LineRejected, Record, Story
from orders.importers.values import Clock
from orders.lifecycle import Payment

# Columns of the file, each with the column that it fills.
PERSON = {
    "customer_id": "external_id",
    "first_name": "first_name",
    "last_name": "last_name",
    "company_name": "company_name",
    "email": "email",
    "phone": "cell_phone",
    "address1": "address",
    "address2": "address2",
    "city": "city",
    "state": "state",
    "postal_code": "zip",
    "country": "country",
}
SHIPPING = (
    "first_name",
    "last_name",
    "company_name",
    "address1",
    "address2",
    "city",
    "state",
    "postal_code",
    "country",
)
ORDER = {
    **{f"ship_{name}": f"ship_{name}" for name in SHIPPING},
    "currency": "currency",
    "coupon_code": "coupon_code",
    "ip_address": "ip_address",
    "user_agent": "user_agent",
    "http_referer": "http_referer",
    "sales_url": "sales_url",
    "agent_note": "agent_note",
}
ATTRIBUTION = {
    "funnel_reference_id": "funnelReferenceId",
    "source_id": "sourceId",
    "aff_id": "affId",
    "pub_id": "pubId",
    "sub_aff_id": "subAffId",
    **{f"source_value{number}": f"sourceValue{number}" for number in range(1, 6)},
    **{
        f"utm_{name}": f"UTM{name.capitalize()}"
        for name in ("source", "medium", "campaign", "term", "content")
    },
}
CUSTOM = tuple(f"custom{number}" for number in range(1, 6))


@dataclass(frozen=True, slots=True)
class _Happening:
    """A move that a line tells of by a date; its details are texts of other columns."""

    column: str
    move: str
    details: dict[str, str]


HAPPENINGS = (
    _Happening("held_at", "hold_for_qa", {}),
    _Happening("qa_approved_at", "approve_qa", {}),
    _Happening("qa_declined_at", "decline_qa", {"reason": "decline_reason"}),
    _Happening("declined_at", "decline", {"reason": "decline_reason"}),
    _Happening("sold_at", "complete_sale", {}),
    _Happening(
        "shipped_at",
        "ship",
        {"tracking_number": "tracking_number", "ship_carrier": "ship_carrier", "ship_method": "ship_method"},
    ),
    _Happening("delivered_at", "deliver", {}),
    _Happening(
        "charged_back_at",
        "charge_back",
        {"amount": "chargeback_amount", "reason_code": "chargeback_reason_code", "note": "chargeback_note"},
    ),
    _Happening("rma_at", "issue_rma", {"rma_number": "rma_number"}),
    _Happening("returned_at", "receive_rma", {}),
    _Happening("cancelled_at", "cancel_order", {"reason": "cancel_reason"}),
    _Happening(
        "refunded_at",
        "refund",
        {"amount": "refund_amount", "reason": "refund_reason", "external_id": "refund_id"},
    ),
)


def tell(keys: Sequence[str], staging: Staging, clock: Clock, reject: Reject) -> Told:
    """The stories of these order ids."""
    lines = staging.lines("lines", keys)
    told = Told()
    for key in keys:
        try:
            told.stories.append(_story(key, lines[key], clock, reject))
        except LineRejected as reason:
            for record in lines[key]:
                reject(record, str(reason))
    return told


def _story(key: str, records: list[Record], clock: Clock, reject: Reject) -> Story:
    first = _first_of(records)
    at = clock.read_if_any(first("created_at"), "created_at")
    if at is None:
        raise LineRejected("No line of this order has its created_at.")
    person = {column: first(name).strip() for name, column in PERSON.items()}
    story = Story(records[0], key, at, person)
    story.campaign = values.short(first("campaign"), "campaign", 150)
    story.gateway = values.short(first("gateway"), "gateway", 100)
    story.fields = _fields(first)
    left_out = sum(
        not _add_line(story, number, record, clock, reject) for number, record in enumerate(records, 1)
    )
    if left_out == len(records):
        raise LineRejected("None of the lines of this order can go in.")
    if left_out:
        story.oddities.append(f"Imported without {left_out} of its lines: they could not be read.")
    _settle(story)
    return story


def _first_of(records: list[Record]) -> Callable[[str], str]:
    """What the order says in a column: the first line that has something there speaks for it."""
    return lambda name: next((record[name] for record in records if record[name].strip()), "")


def _fields(first: Callable[[str], str]) -> dict[str, Any]:
    tax = values.price(first("sales_tax") or "0", "sales_tax")
    discount = values.price(first("discount") or "0", "discount")
    return {
        **{column: text for name, column in ORDER.items() if (text := first(name).strip())},
        "is_test": _yes(first("is_test"), "is_test"),
        "sales_tax": tax,
        "discount": discount,
        "attribution": {
            column: text for name, column in ATTRIBUTION.items() if (text := first(name).strip())
        },
        "custom_fields": {name: text for name in CUSTOM if (text := first(name).strip())},
    }


def _yes(text: str, what: str) -> bool:
    plain = text.strip().lower()
    if plain not in ("", "0", "1", "yes", "no", "true", "false"):
        raise LineRejected(f"The {what} is neither yes nor no.")
    return plain in ("1", "yes", "true")


def _add_line(story: Story, number: int, record: Record, clock: Clock, reject: Reject) -> bool:
    """Item, payment and happenings of one line; all of it or, if it is rejected, nothing."""
    try:
        item = _item(record, number)
        payment = _payment(record, number)
        facts = _facts(record, clock)
    except LineRejected as reason:
        reject(record, str(reason))
        return False
    if item is not None:
        story.items.append(item)
    if payment is not None:
        story.payments.append((record, payment))
    known = {(fact.move, fact.at, tuple(fact.details.items())) for fact in story.facts}
    story.facts += [fact for fact in facts if (fact.move, fact.at, tuple(fact.details.items())) not in known]
    return True


def _item(record: Record, number: int) -> Item | None:
    """The item of a line; None for a line that has none."""
    name = values.short(record["product"], "product", 200)
    sku = values.short(record["sku"], "sku", 64) or name[:64]
    if not sku:
        return None
    kind = record["item_type"].strip().upper()
    if kind not in ("", "OFFER", "UPSALE", "UPSELL"):
        raise LineRejected("The item_type is neither OFFER nor UPSALE.")
    return Item(
        record,
        external_id=values.short(record["item_id"], "item_id", 64) or str(number),
        sku=sku,
        price=values.price(record["price"]),
        quantity=values.quantity(record["quantity"] or "1"),
        shipping=values.price(record["shipping"] or "0", "shipping"),
        name=name,
        category=values.short(record["category"], "category", 100),
        recurring_days=_days(record["recurring_days"]),
        is_upsell=kind in ("UPSALE", "UPSELL"),
    )


def _days(text: str) -> int:
    days = values.whole(text or "0", "recurring_days")
    if not 0 <= days <= 3_650:
        raise LineRejected("The recurring_days are not between 0 and 3650.")
    return days


def _payment(record: Record, number: int) -> Payment | None:
    """The payment of a line, if it has an amount, a card or a token."""
    if not any(
        record[name].strip() for name in ("payment_amount", "card_last4", "card_type", "payment_token")
    ):
        return None
    token = values.short(record["payment_token"], "payment_token", 100)
    if holds_card_number(token):
        raise LineRejected("The payment_token looks like a full card number, which is never taken in.")
    text = record["payment_amount"].strip()
    last4 = record["card_last4"].strip()
    # Spreadsheets drop zeros in front: 0 means 0000, the mark of a test card.
    last4 = last4.zfill(4) if last4.isdecimal() else last4
    if len(last4) > 4:
        raise LineRejected("The card_last4 has more than four digits.")
    return Payment(
        amount=values.price(text, "payment_amount") if text else None,
        pay_source=values.short(record["pay_source"], "pay_source", 20).upper() or "CREDITCARD",
        card_type=values.short(record["card_type"], "card_type", 20).upper(),
        card_bin=values.short(record["card_bin"], "card_bin", 8),
        card_last4=last4,
        card_expiry=values.short(record["card_expiry"], "card_expiry", 7),
        merchant_txn_id=values.short(record["transaction_id"], "transaction_id", 64),
        external_id=values.short(record["transaction_id"], "transaction_id", 64) or str(number),
        token=token,
    )


def _facts(record: Record, clock: Clock) -> list[Fact]:
    found = []
    for happening in HAPPENINGS:
        at = clock.read_if_any(record[happening.column], happening.column)
        if at is None:
            continue
        details: dict[str, Any] = {
            name: record[column].strip()
            for name, column in happening.details.items()
            if record[column].strip()
        }
        if "amount" in details:
            details["amount"] = values.price(details["amount"], f"amount of {happening.column}")
        if happening.move == "refund":
            amount: Decimal | str = details.get("amount", "all")
            details.setdefault("external_id", f"{record[happening.column].strip()} {amount}"[:64])
        found.append(Fact(record, happening.move, at, details))
    return found


def _settle(story: Story) -> None:
    """Facts in the order of their dates; upsells leave the cart, to be added to the sale."""
    story.facts.sort(key=lambda fact: fact.at)
    sold_at = next((fact.at for fact in story.facts if fact.move in ("complete_sale", "approve_qa")), None)
    upsells = [item for item in story.items if item.is_upsell]
    if upsells and sold_at is not None:
        story.items = [item for item in story.items if not item.is_upsell]
        after_sale = _place_after(story.facts, sold_at)
        story.facts.insert(after_sale, Fact(upsells[0].record, "add_upsell", sold_at, {"items": upsells}))


def _place_after(facts: list[Fact], sold_at: datetime) -> int:
    sales = [
        place
        for place, fact in enumerate(facts)
        if fact.move in (*BILLING, "approve_qa") and fact.at == sold_at
    ]
    return sales[-1] + 1


PRESET: Final = Preset(
    name="postrider",
    lead="lines",
    tell=tell,
    kinds={"lines": Kind(("order_id", "created_at"), key="order_id", moment="created_at")},
    refused_columns=("card_number", "cardnumber", "cvv", "cvc", "card_security_code"),
)
