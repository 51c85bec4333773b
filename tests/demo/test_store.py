"""The sample store: made of the real data that ships with the code, in an empty database only, once."""

import csv
import gzip
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from customers.models import Customer, Location
from delivery.models import Event
from demo import store
from exports.models import ExportProfile, Route
from orders.models import Order, Product

pytestmark = pytest.mark.django_db


def test_every_order_of_the_shipped_data_is_in_it_with_three_partners():
    made = store.make()

    assert made == Order.objects.count() == len(_lines("orders"))
    assert Customer.objects.filter(has_generated_data=False).count() == 0
    profiles = ExportProfile.objects.in_bulk(field_name="id").values()
    assert {(one.name, one.is_active) for one in profiles} == {
        ("Call centre partials", True),
        ("Sales to fulfilment", True),
        ("Refunds to the accountant", True),
    }
    assert set(Route.objects.values_list("customer_type", flat=True)) == {
        "partial",
        "new_sale",
        "all_refunds",
    }
    assert Product.objects.get(is_recurring=True).name == store.CLUB


@time_machine.travel(datetime(2031, 3, 5, 9, 0, tzinfo=UTC))  # late in a day only parcels are news
def test_only_the_last_day_is_news():
    store.make()

    newest = Event.objects.order_by("-occurred_at")[0].occurred_at
    assert timedelta(0) <= timezone.now() - newest < timedelta(days=1)
    news = Event.objects.filter(muted=Event.Muted.NO)
    assert news.filter(type__startswith="order.").exists()
    assert all(event.occurred_at > timezone.now() - timedelta(hours=25) for event in news)
    assert Event.objects.filter(muted=Event.Muted.OLD).count() > 10 * news.count()


@pytest.mark.parametrize("hour", [0, 12, 20, 21, 23])
def test_dates_are_moved_by_whole_days_and_never_into_the_future(hour):
    now = datetime(2031, 3, 5, hour, 45, 30, tzinfo=UTC)

    moved = datetime.fromisoformat(max(store._facts()) + "-03:00") + timedelta(days=store.days_to_shift(now))

    assert timedelta(0) <= now - moved < timedelta(days=1)


def test_it_is_made_once_and_in_nobodys_way(capsys):
    call_command("demo_store")
    call_command("demo_store")
    assert Order.objects.count() == len(_lines("orders"))
    assert "kept as it is" in capsys.readouterr().out


def test_a_database_in_use_is_left_alone():
    Location.objects.create(name="My shop")

    call_command("demo_store")

    assert list(Location.objects.values_list("name", flat=True)) == ["My shop"]
    assert not Order.objects.exists()


def test_nothing_of_it_is_left_if_it_fails(monkeypatch, tmp_path):
    broken = tmp_path / "profiles.json"
    broken.write_text("{")
    monkeypatch.setattr(store, "PROFILES", broken)

    with pytest.raises(Exception, match="JSON"):
        store.make()

    assert store.is_wanted()
    assert not Order.objects.exists()


def test_another_port_moves_the_partners_of_the_receiver_and_nobody_else():
    store.make()
    other = ExportProfile.objects.get(name="Call centre partials")
    other.url = "http://127.0.0.1:8000/elsewhere/?next=/receiver/"
    other.save()

    call_command("demo_store", port=9123)
    call_command("demo_store", port=9123)

    assert set(ExportProfile.objects.values_list("url", flat=True)) == {
        "http://127.0.0.1:8000/elsewhere/?next=/receiver/",
        "http://127.0.0.1:9123/receiver/fulfilment/",
        "http://127.0.0.1:9123/receiver/accountant/",
    }


def test_the_shipped_data_is_small_and_has_its_licence():
    files = [path for path in store.DATA.parent.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < 200_000
    assert "MIT License" in (store.DATA.parent / "LICENSE-olist.txt").read_text()


def test_the_shipped_data_has_every_state_and_the_oddities():
    orders, items, payments = _lines("orders"), _lines("order_items"), _lines("order_payments")
    with_items = {line["order_id"] for line in items}
    paid = [line["order_id"] for line in payments]

    assert {line["order_status"] for line in orders} == {
        *("created", "approved", "processing", "invoiced"),
        *("shipped", "delivered", "canceled", "unavailable"),
    }
    _, approved, carried, arrived = store._FACTS
    for oddity in (
        [one for one in orders if one["order_id"] not in with_items],
        [one for one in orders if not one[approved]],
        [one for one in orders if one["order_status"] == "canceled" and one[arrived]],
        [one for one in orders if one["order_status"] == "delivered" and not one[arrived]],
        [one for one in orders if one[carried] and one[carried] < one[approved]],
        [one for one in orders if one[arrived] and one[arrived] < one[carried]],
        [one for one in paid if paid.count(one) > 1],
        [line for line in payments if float(line["payment_value"]) == 0],
    ):
        assert oddity


def _lines(name: str) -> list[dict[str, str]]:
    with gzip.open(store.DATA / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
