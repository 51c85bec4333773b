"""A small shop, and orders in every state that an order can be in, made by the lifecycle itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Model
from django.utils import timezone

from customers import services as customers
from customers.models import Customer, Location
from delivery.models import Event
from orders import lifecycle
from orders.lifecycle import Line, Payment
from orders.models import Campaign, Fulfillment, Gateway, Order, OrderItem, Product, Subscription, Transaction

BY = "admin:jane"
TABLES: tuple[type[Model], ...] = (Order, OrderItem, Transaction, Subscription, Fulfillment, Event)


@dataclass
class Shop:
    """What orders refer to. Everything in it happened two hours ago."""

    location: Location
    customer: Customer
    campaign: Campaign
    gateway: Gateway
    cream: Product
    club: Product  # recurring

    def partial(self, *lines: Line, **fields: Any) -> Order:
        """An incomplete order of two creams for 59.90 and a club membership for 40.10, which makes 100.00."""
        cart = lines or (
            Line(self.cream, Decimal("24.95"), 2, Decimal("10.00")),
            Line(self.club, Decimal("40.10")),
        )
        return lifecycle.create_partial(
            by=BY,
            location=self.location,
            customer=self.customer,
            campaign=self.campaign,
            lines=cart,
            **{"at": ago(hours=2), **fields},
        )


def a_shop() -> Shop:
    location = Location.objects.create(name="Main store")
    person = {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.com",
        "cell_phone": "555 0100",
    }
    return Shop(
        location,
        customers.create(location, by=BY, **person),
        Campaign.objects.create(location=location, name="Lander"),
        Gateway.objects.create(location=location, title="Main gateway"),
        Product.objects.create(location=location, name="Cream", sku="C-1"),
        Product.objects.create(location=location, name="Club", sku="CL", is_recurring=True),
    )


def ago(**duration: float) -> datetime:
    """A moment in the past, the same to the second within a test."""
    return (timezone.now() - timedelta(**duration)).replace(microsecond=0)


def in_state(shop: Shop, state: str) -> Order:
    """An order that came into this state by the moves of its row."""
    order = shop.partial()
    for move in STATES[state]:
        move(order)
    order.refresh_from_db()
    return order


def _make(name: str, **details: Any) -> Callable[[Order], Any]:
    return lambda order: lifecycle.MOVES[name](order, by=BY, at=ago(hours=1), **details)


_SALE = _make("complete_sale", payments=[Payment(card_type="VISA", card_last4="1111", card_bin="411111")])
_SHIP, _DELIVER, _RMA = _make("ship", tracking_number="1Z"), _make("deliver"), _make("issue_rma")

STATES: dict[str, tuple[Callable[[Order], Any], ...]] = {
    "partial": (),
    "held": (_make("hold_for_qa", payment=Payment(card_type="VISA", card_last4="1111")),),
    "declined": (_make("decline", reason="Insufficient funds"),),
    "complete": (_SALE,),
    "shipped": (_SALE, _SHIP),
    "delivered": (_SALE, _SHIP, _DELIVER),
    "rma issued": (_SALE, _SHIP, _RMA),
    "returned": (_SALE, _SHIP, _DELIVER, _RMA, _make("receive_rma")),
    "partly refunded": (_SALE, _make("refund", amount="10.00")),
    "refunded": (_SALE, _make("refund")),
    "charged back": (_SALE, _make("charge_back", reason_code="4837")),
    "cancelled unpaid": (_make("cancel_order", reason="Changed her mind"),),
    "cancelled": (_SALE, _make("cancel_order", reason="Out of stock")),
}

SUBSCRIPTION_STATES: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "active": (),
    "paused": (("pause", {}),),
    "recycling": (("decline_rebill", {"reason": "Card expired"}),),
    "given up": (("decline_rebill", {}), ("fail_recycle", {})),
    "cancelled": (("cancel_subscription", {"reason": "Too expensive"}),),
}


def subscription_in(shop: Shop, state: str) -> Subscription:
    """The club membership of a complete order, brought into this state."""
    subscription = in_state(shop, "complete").subscriptions.get()
    for name, details in SUBSCRIPTION_STATES[state]:
        lifecycle.MOVES[name](subscription, by=BY, at=ago(minutes=50), **details)
    subscription.refresh_from_db()
    return subscription


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows that a move could write, with all their columns."""
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in TABLES}


def events_after(last: int) -> list[str]:
    return list(Event.objects.filter(pk__gt=last).order_by("pk").values_list("type", flat=True))


def last_event() -> int:
    return int(Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0)
