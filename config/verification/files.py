"""What the files say, read plainly: every figure that the database must come to."""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

BRAZIL, BRITAIN = ZoneInfo("America/Sao_Paulo"), ZoneInfo("Europe/London")
OLIST, RETAIL = "olist", "online_retail_2010-12_2011-08.csv.gz"
# Which date of an order of Olist is which event. A billing without an approval has not happened.
EVENTS_BY_DATE = {
    "order.created": "order_purchase_timestamp",
    "order.sale": "order_approved_at",
    "fulfillment.shipped": "order_delivered_carrier_date",
    "fulfillment.delivered": "order_delivered_customer_date",
}
CANCELLING = ("canceled", "unavailable")
Moment = tuple[str, datetime]  # order id, instant
Line = dict[str, str]


@dataclass(slots=True)
class Expected:
    """Figures by their name, and for each event type the orders and instants of its events."""

    figures: dict[str, object] = field(default_factory=dict)
    moments: dict[str, Counter[Moment]] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_sum: Decimal = Decimal(0)


def olist(folder: Path) -> Expected:
    """What is in the files of Olist."""
    orders, items = list(_lines(folder / "orders.csv.gz")), list(_lines(folder / "order_items.csv.gz"))
    payments, people = (
        list(_lines(folder / "order_payments.csv.gz")),
        list(_lines(folder / "customers.csv.gz")),
    )
    approved = {line["order_id"] for line in orders if line["order_approved_at"]}
    cancelled = {line["order_id"] for line in orders if line["order_status"] in CANCELLING}
    back = [line for line in payments if line["order_id"] in cancelled & approved]
    expected = Expected()
    expected.figures = {
        "orders": len(orders),
        "persons": len({line["customer_unique_id"] for line in people}),
        "items": len(items),
        "items + freight": _sum(items, "price") + _sum(items, "freight_value"),
        "payments": len(payments),
        "payments, sum": _sum(payments, "payment_value"),
        "payments of 0.00": sum(Decimal(line["payment_value"]) == 0 for line in payments),
        "payments never approved": sum(line["order_id"] not in approved for line in payments),
        "orders with several payments": _repeated(payments, "order_id"),
        "orders without items": len(orders) - len({line["order_id"] for line in items}),
        "orders still partial": len({line["order_id"] for line in orders} - approved - cancelled),
        "orders cancelled": len(cancelled),
        "refunds": len({line["order_id"] for line in back if Decimal(line["payment_value"]) > 0}),
        "refunds, sum": _sum(back, "payment_value"),
        "products": len({line["product_id"] for line in items}),
    }
    expected.figures.update(_olist_kinds(payments))
    expected.figures.update(_olist_oddities(orders))
    for event_type, column in EVENTS_BY_DATE.items():
        dated = (line for line in orders if line[column])
        expected.moments[event_type] = Counter(
            (line["order_id"], _at(line[column], BRAZIL)) for line in dated
        )
    last = Counter((line["order_id"], _last(line)) for line in orders if line["order_id"] in cancelled)
    expected.moments["order.cancelled"] = last
    expected.moments["order.refunded"] = Counter({one: 1 for one in last if one[0] in approved})
    return expected


def retail(path: Path) -> Expected:
    """What is in the file of the gift shop."""
    expected = Expected()
    invoices: dict[str, list[Line]] = defaultdict(list)
    for line in _lines(path):
        invoices[line["InvoiceNo"]].append(line)
    sold = {number: _sold(lines) for number, lines in invoices.items() if number[0] not in "CA"}
    sold = {number: lines for number, lines in sold.items() if lines}
    everything = [line for lines in invoices.values() for line in lines]
    kept = [line for lines in sold.values() for line in lines]
    expected.figures = {
        "lines": len(everything),
        "orders": len(sold),
        "customers with an id": len({line["CustomerID"] for line in kept if line["CustomerID"]}),
        "guests": sum(not lines[0]["CustomerID"] for lines in sold.values()),
        "items": len(kept),
        "items, pieces": sum(int(line["Quantity"]) for line in kept),
        "items, sum": sum((_value(line) for line in kept), Decimal(0)),
        "items at 0.00": sum(Decimal(line["UnitPrice"]) == 0 for line in kept),
        "net total": sum((_value(line) for line in everything), Decimal(0)),
        "products": len({line["StockCode"] for line in kept}),
    }
    _add_retail_moments(expected, sold)
    _settle_credits(expected, everything)
    return expected


def _olist_kinds(payments: list[Line]) -> dict[str, object]:
    counted = Counter(line["payment_type"] for line in payments)
    cards = counted["credit_card"] + counted["debit_card"]
    return {
        "payments by card": cards,
        "payments by debit card": counted["debit_card"],
        "payments by boleto (CHECK)": counted["boleto"],
        "payments by voucher (PREPAID)": counted["voucher"],
        "payments by nothing known": counted["not_defined"],
    }


def _olist_oddities(orders: list[Line]) -> dict[str, object]:
    def both(earlier: str, later: str) -> int:
        return sum(bool(one[earlier] and one[later]) and one[later] < one[earlier] for one in orders)

    approved, carrier, customer = list(EVENTS_BY_DATE.values())[1:]
    return {
        "odd: shipped before it was approved": both(approved, carrier),
        "odd: delivered before it was shipped": both(carrier, customer),
        "odd: delivered without a date": sum(
            one["order_status"] == "delivered" and not one[customer] for one in orders
        ),
        "odd: cancelled after it was shipped": sum(
            one["order_status"] in CANCELLING and bool(one[carrier]) for one in orders
        ),
    }


def _add_retail_moments(expected: Expected, sold: dict[str, list[Line]]) -> None:
    """A customer's first invoice is a new sale, the later ones are recurring; a guest's is always new."""
    moments = {
        number: min(_at(line["InvoiceDate"], BRITAIN) for line in lines) for number, lines in sold.items()
    }
    expected.moments["order.created"] = Counter(moments.items())
    first: dict[str, str] = {}
    for number in sorted(sold, key=lambda one: moments[one]):  # stable: at one time, as in the file
        first.setdefault(sold[number][0]["CustomerID"] or f"guest {number}", number)
    new = set(first.values())
    expected.moments["order.sale"] = Counter(one for one in moments.items() if one[0] in new)
    expected.moments["order.recurring"] = Counter(one for one in moments.items() if one[0] not in new)


def _settle_credits(expected: Expected, everything: list[Line]) -> None:
    """Which cancelled pieces have an earlier sale to the same customer that they can be taken back from."""
    rejected, taken = Counter[str](), list[Line]()
    shelf: dict[tuple[str, str], list[_Sold]] = defaultdict(list)
    for line in sorted(everything, key=lambda one: one["InvoiceDate"]):  # ISO, so as text; stable
        key, number = (line["CustomerID"], line["StockCode"]), line["InvoiceNo"]
        if number[0] == "A":
            rejected["An adjustment of bad debt"] += 1
        elif number[0] != "C":
            if int(line["Quantity"]) < 0:
                rejected["A negative quantity outside"] += 1
            else:
                shelf[key].insert(0, _Sold(Decimal(line["UnitPrice"]), int(line["Quantity"])))
        elif not line["CustomerID"]:
            rejected["A cancellation without a customer"] += 1
        elif reason := _misfit(line, shelf[key]):
            rejected[reason] += 1
        else:
            taken.append(line)
    expected.rejected = rejected
    back = -sum((_value(line) for line in taken), Decimal(0))
    expected.figures |= {"cancellation lines refunded": len(taken), "refunds, sum": back}
    expected.rejected_sum = (
        Decimal(str(expected.figures["net total"])) - Decimal(str(expected.figures["items, sum"])) + back
    )


@dataclass(slots=True)
class _Sold:
    price: Decimal
    left: int


def _misfit(line: Line, sold: list[_Sold]) -> str:
    """Takes the pieces off, of the same price before a higher one, newest first; or says why it cannot."""
    price, wanted = Decimal(line["UnitPrice"]), -int(line["Quantity"])
    if not sold:
        return "A cancellation without an earlier sale"
    fitting = [one for one in sold if one.left and one.price == price]
    fitting += [one for one in sold if one.left and one.price > price]
    if not fitting:
        return "A cancellation at a higher price"
    if sum(one.left for one in fitting) < wanted:
        return "A cancellation of more pieces"
    for one in fitting:
        pieces = min(one.left, wanted)
        one.left -= pieces
        wanted -= pieces
    return ""


def _sold(lines: list[Line]) -> list[Line]:
    return [line for line in lines if int(line["Quantity"]) > 0 and Decimal(line["UnitPrice"]) >= 0]


def _value(line: Line) -> Decimal:
    return int(line["Quantity"]) * Decimal(line["UnitPrice"])


def _last(line: Line) -> datetime:
    return max(_at(line[column], BRAZIL) for column in EVENTS_BY_DATE.values() if line[column])


def _at(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def _sum(lines: list[Line], column: str) -> Decimal:
    return sum((Decimal(line[column]) for line in lines), Decimal(0))


def _repeated(lines: list[Line], column: str) -> int:
    return sum(count > 1 for count in Counter(line[column] for line in lines).values())


def _lines(path: Path) -> Iterator[Line]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
