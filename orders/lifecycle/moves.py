"""What a move is: a rule over one case, which the single call, the batch, the buttons and the API share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Protocol

from orders.cases import Case
from orders.lifecycle.work import MoveRefused, Work, batch
from orders.models import Order, Subscription

CENT = Decimal("0.01")
MOST = Decimal("9999999999.99")  # what the columns hold


class Rule(Protocol):
    """A rule checks first and changes after, so that a refused move leaves the case as it was."""

    def __call__(self, work: Work, case: Case, *, at: datetime, **details: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Move:
    """A rule with its name, its button, and when it may be made.

    `refusal` says why it may not be made now ("" if it may). With `of_subscription` it moves one
    recurring purchase of the order and takes `subscription=`. With `is_lenient` the order of moves is not
    judged in past facts: real orders ship before they are approved. Rules of money are always judged.
    """

    name: str
    label: str
    rule: Callable[..., None]
    refusal: Callable[..., str]
    of_subscription: bool = False
    is_lenient: bool = False

    def refusal_of(self, case: Case) -> str:
        """Why it may not be made on an order of this customer; "" if it may."""
        if not case.customer.is_erased or self.name in AFTER_ERASING:
            return ""
        return f"{self.label}: the customer of this order was erased, so nothing new is taken in for it."

    def on(self, work: Work, case: Case, *, at: datetime | None = None, **details: Any) -> None:
        """Makes the move within a batch. Raises MoveRefused, and then nothing of it has happened."""
        when = work.when(at)
        if why := self.refusal_of(case):
            raise MoveRefused(why)
        about = details.get("subscription") if self.of_subscription else case
        reason = self.refusal(about)
        if reason and not (work.past and self.is_lenient):
            raise MoveRefused(reason)
        self.rule(work, case, at=when, **details)
        work.close_move()
        if reason:
            work.flag(case, f"{self.label}: {reason}")
        if when < case.order.created_at and work.past:
            work.flag(case, f"{self.label}: dated before the order itself.")

    def __call__(self, subject: Any, *, by: str, at: datetime | None = None, **details: Any) -> Order:
        """Makes the move on one order (or one subscription), in a transaction of its own.

        Returns the order as it is afterwards. Raises MoveRefused with a sentence for people.
        """
        with batch(by=by) as work:
            order_id = subject.order_id if self.of_subscription else subject.pk
            case = work.load([order_id])[order_id]
            if self.of_subscription:
                details["subscription"] = _fresh(case, subject)
            self.on(work, case, at=at, **details)
        return case.order


MOVES: dict[str, Move] = {}
# What may still happen to orders of a customer who was erased: money and goods that go back, and ends.
AFTER_ERASING = frozenset(
    {
        *("refund", "charge_back", "revert_chargeback", "cancel_order", "cancel_subscription"),
        *("deliver", "issue_rma", "receive_rma"),
    }
)


def move(
    label: str, *, when: Callable[..., str], of_subscription: bool = False, is_lenient: bool = False
) -> Callable[[Callable[..., None]], Move]:
    """Makes a Move of a rule, and lists it under the rule's name."""

    def decorate(rule: Callable[..., None]) -> Move:
        name = rule.__name__
        MOVES[name] = Move(name, label, rule, when, of_subscription, is_lenient)
        return MOVES[name]

    return decorate


def must_be(*statuses: str, what: str) -> Callable[[Case], str]:
    """A refusal for orders in any other state. `what` completes "A declined order cannot be …"."""

    def refusal(case: Case) -> str:
        if case.order.status in statuses:
            return ""
        return f"{_article(case.order.get_status_display())} order cannot be {what}."

    return refusal


def subscription_must_be(*statuses: str, what: str) -> Callable[[Subscription], str]:
    """The same for a recurring purchase."""

    def refusal(subscription: Subscription) -> str:
        if subscription.status in statuses:
            return ""
        return f"{_article(subscription.get_status_display())} subscription cannot be {what}."

    return refusal


def money(value: Any, what: str = "amount") -> Decimal:
    """The value as money with two decimals. Raises MoveRefused for what is no finite, sane number."""
    try:
        amount = Decimal(str(value)).quantize(CENT, ROUND_HALF_UP)
    except InvalidOperation:
        raise MoveRefused(f"The {what} “{_shown(value)}” is not a number.") from None
    if not amount.is_finite() or abs(amount) > MOST:
        raise MoveRefused(f"The {what} “{_shown(value)}” is out of range.")
    return amount


def in_words(status: str) -> str:
    """The label of a status, in the middle of a sentence."""
    return status.lower().replace("qa", "QA")


def _shown(value: Any) -> str:
    """Whatever it was, short, and without halves of characters that no page could show."""
    return str(value)[:40].encode(errors="replace").decode()


def _article(status: str) -> str:
    word = in_words(status)
    return f"{'An' if word[0] in 'aeiou' else 'A'} {word}"


def _fresh(case: Case, subscription: Subscription) -> Subscription:
    """The locked row of it, not the caller's copy, which may be old."""
    return next(one for one in case.subscriptions if one.pk == subscription.pk)
