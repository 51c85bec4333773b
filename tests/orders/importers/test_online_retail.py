"""Online Retail: invoices are orders, cancellations are refunds of what they fit, the rest says why not."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from delivery.models import Event
from orders.models import Order, OrderItem, Transaction

from .intake import RETAIL, event_types, order, rejects, take_in, written

pytestmark = pytest.mark.django_db

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
SALE = "100,A1,MUG,10,2011-01-03T10:00:00,2.50,17850,United Kingdom"


def given(folder: Path, *lines: str) -> list[tuple[int, str]]:
    """Imports these lines; what was rejected."""
    noted = folder / "rejects.csv"
    take_in(written(folder, *lines, header=HEADER), "online-retail", rejects=noted)
    return rejects(noted)


def test_the_slice_adds_up() -> None:
    report = take_in(RETAIL, "online-retail")
    with RETAIL.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    credited = {
        key.partition(">")[0]
        for key in Transaction.objects.filter(type="REFUND").values_list("external_id", flat=True)
    }
    assert report.read == len(lines) == OrderItem.objects.count() + len(credited) + report.rejected
    assert set(Order.objects.values_list("currency", flat=True)) == {"GBP"}


def test_later_invoices_of_a_customer_are_recurring(tmp_path: Path) -> None:
    assert given(tmp_path, SALE, "101,A1,MUG,1,2011-02-03T10:00:00,2.50,17850,United Kingdom") == []
    assert (order("100").type, order("101").type) == ("NEW_SALE", "RECURRING")
    assert order("101").original_order == order("100")
    assert "order.sale" in event_types("100") and "order.recurring" not in event_types("100")
    assert "order.recurring" in event_types("101") and "order.sale" not in event_types("101")


def test_a_cancellation_gives_money_back(tmp_path: Path) -> None:
    assert given(tmp_path, SALE, "C102,A1,MUG,-4,2011-01-05T10:00:00,2.50,17850,United Kingdom") == []
    assert (order("100").refunded, order("100").status) == (Decimal("10.00"), "COMPLETE")
    event = Event.objects.get(type="order.refunded")
    assert (event.data["kind"], event.data["amount"]) == ("partial", "10.00")


def test_a_cancellation_of_all_is_a_full_refund(tmp_path: Path) -> None:
    given(tmp_path, SALE, "C102,A1,MUG,-10,2011-01-05T10:00:00,2.50,17850,United Kingdom")
    assert order("100").status == "REFUNDED"
    assert Event.objects.get(type="order.refunded").data["kind"] == "full"


def test_a_cancellation_may_span_two_sales_newest_first(tmp_path: Path) -> None:
    second = "101,A1,MUG,3,2011-02-03T10:00:00,2.50,17850,United Kingdom"
    assert given(tmp_path, SALE, second, "C102,A1,MUG,-5,2011-03-05T10:00:00,2.50,17850,United Kingdom") == []
    assert (order("101").refunded, order("100").refunded) == (Decimal("7.50"), Decimal("5.00"))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("C102,A1,MUG,-11,2011-01-05T10:00:00,2.50,17850,United Kingdom", "more pieces than are left"),
        ("C102,A1,MUG,-1,2011-01-05T10:00:00,2.60,17850,United Kingdom", "at a higher price"),
        ("C102,A1,MUG,-1,2011-01-01T10:00:00,2.50,17850,United Kingdom", "without an earlier sale"),
        ("C102,B2,CUP,-1,2011-01-05T10:00:00,2.50,17850,United Kingdom", "without an earlier sale"),
        ("C102,A1,MUG,-1,2011-01-05T10:00:00,2.50,,United Kingdom", "without a customer"),
        ("C102,A1,MUG,-1,2011-01-05T10:00:00,0,17850,United Kingdom", "more money than is left"),
        ("C102,A1,MUG,1,2011-01-05T10:00:00,2.50,17850,United Kingdom", "must be negative"),
        ("A103,B,Adjust bad debt,1,2011-01-05T10:00:00,-11062.06,,United Kingdom", "adjustment of bad debt"),
        ("104,A1,damaged,-10,2011-01-05T10:00:00,0,,United Kingdom", "stock write-off"),
        ("104,A1,MUG,1,2011-01-05T10:00:00,-1,17850,United Kingdom", "UnitPrice is negative"),
        ("104,A1,MUG,1,2011-01-05T10:00:00,1.00001,17850,United Kingdom", "four decimals"),
        ("104,A1,MUG,1.5,2011-01-05T10:00:00,1,17850,United Kingdom", "not a whole number"),
        ("104,A1,MUG,1,yesterday,1,17850,United Kingdom", "not a date"),
        ("100,A1,MUG,1,2011-01-03T10:00:00,1,99999,United Kingdom", "another customer"),
    ],
)
def test_what_does_not_fit_is_rejected_with_the_reason_and_changes_nothing(
    tmp_path: Path, line: str, reason: str
) -> None:
    [(number, text)] = given(tmp_path, SALE, line)
    assert number == 3 and reason in text
    assert Order.objects.count() == 1 and order("100").refunded == 0


def test_duplicates_stay_zero_prices_stay_and_mills_count(tmp_path: Path) -> None:
    free = SALE.replace("2.50", "0")
    assert given(tmp_path, SALE, SALE, free, SALE.replace("2.50", "0.003")) == []
    assert order("100").items.count() == 4
    assert order("100").paid == Decimal("50.03")


def test_guests_are_one_person_an_invoice(tmp_path: Path) -> None:
    given(tmp_path, SALE.replace("17850", ""), SALE.replace("17850", "").replace("100,", "101,"))
    assert order("100").customer != order("101").customer
    assert {order("100").type, order("101").type} == {"NEW_SALE"}


def test_a_cancellation_in_a_later_file_finds_the_sale_and_is_not_repeated(tmp_path: Path) -> None:
    given(tmp_path, SALE)
    credit = "C102,A1,MUG,-6,2011-01-05T10:00:00,2.50,17850,United Kingdom"
    for _ in range(3):
        assert given(tmp_path, credit) == []
        assert order("100").refunded == Decimal("15.00")
    [(_, reason)] = given(tmp_path, credit.replace("C102", "C103"))
    assert "more pieces than are left" in reason


def test_lines_of_an_invoice_may_lie_apart(tmp_path: Path) -> None:
    given(tmp_path, SALE, SALE.replace("100,", "101,"), SALE.replace("MUG", "MUG 2"))
    assert [item.name for item in order("100").items.all()] == ["MUG", "MUG 2"]


def test_an_invoice_that_is_in_takes_no_more_items(tmp_path: Path) -> None:
    given(tmp_path, SALE)
    [(number, reason)] = given(tmp_path, SALE, SALE.replace("MUG", "MUG 2"))
    assert number == 3 and "cannot change any more" in reason
    assert order("100").items.count() == 1
