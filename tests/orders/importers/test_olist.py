"""Olist: every order, item, payment and date of the files, and each oddity that is really in them."""

import csv
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from delivery.models import Event
from orders.models import Order, OrderItem, Transaction

from .intake import OLIST, event_types, order, take_in

pytestmark = pytest.mark.django_db


def lines(name: str) -> list[dict[str, str]]:
    with (OLIST / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def ids(**wanted: str) -> list[str]:
    """Orders of the files by some of their columns; a value "" is an empty one, "*" any that is not."""

    def fits(line: dict[str, str]) -> bool:
        return all(
            line[name] == value or (value == "*" and line[name] != "") for name, value in wanted.items()
        )

    return [line["order_id"] for line in lines("orders") if fits(line)]


@pytest.fixture(autouse=True)
def imported(db: None) -> None:
    report = take_in(OLIST, "olist")
    assert report.rejected == 0
    assert report.tally.orders_new == len(lines("orders"))


def test_every_line_is_a_row() -> None:
    assert Order.objects.count() == len(lines("orders"))
    assert OrderItem.objects.count() == len(lines("order_items"))
    paid = sorted(Decimal(line["payment_value"]) for line in lines("order_payments"))
    assert sorted(Transaction.objects.filter(type="SALE").values_list("amount", flat=True)) == paid


def test_every_date_is_an_event_at_that_very_second_in_brazil() -> None:
    line = next(line for line in lines("orders") if line["order_status"] == "delivered")
    found = dict(
        Event.objects.filter(order__external_order_id=line["order_id"]).values_list("type", "occurred_at")
    )
    wanted = {
        "order.created": "order_purchase_timestamp",
        "order.sale": "order_approved_at",
        "fulfillment.shipped": "order_delivered_carrier_date",
        "fulfillment.delivered": "order_delivered_customer_date",
    }
    for event_type, column in wanted.items():
        local = datetime.fromisoformat(line[column])
        assert (local - found[event_type].astimezone(UTC).replace(tzinfo=None)).total_seconds() in (
            -3 * 3600,
            -2 * 3600,
        )


def test_history_notifies_nobody() -> None:
    assert set(Event.objects.values_list("muted", flat=True)) == {Event.Muted.OLD}


def test_the_person_is_the_unique_id_and_says_that_it_is_generated() -> None:
    people = Counter(line["customer_unique_id"] for line in lines("customers"))
    person, count = people.most_common(1)[0]
    customers = {
        one.customer for one in Order.objects.select_related("customer") if one.customer.external_id == person
    }
    assert len(customers) == 1 and count == 2
    customer = customers.pop()
    assert customer.has_generated_data
    assert customer.email.rpartition("@")[2] in ("example.com", "example.org", "example.net")


def test_voucher_and_card_are_two_transactions() -> None:
    kinds: dict[str, set[str]] = {}
    for line in lines("order_payments"):
        kinds.setdefault(line["order_id"], set()).add(line["payment_type"])
    both = next(key for key, found in kinds.items() if found == {"voucher", "credit_card"})
    sources = set(
        Transaction.objects.filter(order__external_order_id=both).values_list("pay_source", flat=True)
    )
    assert sources == {"PREPAID", "CREDITCARD"}
    assert order(both).paid == sum(
        Decimal(line["payment_value"]) for line in lines("order_payments") if line["order_id"] == both
    )


def test_no_order_is_taken_for_a_test() -> None:
    assert not Order.objects.filter(is_test=True).exists()


def test_not_approved_stays_partial_with_its_payments_awaited() -> None:
    [key] = ids(order_status="created")
    one = order(key)
    assert (one.status, one.paid) == ("PARTIAL", 0)
    assert {row.response for row in one.transactions.all()} == {"PENDING"}
    assert event_types(key)[:2] == ["order.created", "order.partial"]


def test_not_approved_and_cancelled_gives_nothing_back() -> None:
    for key in ids(order_status="canceled", order_approved_at=""):
        assert order(key).status == "CANCELLED"
        assert "order.cancelled" in event_types(key)
        assert "order.refunded" not in event_types(key)


def test_cancelled_after_approval_gives_back_what_was_paid() -> None:
    for key in ids(order_status="unavailable"):
        one = order(key)
        assert (one.status, one.refunded) == ("CANCELLED", one.paid)
        refund = Event.objects.get(order=one, type="order.refunded")
        assert refund.data["kind"] == "full"
        assert (
            "The source has no date of the cancellation: the last date it has stands for it." in one.oddities
        )


@pytest.mark.parametrize(
    ("oddity", "earlier", "later"),
    [
        ("Mark as shipped: Only a complete order", "order_approved_at", "order_delivered_carrier_date"),
        (
            "Mark as shipped: dated before the order",
            "order_purchase_timestamp",
            "order_delivered_carrier_date",
        ),
        ("Mark as delivered: No parcel", "order_delivered_carrier_date", "order_delivered_customer_date"),
    ],
)
def test_what_happened_too_early_survives_and_is_flagged(oddity: str, earlier: str, later: str) -> None:
    odd = [
        line["order_id"]
        for line in lines("orders")
        if "" not in (line[earlier], line[later]) and line[later] < line[earlier]
    ]
    assert odd
    for key in odd:
        assert any(text.startswith(oddity) for text in order(key).oddities), order(key).oddities
        assert order(key).fulfillments.count() == 1
    flagged = [one for one in Order.objects.all() if any(text.startswith(oddity) for text in one.oddities)]
    assert {one.external_order_id for one in flagged} == set(odd)


def test_delivered_without_a_date_and_cancelled_after_shipping_are_flagged() -> None:
    [undated] = ids(order_status="delivered", order_delivered_customer_date="")
    assert "Delivered, but the source has no date of it." in order(undated).oddities
    assert "fulfillment.delivered" not in event_types(undated)
    for key in ids(order_status="canceled", order_delivered_carrier_date="*"):
        assert "Cancelled after it was shipped." in order(key).oddities


def test_sold_without_items_is_flagged() -> None:
    without = {line["order_id"] for line in lines("orders")} - {
        line["order_id"] for line in lines("order_items")
    }
    assert without
    for key in without:
        assert "The source has no items of it." in order(key).oddities


def test_sellers_state_is_the_campaign() -> None:
    line = lines("order_items")[0]
    state = next(one["seller_state"] for one in lines("sellers") if one["seller_id"] == line["seller_id"])
    assert order(line["order_id"]).campaign.name == f"Olist sellers {state}"
