"""The ledger sees every way in which the books can be wrong; books that are right it leaves alone."""

from dataclasses import replace

import pytest

from tests.torture.ledger import Books, Note, Row, Try, duplicates, violations

PARTNERS = {"accepts": False, "is-dead": True}


def good_books() -> Books:
    """Two events and two partners: one accepts after a failure, one never does."""
    return Books(
        events={1, 2},
        acknowledged={1},
        partners=PARTNERS,
        rows=[
            Row("a1", 1, "accepts", "delivered", 2),
            Row("a2", 2, "accepts", "delivered", 1),
            Row("d1", 1, "is-dead", "waiting", 1, is_due=True),
            Row("d2", 2, "is-dead", "pending", 0, is_due=True),
        ],
        tries=[Try("a1", 1, "status"), Try("a1", 2, ""), Try("a2", 1, ""), Try("d1", 1, "status")],
        notes=[
            Note("a1", "body 1", "all 1", is_yes=False),
            Note("a1", "body 1", "all 1", is_yes=True),
            Note("a2", "body 2", "all 2", is_yes=True),
            Note("a2", "body 2", "all 2", is_yes=True),  # the outcome of the first was lost in a crash
            Note("d1", "body 3", "all 3", is_yes=False),
        ],
        once_delivered={"a2"},
        counted={"queued": 4, "delivered": 2, "attempts": 4},
    )


def test_books_that_balance() -> None:
    assert violations(good_books()) == []
    assert duplicates(good_books().notes) == 1


def without(rows: list, row_id: str) -> list:
    return [row for row in rows if getattr(row, "id", getattr(row, "delivery", "")) != row_id]


def changed(rows: list, row_id: str, **columns) -> list:
    return [replace(row, **columns) if row.id == row_id else row for row in rows]


@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        ("deliveries missing", lambda b: replace_in(b, rows=without(b.rows, "d2"))),
        ("deliveries missing", lambda b: replace_in(b, events={1, 2, 3})),
        ("acknowledged and are gone", lambda b: replace_in(b, acknowledged={1, 9})),
        ("deliveries of nothing", lambda b: replace_in(b, events={1}, acknowledged={1})),
        ("deliveries made twice", lambda b: replace_in(b, rows=[*b.rows, replace(b.rows[0], id="a9")])),
        (
            "neither delivered nor waiting",
            lambda b: replace_in(b, rows=changed(b.rows, "d2", state="failed")),
        ),
        ("although all was calm", lambda b: replace_in(b, rows=changed(b.rows, "a2", state="pending"))),
        ("although all was calm", lambda b: replace_in(b, rows=changed(b.rows, "a2", state="waiting"))),
        ("who never says yes", lambda b: replace_in(b, rows=changed(b.rows, "d1", state="delivered"))),
        ("not any more", lambda b: replace_in(b, once_delivered={"d1"})),
        ("not any more", lambda b: replace_in(b, once_delivered={"gone"})),
        ("leased in the end", lambda b: replace_in(b, rows=changed(b.rows, "d1", lease="x"))),
        ("delivered and in the queue", lambda b: replace_in(b, rows=changed(b.rows, "a1", is_due=True))),
        ("waiting and not in the queue", lambda b: replace_in(b, rows=changed(b.rows, "d1", is_due=False))),
        ("nobody looks at", lambda b: replace_in(b, overlooked=["Partner"])),
        ("gaps or doubles", lambda b: replace_in(b, tries=[*b.tries[:1], Try("a1", 3, ""), *b.tries[2:]])),
        ("gaps or doubles", lambda b: replace_in(b, tries=[*b.tries, Try("d1", 1, "status")])),
        ("counted wrongly", lambda b: replace_in(b, rows=changed(b.rows, "d1", attempts_made=2))),
        ("counted wrongly", lambda b: replace_in(b, tries=without(b.tries, "d1"))),
        ("not the last attempt", lambda b: replace_in(b, tries=[*b.tries, Try("a2", 2, "status")])),
        ("not the last attempt", lambda b: replace_in(b, tries=[*b.tries, Try("d2", 1, "")])),
        ("attempts of nothing", lambda b: replace_in(b, tries=[*b.tries, Try("x1", 1, "")])),
        ("never seen", lambda b: replace_in(b, notes=without(b.notes, "a2"))),
        ("never accepted", lambda b: replace_in(b, notes=changed(b.notes, "a2", is_yes=False))),
        ("and not delivered", lambda b: replace_in(b, notes=changed(b.notes, "d1", is_yes=True))),
        ("not on record", lambda b: replace_in(b, notes=[*b.notes, Note("x1", "b", "s", is_yes=False)])),
        (
            "say something else",
            lambda b: replace_in(b, notes=[*b.notes, Note("a1", "b", "all 1", is_yes=False)]),
        ),
        (
            "say something else",
            lambda b: replace_in(b, notes=[*b.notes, Note("a1", "body 1", "s", is_yes=False)]),
        ),
        ("counts that differ", lambda b: replace_in(b, counted={"queued": 4, "delivered": 2, "attempts": 3})),
    ],
)
def test_books_that_do_not(what: str, wrong) -> None:
    assert any(what in line for line in violations(wrong(good_books())))


def replace_in(books: Books, **columns) -> Books:
    return replace(books, **columns)
