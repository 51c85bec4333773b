"""Importing again changes nothing; a later file brings what is new; all dates move together."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from customers.models import Customer
from customers.services import only_location
from delivery.models import Event
from orders.importers import PRESETS, run
from orders.models import Order, Product, Transaction

from .intake import HEADER, OLIST, RETAIL, picture, take_in, written

pytestmark = pytest.mark.django_db


def counts() -> list[int]:
    return [model._default_manager.count() for model in (Customer, Order, Product, Transaction, Event)]


@pytest.mark.parametrize(("path", "preset"), [(OLIST, "olist"), (RETAIL, "online-retail")])
def test_twice_is_once(path: Path, preset: str) -> None:
    first = take_in(path, preset)
    before, known = picture(), counts()
    second = take_in(path, preset)
    assert (second.tally.orders_new, second.tally.orders_changed, second.tally.events) == (0, 0, 0)
    assert second.tally.orders_unchanged == first.tally.orders_new
    assert second.reasons == first.reasons
    assert (picture(), counts()) == (before, known)


def test_single_files_in_any_order() -> None:
    files = sorted(OLIST.glob("*.csv"), reverse=True)
    assert run(files, PRESETS["olist"], only_location()).rejected == 0
    assert Order.objects.count() == 23


def test_a_later_file_applies_just_what_is_new(tmp_path: Path) -> None:
    lines = (OLIST / "orders.csv").read_text().splitlines()
    for path in OLIST.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    early = [_as_of_purchase(line) for line in lines[1:]]
    (tmp_path / "orders.csv").write_text("\n".join([lines[0], *early]) + "\n")
    take_in(tmp_path, "olist")
    assert set(Order.objects.values_list("status", flat=True)) == {"PARTIAL"}
    assert set(Transaction.objects.values_list("response", flat=True)) == {"PENDING"}
    known = set(Event.objects.values_list("id", flat=True))
    report = take_in(OLIST, "olist")
    assert (report.tally.orders_new, report.tally.payments, report.tally.customers) == (0, 0, 0)
    new = Event.objects.exclude(id__in=known)
    assert not new.filter(type__in=["order.created", "order.partial", "contact.created"]).exists()
    approved = {line.split(",")[0] for line in lines[1:] if line.split(",")[4]}
    assert set(new.filter(type="order.sale").values_list("order__external_order_id", flat=True)) == approved
    awaited = Transaction.objects.filter(response="PENDING").values_list(
        "order__external_order_id", flat=True
    )
    assert not approved & set(awaited)
    assert take_in(OLIST, "olist").tally.events == 0


def _as_of_purchase(line: str) -> str:
    """The order as it was on the day: created, and nothing else."""
    order_id, customer_id, _, purchased, _, _, _, estimated = line.split(",")
    return f"{order_id},{customer_id},created,{purchased},,,,{estimated}"


def test_all_dates_move_by_whole_days() -> None:
    take_in(OLIST, "olist", shift_days=100)
    moved = {key: one[5] for key, one in picture().items()}
    plain = (OLIST / "orders.csv").read_text().splitlines()[1].split(",")
    bought = datetime.fromisoformat(plain[3]).replace(tzinfo=ZoneInfo("America/Sao_Paulo"))
    assert moved[plain[0]][0][1] - bought == timedelta(days=100)
    again = take_in(OLIST, "olist", shift_days=7)
    assert again.tally.orders_unchanged == len(moved) and again.tally.events == 0


def test_moved_into_the_future_is_rejected() -> None:
    report = take_in(OLIST, "olist", shift_days=36_000)
    assert report.tally.orders_new == 0
    assert any("in the future" in reason for reason in report.reasons)


def test_recent_lines_go_out_unless_quiet(tmp_path: Path) -> None:
    now = f"{timezone.now() - timedelta(minutes=5):%Y-%m-%dT%H:%M:%S+00:00}"
    take_in(
        written(tmp_path, f"N-1,{now},{now},,,C1,Cream,1,5,0,Ada,a@example.com", header=HEADER), "postrider"
    )
    assert set(Event.objects.values_list("muted", flat=True)) == {Event.Muted.NO}
    take_in(
        written(tmp_path, f"N-2,{now},{now},,,C1,Cream,1,5,0,Bob,b@example.com", header=HEADER),
        "postrider",
        quiet=True,
    )
    assert set(Event.objects.filter(order__external_order_id="N-2").values_list("muted", flat=True)) == {
        Event.Muted.QUIET
    }
