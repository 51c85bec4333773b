"""Parcels: shipped, delivered, sent back."""

from collections.abc import Callable
from datetime import datetime

from delivery import texts
from orders.cases import Case
from orders.lifecycle.moves import in_words, move
from orders.lifecycle.work import MoveRefused, Work
from orders.models import Fulfillment, Order

PENDING, SHIPPED, DELIVERED = (
    Fulfillment.Status.PENDING,
    Fulfillment.Status.SHIPPED,
    Fulfillment.Status.DELIVERED,
)
RMA_PENDING, RETURNED = Fulfillment.Status.RMA_PENDING, Fulfillment.Status.RETURNED


def _parcel_must_be(*statuses: str, what: str) -> Callable[[Case], str]:
    def refusal(case: Case) -> str:
        if any(parcel.status in statuses for parcel in case.fulfillments):
            return ""
        if not case.fulfillments:
            return f"There is no parcel yet that could be {what}."
        now = case.fulfillments[-1].get_status_display().lower()
        return f"No parcel of this order can be {what}: it is {now}."

    return refusal


def _can_ship(case: Case) -> str:
    if case.order.status != Order.Status.COMPLETE:
        return f"Only a complete order is shipped; this one is {in_words(case.order.get_status_display())}."
    return _parcel_must_be(PENDING, what="shipped")(case)


@move("Mark as shipped", when=_can_ship, is_lenient=True)
def ship(
    work: Work,
    case: Case,
    *,
    at: datetime,
    tracking_number: str = "",
    ship_carrier: str = "",
    ship_method: str = "",
) -> None:
    """The parcel left. In past facts also before the sale, or after it arrived."""
    given = {"tracking_number": tracking_number, "ship_carrier": ship_carrier, "ship_method": ship_method}
    _check(given)
    parcel = _arrived_unsent(case) or _parcel(work, case, at, PENDING)
    status = DELIVERED if parcel.delivered_at else SHIPPED
    _set(work, parcel, status=status, shipped_at=at, **given)
    work.touch(case, at)
    work.tell("fulfillment.shipped", case, at, fulfillment=parcel, tracking_number=tracking_number)


@move("Mark as delivered", when=_parcel_must_be(SHIPPED, what="delivered"), is_lenient=True)
def deliver(work: Work, case: Case, *, at: datetime) -> None:
    """The parcel arrived."""
    parcel = _parcel(work, case, at, SHIPPED, PENDING)
    _set(work, parcel, status=DELIVERED, delivered_at=at)
    work.touch(case, at)
    work.tell("fulfillment.delivered", case, at, fulfillment=parcel)


@move("Issue an RMA", when=_parcel_must_be(SHIPPED, DELIVERED, what="returned"))
def issue_rma(work: Work, case: Case, *, at: datetime, rma_number: str = "") -> None:
    """A return is agreed; without a number it gets one."""
    number = rma_number or f"RMA-{case.order.client_order_id}"
    _check({"rma_number": number})
    parcel = _parcel(work, case, at, DELIVERED, SHIPPED)
    _set(work, parcel, status=RMA_PENDING, rma_number=number)
    work.touch(case, at)
    work.tell("rma.issued", case, at, fulfillment=parcel, rma_number=number)


@move("Receive the return", when=_parcel_must_be(RMA_PENDING, what="received back"))
def receive_rma(work: Work, case: Case, *, at: datetime) -> None:
    """The goods are back."""
    parcel = _parcel(work, case, at, RMA_PENDING)
    _set(work, parcel, status=RETURNED, returned_at=at)
    work.touch(case, at)
    work.tell("rma.received", case, at, fulfillment=parcel, rma_number=parcel.rma_number)


def _arrived_unsent(case: Case) -> Fulfillment | None:
    """A parcel that, by its dates, arrived before it left."""
    return next((one for one in case.fulfillments if one.delivered_at and not one.shipped_at), None)


def _parcel(work: Work, case: Case, at: datetime, *statuses: str) -> Fulfillment:
    """The parcel in the first of these states that any is in; in past facts, one made for the purpose."""
    for status in statuses:
        for parcel in case.fulfillments:
            if parcel.status == status:
                return parcel
    parcel = Fulfillment(order=case.order, created_at=at)
    case.fulfillments.append(parcel)
    work.add(parcel)
    return parcel


def _set(work: Work, parcel: Fulfillment, **values: object) -> None:
    for name, value in values.items():
        setattr(parcel, name, value)
    work.change(parcel)


def _check(given: dict[str, str]) -> None:
    reason = texts.fault_in(Fulfillment, given)
    if reason:
        raise MoveRefused(reason)
