"""What may happen next in the sample store, how often, and to which orders."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from demo.store import BY
from demo.trickle.scene import PREFIX, Scene, lines, order_number, payment, person, test_card
from orders import lifecycle
from orders.lifecycle import Move
from orders.lifecycle.moves import CENT
from orders.models import Fulfillment, Order, Subscription

Details = Callable[[Scene, Any], dict[str, Any]]

_CHOSEN_FROM = 60
_LEFT_ALONE = timedelta(seconds=10)  # so that people can see a state before it is gone

_PARTIAL = Q(status=Order.Status.PARTIAL)
_CART = Q(status=Order.Status.PARTIAL, total__gt=0)
_HELD = Q(status=Order.Status.PENDING)
_REFUSED = Q(status=Order.Status.DECLINED)
_SOLD = Q(status=Order.Status.COMPLETE)
_PAID = _SOLD & Q(paid__gt=0)
_UNSENT = _SOLD & Q(fulfillments__status=Fulfillment.Status.PENDING)
_ON_ITS_WAY = _SOLD & Q(fulfillments__status=Fulfillment.Status.SHIPPED)
_ARRIVED = _SOLD & Q(fulfillments__status=Fulfillment.Status.DELIVERED)
_COMING_BACK = Q(fulfillments__status=Fulfillment.Status.RMA_PENDING)
_ACTIVE = Q(status=Subscription.Status.ACTIVE)
_RECYCLING = Q(status=Subscription.Status.RECYCLE_BILLING)
_STOPPED = Q(status__in=[Subscription.Status.PAUSED, Subscription.Status.RECYCLE_FAILED])


@dataclass(frozen=True, slots=True)
class Step:
    """Something that may happen. `make` says what it did, or "" if there was nothing to do it with."""

    weight: float
    name: str
    make: Callable[[Scene], str]


def start_order(scene: Scene) -> str:
    """Somebody begins: leaves an address only (a lead), or has something in the cart already."""
    cart = lines(scene) if scene.chance.random() < 0.65 else []
    return f"Order {_new_order(scene, cart).client_order_id}: begun"


def buy_with_test_card(scene: Scene) -> str:
    """Staff try the shop: nothing of it may go out."""
    order = _new_order(scene, lines(scene))
    lifecycle.complete_sale(order, by=BY, payments=[test_card()])
    return f"Order {order.client_order_id}: bought with a test card"


def _new_order(scene: Scene, cart: list[lifecycle.Line]) -> Order:
    return lifecycle.create_partial(
        by=BY,
        location=scene.location,
        customer=person(scene),
        campaign=scene.chance.choice(scene.campaigns) if scene.campaigns else None,
        currency="BRL",
        external_order_id=order_number(),
        lines=cart,
    )


def _step(weight: float, move: Move, which: Q, details: Details | None = None) -> Step:
    """A move of one order (or subscription) out of the newest that are in a state for it."""

    def make(scene: Scene) -> str:
        candidates = _subscriptions(scene) if move.of_subscription else _orders(scene)
        rows = list(candidates.filter(which).distinct().order_by("-pk")[:_CHOSEN_FROM])
        if not rows:
            return ""
        row = scene.chance.choice(rows)
        order = move(row, by=BY, **(details(scene, row) if details else {}))
        return f"Order {order.client_order_id}: {move.label}"

    return Step(weight, move.label, make)


def _orders(scene: Scene) -> QuerySet[Order]:
    settled = timezone.now() - _LEFT_ALONE
    return Order.objects.filter(
        location=scene.location, external_order_id__startswith=PREFIX, is_test=False, updated_at__lte=settled
    )


def _subscriptions(scene: Scene) -> QuerySet[Subscription]:
    return Subscription.objects.filter(
        order__location=scene.location, order__external_order_id__startswith=PREFIX, order__is_test=False
    )


def _another_cart(scene: Scene, _: Order) -> dict[str, Any]:
    return {"lines": lines(scene)}


def _paid(scene: Scene, _: Order) -> dict[str, Any]:
    return {"payments": [payment(scene)]}


def _authorised(scene: Scene, _: Order) -> dict[str, Any]:
    return {"payment": payment(scene)}


def _one_more(scene: Scene, _: Order) -> dict[str, Any]:
    return {"lines": lines(scene)[:1], "payment": payment(scene)}


def _stolen_card(*_: object) -> dict[str, Any]:
    return {"reason_code": "4837", "note": "The holder says the card was stolen."}


def _part_of(scene: Scene, order: Order) -> dict[str, Any]:
    left = order.paid - order.refunded - order.charged_back
    part = Decimal(scene.chance.choice((10, 20, 30, 50))) / 100
    reason = scene.chance.choice(("Damaged", "Late", "Goodwill"))
    return {"amount": (left * part).quantize(CENT), "reason": reason}


def _one_of(*reasons: str) -> Details:
    return lambda scene, _: {"reason": scene.chance.choice(reasons)}


def _parcel_number(scene: Scene, _: Order) -> dict[str, Any]:
    return {"tracking_number": f"BR{scene.chance.randint(10**8, 10**9 - 1)}", "ship_carrier": "Correios"}


def _declined(scene: Scene, _: Order) -> dict[str, Any]:
    reason = scene.chance.choice(("Insufficient funds", "Card expired", "Do not honour"))
    return {"reason": reason, "is_soft": reason != "Card expired", "payment": payment(scene)}


_NO_MONEY = _one_of("Insufficient funds", "Card expired")
_LEAVES = _one_of("Too expensive", "Found another shop", "Does not need it any more")

STEPS = (
    Step(26, "Start an order", start_order),
    Step(1, "Buy with a test card", buy_with_test_card),
    _step(5, lifecycle.update_cart, _PARTIAL, _another_cart),
    _step(18, lifecycle.complete_sale, _CART, _paid),
    _step(4, lifecycle.decline, _CART, _declined),
    _step(2, lifecycle.complete_sale, _REFUSED, _paid),
    _step(3, lifecycle.hold_for_qa, _CART, _authorised),
    _step(2, lifecycle.approve_qa, _HELD),
    _step(1, lifecycle.decline_qa, _HELD, _one_of("Address does not exist", "Card of somebody else")),
    _step(3, lifecycle.add_upsell, _SOLD, _one_more),
    _step(10, lifecycle.ship, _UNSENT, _parcel_number),
    _step(8, lifecycle.deliver, _ON_ITS_WAY),
    _step(4, lifecycle.refund, _PAID, _part_of),
    _step(3, lifecycle.refund, _PAID, _one_of("Not as described", "Changed their mind")),
    _step(1, lifecycle.charge_back, _PAID & Q(charged_back=0), _stolen_card),
    _step(0.5, lifecycle.revert_chargeback, Q(charged_back__gt=0)),
    _step(2, lifecycle.issue_rma, _ARRIVED),
    _step(2, lifecycle.receive_rma, _COMING_BACK),
    _step(1, lifecycle.cancel_order, _UNSENT, _one_of("Out of stock", "Asked by phone")),
    _step(2, lifecycle.prebill, _ACTIVE),
    _step(3, lifecycle.rebill, _ACTIVE),
    _step(2, lifecycle.decline_rebill, _ACTIVE, _NO_MONEY),
    _step(1, lifecycle.rebill, _RECYCLING),
    _step(1, lifecycle.fail_recycle, _RECYCLING),
    _step(1, lifecycle.pause, _ACTIVE),
    _step(1.5, lifecycle.reactivate, _STOPPED),
    _step(1, lifecycle.cancel_subscription, _ACTIVE, _LEAVES),
)
