"""An order with all that belongs to it, in memory: what rules decide on and fields are read from."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from customers.models import Customer
from orders.models import Fulfillment, Order, OrderItem, Subscription, Transaction


@dataclass(slots=True)
class Case:
    """One order and its rows, oldest first. Reading it costs no query."""

    order: Order
    customer: Customer
    items: list[OrderItem] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    fulfillments: list[Fulfillment] = field(default_factory=list)

    @property
    def refundable(self) -> Decimal:
        """What was paid and has not gone back, one way or the other."""
        return self.order.paid - self.order.refunded - self.order.charged_back

    @property
    def product_ids(self) -> set[int]:
        return {item.product_id for item in self.items}


def add_billed_subscriptions(loaded: Collection[Case]) -> None:
    """Puts into rebill orders the subscription that they billed; it belongs to the order that started it."""
    wanted = {
        (case.order.pk, row.subscription_id)
        for case in loaded
        for row in case.transactions
        if row.subscription_id is not None
    }
    own = {(case.order.pk, one.pk) for case in loaded for one in case.subscriptions}
    missing = wanted - own
    if missing:
        found = Subscription.objects.select_related("product").in_bulk({pk for _, pk in missing})
        by_order = {case.order.pk: case for case in loaded}
        for order_id, subscription_id in sorted(missing):
            by_order[order_id].subscriptions.append(found[subscription_id])


def load(order_ids: Iterable[int], *, lock: bool = False) -> dict[int, Case]:
    """The cases of these orders, by order id, in six statements however many there are.

    With `lock` the orders stay locked until the transaction ends (PostgreSQL; SQLite has one writer).
    """
    ids = sorted(set(order_ids))
    orders = (
        Order.objects.filter(pk__in=ids)
        .select_related("campaign", "location", "original_order")
        .order_by("pk")
    )
    if lock:
        orders = orders.select_for_update(of=("self",))
    found = list(orders)
    customers = {
        customer.pk: customer
        for customer in Customer.objects.filter(pk__in={order.customer_id for order in found})
    }
    cases = {}
    for order in found:
        order.customer = customers[order.customer_id]
        cases[order.pk] = Case(order, order.customer)
    for item in OrderItem.objects.filter(order_id__in=ids).select_related("product").order_by("pk"):
        cases[item.order_id].items.append(item)
    for transaction in Transaction.objects.filter(order_id__in=ids).select_related("gateway").order_by("pk"):
        cases[transaction.order_id].transactions.append(transaction)
    for subscription in (
        Subscription.objects.filter(order_id__in=ids)
        .select_related("product", "payment_method")
        .order_by("pk")
    ):
        cases[subscription.order_id].subscriptions.append(subscription)
    for fulfillment in Fulfillment.objects.filter(order_id__in=ids).order_by("pk"):
        cases[fulfillment.order_id].fulfillments.append(fulfillment)
    return cases
