"""Money that moved, as stored payment methods and settlement batches are told of it."""

from datetime import datetime
from typing import NamedTuple

from orders.models import Order, Transaction


class Moved(NamedTuple):
    """A transaction that went through, and when: one that was awaited is older than that."""

    order: Order
    row: Transaction
    at: datetime

    @property
    def is_test(self) -> bool:
        """Of a test order, or by a test card: no money moved, and nobody is told."""
        return self.order.is_test or is_test_card(self.row.card_type, self.row.card_last4)


def is_test_card(card_type: str, card_last4: str) -> bool:
    """By the marks that test cards leave: type TESTCARD, last four 0000 (reference §1.5)."""
    return card_type.upper() == "TESTCARD" or card_last4 == "0000"
