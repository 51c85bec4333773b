"""A broken line is rejected with its number and the reason; its neighbours go in."""

import csv
import gzip
from pathlib import Path

import pytest

from customers.models import Customer
from orders.importers import FileRefused
from orders.models import Order

from .intake import HEADER, OLIST, order, rejects, take_in, written

pytestmark = pytest.mark.django_db

GOOD = "{},2024-03-01 10:00,2024-03-01 10:05,,,C1,Cream,1,5.00,0,Ada,{}@example.com"


def good(key: str) -> str:
    return GOOD.format(key, key)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b"X,2024-03-01", "has 2 columns, not 12"),
        (good("X").encode() + b",more", "has 13 columns, not 12"),
        (good("X").replace("Ada", "\x00").encode(), "NUL byte"),
        (good("X").encode().replace(b"Ada", b"\xff\xfe"), "not UTF-8"),
        (good("X").replace("2024-03-01 10:00", "soon").encode(), "not a date"),
        (good("X").replace("2024-03-01 10:00", "2924-03-01").encode(), "in the future"),
        (good("X").replace("2024-03-01 10:00", "0001-01-01").encode(), "before 1970"),
        (good("X").replace("2024-03-01 10:00", "").encode(), "has its created_at"),
        (good("X").replace("5.00", "five").encode(), "price is not a number"),
        (good("X").replace("5.00", "NaN").encode(), "price is out of range"),
        (good("X").replace("5.00", "1e99").encode(), "price is out of range"),
        (good("X").replace("5.00", "-5").encode(), "price is negative"),
        (good("X").replace(",1,5.00", ",0,5.00").encode(), "between 1 and 1,000,000"),
        (good("X").replace(",1,5.00", ",999999,9999999999").encode(), "out of range"),
        (good("X").replace("Ada", "A" * 201).encode(), "longer than 200 characters"),
        (good("X").replace("Cream", "C" * 201).encode(), "longer than 200 characters"),
        (good("X").replace("Ada", "A" * 300_000).encode(), "longer than 100000 characters"),
        (good("X" * 65).encode(), "order_id is longer"),
        (good("").encode(), "order_id is empty"),
        (good("X").replace("Ada", '"Ada').encode(), "quote is not closed"),
        (good("X").replace("Ada", '"A"da"').encode(), "quote"),
        (good("X").replace(",0,Ada", ",x,Ada").encode(), "shipping is not a number"),
    ],
)
def test_only_the_broken_line_is_rejected(tmp_path: Path, broken: bytes, reason: str) -> None:
    noted = tmp_path / "rejects.csv"
    path = written(tmp_path, good("one"), broken, good("two"), good("three"))
    report = take_in(path, "postrider", rejects=noted)
    [(number, text)] = rejects(noted)
    assert number == 3
    assert reason in text
    assert (report.read, report.rejected, report.tally.orders_new) == (4, 1, 3)
    assert Order.objects.count() == Customer.objects.count() == 3
    assert not order("one").oddities


def test_the_original_line_is_in_the_rejects_file_byte_for_byte(tmp_path: Path) -> None:
    noted = tmp_path / "rejects.csv"
    take_in(written(tmp_path, b'A,"\xff",1,2'), "postrider", rejects=noted)
    with noted.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        [line] = csv.DictReader(file)
    assert line["file"] == "orders.csv"
    assert line["original"].encode(errors="surrogateescape") == b'A,"\xff",1,2'


def test_a_line_of_an_order_may_fail_alone_and_the_order_says_so(tmp_path: Path) -> None:
    report = take_in(written(tmp_path, good("one"), good("one").replace("5.00", "?")), "postrider")
    assert report.rejected == 1
    assert order("one").items.count() == 1
    assert order("one").oddities == ["Imported without 1 of its lines: they could not be read."]


def test_a_quoted_text_may_have_several_lines(tmp_path: Path) -> None:
    take_in(
        written(tmp_path, good("one").replace("Cream", '"Two\nlines, ""quoted"""'), good("two")), "postrider"
    )
    assert order("one").items.get().name == 'Two\nlines, "quoted"'
    assert order("two").items.get().name == "Cream"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"a,b\n1,2\n", "lacks the columns order_id, created_at"),
        (b"order_id,created_at,order_id\n", "order_id more than once"),
        (b"order_id,created_at,card_number\n", "full card data is never taken in"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=reason):
        take_in(path, "postrider")


def test_a_missing_and_a_damaged_file_say_so_and_nothing_is_in(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="there is no such file"):
        take_in(tmp_path / "none.csv", "postrider")
    whole = gzip.compress("\n".join([HEADER, *(good(f"k{number}") for number in range(3000))]).encode())
    damaged = tmp_path / "orders.csv.gz"
    damaged.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileRefused, match="compression is damaged"):
        take_in(damaged, "postrider")
    assert not Order.objects.exists()


def test_the_rejects_never_overwrite_what_is_imported(tmp_path: Path) -> None:
    path = written(tmp_path, good("one"), "short")
    before = path.read_bytes()
    with pytest.raises(FileRefused, match="one of the files to import"):
        take_in(path, "postrider", rejects=tmp_path / "." / "orders.csv")
    assert path.read_bytes() == before


def test_a_folder_without_its_payments_says_which_file_is_missing(tmp_path: Path) -> None:
    for path in OLIST.glob("*.csv"):
        if path.name != "order_payments.csv":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(FileRefused, match=r"no file of the payments .* payment_sequential"):
        take_in(tmp_path, "olist")


def test_items_without_an_order_are_rejected(tmp_path: Path) -> None:
    for path in OLIST.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with (tmp_path / "order_items.csv").open("a") as file:
        file.write("0" * 32 + ",1,p,s,2018-01-01 00:00:00,1.0,1.0\n")
    noted = tmp_path / "rejected"
    report = take_in(tmp_path, "olist", rejects=noted)
    assert report.rejected == 1
    assert "no order of this order_id" in rejects(noted)[0][1]
