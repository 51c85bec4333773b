"""Our own layout: a spreadsheet that holds the whole life of an order."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone

from delivery.models import Event
from orders.models import Order, SettlementBatch, StoredPaymentMethod

from .intake import event_types, order, rejects, take_in, written

pytestmark = pytest.mark.django_db

LIFE = (
    "order_id,created_at,sold_at,shipped_at,tracking_number,delivered_at,refunded_at,refund_amount,refund_reason,"
    "sku,product,quantity,price,shipping,item_type,recurring_days,first_name,last_name,email,phone,city,country,"
    "campaign,currency,card_type,card_last4,payment_amount,aff_id,utm_source,custom1,sales_tax,discount,declined_at,"
    "decline_reason,charged_back_at,chargeback_amount,rma_at,rma_number,returned_at,cancelled_at,cancel_reason,held_at,qa_approved_at,"
    "payment_token,gateway"
)


def line(**columns: str) -> str:
    values = {
        "order_id": "W-1",
        "created_at": "2024-03-01 10:00",
        "email": "ada@example.com",
        "first_name": "Ada",
    }
    values |= columns
    return ",".join(f'"{values.get(name, "")}"' for name in LIFE.split(","))


def given(folder: Path, *lines: str) -> list[tuple[int, str]]:
    noted = folder / "rejects.csv"
    take_in(written(folder, *lines, header=LIFE), "postrider", rejects=noted)
    return rejects(noted)


ITEM = {"sku": "C1", "product": "Cream", "quantity": "2", "price": "19.95", "shipping": "5"}


def test_a_whole_life_in_one_line(tmp_path: Path) -> None:
    life = line(
        **ITEM,
        sold_at="2024-03-01 10:05",
        shipped_at="2024-03-02",
        tracking_number="1Z9",
        delivered_at="2024-03-04T09:00:00+02:00",
        refunded_at="2024-03-09",
        refund_amount="10",
        refund_reason="Damaged",
        campaign="Lander",
        currency="EUR",
        card_type="visa",
        card_last4="1111",
        aff_id="A17",
        utm_source="mail",
        custom1="blue",
        sales_tax="3",
        discount="1.5",
    )
    assert given(tmp_path, life) == []
    one = order("W-1")
    assert (one.total, one.paid, one.refunded) == (Decimal("46.40"), Decimal("46.40"), Decimal("10.00"))
    assert (one.campaign.name, one.currency, one.attribution, one.custom_fields) == (
        "Lander",
        "EUR",
        {"affId": "A17", "UTMSource": "mail"},
        {"custom1": "blue"},
    )
    wanted = ["order.created", "order.partial", "transaction.created", "order.sale", "fulfillment.shipped"]
    assert event_types("W-1") == [*wanted, "fulfillment.delivered", "transaction.created", "order.refunded"]
    delivered = Event.objects.get(type="fulfillment.delivered")
    assert delivered.occurred_at.isoformat() == "2024-03-04T07:00:00+00:00"
    assert not one.customer.has_generated_data and not one.oddities


def test_lines_of_an_order_add_items_payments_and_refunds(tmp_path: Path) -> None:
    sold = {"sold_at": "2024-03-01 10:05"}
    lines = [
        line(**ITEM, **sold, card_last4="1111", payment_amount="30"),
        line(sku="D2", product="Soap", price="4", payment_amount="18.90"),
        line(refunded_at="2024-04-01", refund_amount="1"),
        line(refunded_at="2024-04-02", refund_amount="1"),
    ]
    assert given(tmp_path, *lines) == []
    one = order("W-1")
    assert one.items.count() == 2
    assert sorted(row.amount for row in one.transactions.all()) == [1, 1, Decimal("18.90"), 30]


@pytest.mark.parametrize("card", [{"card_type": "TESTCARD"}, {"card_last4": "0000"}, {"card_last4": "0"}])
def test_test_cards_make_test_orders(tmp_path: Path, card: dict[str, str]) -> None:
    given(tmp_path, line(**ITEM, sold_at="2024-03-01 10:05", **card), line(order_id="W-2", **ITEM, **card))
    assert order("W-1").is_test and order("W-2").is_test


def test_an_upsell_is_an_upsell(tmp_path: Path) -> None:
    sold = {"sold_at": "2024-03-01 10:05"}
    assert (
        given(tmp_path, line(**ITEM, **sold), line(sku="U1", product="Serum", price="9", item_type="UPSALE"))
        == []
    )
    assert "order.upsell" in event_types("W-1") and order("W-1").has_upsell


def test_a_recurring_product_starts_a_subscription(tmp_path: Path) -> None:
    given(tmp_path, line(**ITEM, sold_at="2024-03-01 10:05", recurring_days="14"))
    assert order("W-1").subscriptions.get().billing_interval_days == 14
    assert "subscription.started" in event_types("W-1")


@pytest.mark.parametrize(
    ("facts", "status", "event"),
    [
        ({"declined_at": "2024-03-01 10:05", "decline_reason": "No funds"}, "DECLINED", "order.declined"),
        ({"held_at": "2024-03-01 10:05"}, "PENDING", "order.qa_pending"),
        ({"held_at": "2024-03-01 10:05", "qa_approved_at": "2024-03-02"}, "COMPLETE", "order.qa_approved"),
        ({"cancelled_at": "2024-03-02", "cancel_reason": "Changed mind"}, "CANCELLED", "order.cancelled"),
        ({"sold_at": "2024-03-02", "charged_back_at": "2024-04-02"}, "COMPLETE", "order.charged_back"),
        (
            {"sold_at": "2024-03-02", "shipped_at": "2024-03-03", "rma_at": "2024-03-09"},
            "COMPLETE",
            "rma.issued",
        ),
    ],
)
def test_each_fate(tmp_path: Path, facts: dict[str, str], status: str, event: str) -> None:
    assert given(tmp_path, line(**ITEM, **facts)) == []
    assert order("W-1").status == status
    assert event in event_types("W-1")


def test_impossible_moves_are_rejected_and_the_rest_goes_in(tmp_path: Path) -> None:
    refused = given(
        tmp_path,
        line(**ITEM, declined_at="2024-03-01 10:05", refunded_at="2024-03-02"),
        line(order_id="W-2", **ITEM, sold_at="2024-03-01", refunded_at="2024-03-02", refund_amount="1000"),
        line(order_id="W-3", **ITEM, sold_at="2024-03-01"),
    )
    assert [number for number, _ in refused] == [2, 3]
    assert "Nothing was paid" in refused[0][1] and "1000.00 is more than the" in refused[1][1]
    assert Order.objects.count() == 3 and order("W-2").refunded == 0


def test_progress_of_a_partial(tmp_path: Path) -> None:
    given(tmp_path, line(**ITEM))
    assert order("W-1").status == "PARTIAL"
    given(tmp_path, line(**ITEM | {"quantity": "3"}))
    assert order("W-1").items.get().quantity == 3
    given(tmp_path, line(**ITEM | {"quantity": "3"}, sold_at="2024-03-05"))
    given(tmp_path, line(**ITEM | {"quantity": "3"}, sold_at="2024-03-05", shipped_at="2024-03-06"))
    wanted = [
        "order.created",
        "order.partial",
        "order.updated",
        "order.partial",
        "transaction.created",
        "order.sale",
    ]
    assert event_types("W-1") == [*wanted, "fulfillment.shipped"]


def test_spreadsheet_habits(tmp_path: Path) -> None:
    """Semicolons, a byte order mark, Windows line ends, capitals and spaces in the header, empty lines."""
    path = tmp_path / "excel.csv"
    path.write_bytes("\ufeffOrder ID;Created at;SKU;Price\r\nX-1;2024-03-01 10:00;C1;5\r\n\r\n".encode())
    assert take_in(path, "postrider").rejected == 0
    assert order("X-1").total == 5


def test_emoji_and_right_to_left_text_survive(tmp_path: Path) -> None:
    name = "عائشة 👩🏽‍🚀 \u202eabc"
    given(tmp_path, line(**ITEM | {"product": "קרם 🧴"}, first_name=name, custom1="…\n„x“"))
    assert order("W-1").customer.first_name == name
    assert order("W-1").items.get().name == "קרם 🧴"
    assert order("W-1").custom_fields == {"custom1": "…\n„x“"}


def test_a_discount_beyond_the_order_is_rejected_with_its_customer(tmp_path: Path) -> None:
    [(_, reason)] = given(tmp_path, line(**ITEM, discount="44.91"))
    assert reason == "The discount is more than the order costs."
    assert not Order.objects.exists()
    assert not Event.objects.exists()
    assert given(tmp_path, line(**ITEM, discount="44.90")) == []
    assert order("W-1").total == 0


def test_a_token_keeps_the_payment_method(tmp_path: Path) -> None:
    at = timezone.localtime().replace(microsecond=0).isoformat()
    paid = {"payment_token": "tok_1", "card_type": "VISA", "card_last4": "1111", "gateway": "Main gateway"}
    lines = [
        line(**ITEM, **paid, created_at=at, sold_at=at),
        line(
            **ITEM, order_id="W-2", sold_at="2024-03-01 10:05", payment_token="tok_2", gateway="Main gateway"
        ),
        line(**ITEM, order_id="W-3", sold_at="2024-03-01 10:05", payment_token="tok_1"),
    ]
    assert given(tmp_path, *lines) == []
    stored = StoredPaymentMethod.objects.order_by("token")
    assert [(one.token, one.card_last4) for one in stored] == [("tok_1", "1111"), ("tok_2", "")]
    rows = [order(name).transactions.get() for name in ("W-1", "W-2")]
    assert [row.payment_method for row in rows] == list(stored)
    assert [row.batch_id for row in rows] == [SettlementBatch.objects.get().pk, None]  # of today, of then


def test_all_events_of_an_import_are_counted(tmp_path: Path) -> None:
    at = timezone.localtime().replace(microsecond=0).isoformat()
    life = line(**ITEM, created_at=at, sold_at=at, payment_token="tok_1", gateway="Main gateway")
    report = take_in(written(tmp_path, life, header=LIFE), "postrider")
    assert report.tally.events == Event.objects.count()
    again = take_in(written(tmp_path, life, header=LIFE), "postrider")
    assert again.tally.events == 0


def test_a_card_number_for_a_token_is_refused(tmp_path: Path) -> None:
    life = line(**ITEM, sold_at="2024-03-01 10:05", payment_token="4111 1111 1111 1111")
    ((_, reason),) = given(tmp_path, life)[:1]
    assert "card number" in reason
    assert not StoredPaymentMethod.objects.exists()
