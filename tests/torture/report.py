"""The report of a torture: figures for people, and what is wrong with the books."""

from collections.abc import Sequence

from tests.torture import ledger
from tests.torture.ledger import Books


def say(**lines: str) -> None:
    for name, text in lines.items():
        print(f"  {name.replace('_', ' ')}: {text}", flush=True)


def show(books: Books, in_flight: int) -> None:
    """`in_flight`: how many were, all together, whenever somebody was killed or cut off."""
    delivered = sum(row.state == "delivered" for row in books.rows)
    waiting = len(books.rows) - delivered
    doubles = ledger.duplicates(books.notes)
    share = f"{doubles / in_flight:.1%}" if in_flight else "-"
    say(
        recorded=f"{len(books.events):,} events for {len(books.partners)} partners",
        deliveries=f"{len(books.rows):,} = {delivered:,} delivered + {waiting:,} waiting",
        attempts_on_record=f"{len(books.tries):,}; requests that the receiver saw: {len(books.notes):,}",
        accepted_more_than_once=f"{doubles:,} = {share} of the {in_flight:,} in flight at the kills",
    )


def is_balanced(books: Books, complaints: Sequence[str]) -> bool:
    """Says what is wrong, of the books and beside them."""
    wrong = [*ledger.violations(books), *complaints]
    for line in wrong:
        print(f"  WRONG: {line}")
    print("  the books balance" if not wrong else f"  THE BOOKS DO NOT BALANCE ({len(wrong)})")
    return not wrong
