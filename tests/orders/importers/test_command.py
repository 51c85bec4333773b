"""`manage.py import_orders`: what it prints, and its exit codes."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from customers.models import Location
from orders.models import Order
from tests.processes import Processes

from .intake import OLIST, rejects, written

GOOD = "A-1,2024-03-01 10:00,2024-03-01 10:05,,,C1,Cream,1,5.00,0,Ada,ada@example.com"


def test_all_in_is_0_and_says_so(processes: Processes) -> None:
    done = processes.run("import_orders", str(OLIST), "--preset", "olist")
    assert done.returncode == 0, done.stderr
    assert "23 new, 0 changed, 0 already there" in done.stdout
    again = processes.run("import_orders", str(OLIST), "--preset", "olist", "--json")
    assert json.loads(again.stdout)["orders_unchanged"] == 23


def test_rejected_lines_are_1_with_a_file_of_them(processes: Processes, tmp_path: Path) -> None:
    path, noted = written(tmp_path, GOOD, "short"), tmp_path / "rejects.csv"
    done = processes.run("import_orders", str(path), "--preset", "postrider", "--rejects", str(noted))
    assert done.returncode == 1
    assert "Rejected: 1 lines" in done.stdout and "The line has 1 columns, not 12." in done.stdout
    assert rejects(noted) == [(3, "The line has 1 columns, not 12.")]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--preset", "shopify"], "invalid choice: 'shopify'"),
        ([], "the following arguments are required: --preset"),
    ],
)
def test_a_call_that_cannot_be_understood_is_2(
    processes: Processes, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    done = processes.run("import_orders", str(written(tmp_path, GOOD)), *arguments)
    assert done.returncode == 2
    assert reason in done.stderr


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"files": [Path("/nowhere.csv")]}, "there is no such file"),
        ({"preset": "online-retail"}, "lacks the columns InvoiceNo"),
        ({"location": "Mars"}, "no location called “Mars”"),
        ({"shift_days": 99_999_999}, "at most 36500 days"),
        ({"rejects": Path("/nowhere/at/all.csv")}, "No such file"),
    ],
)
def test_a_bad_call_is_2_with_a_sentence(tmp_path: Path, options: dict[str, object], reason: str) -> None:
    files = options.pop("files", [written(tmp_path, GOOD)])
    with pytest.raises(CommandError, match=reason) as refused:
        call_command("import_orders", files, **{"preset": "postrider", **options})
    assert refused.value.returncode == 2
    assert not Order.objects.exists()


@pytest.mark.django_db
def test_several_locations_want_a_name(tmp_path: Path) -> None:
    for name in ("North", "South"):
        Location.objects.create(name=name)
    path = written(tmp_path, GOOD)
    with pytest.raises(CommandError, match="name one") as refused:
        call_command("import_orders", path, preset="postrider")
    assert refused.value.returncode == 2
    call_command("import_orders", path, preset="postrider", location="South")
    assert Location.objects.get(name="South").orders.count() == 1
