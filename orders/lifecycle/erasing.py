"""What orders, payments and parcels hold of a person is emptied; sums, states, dates, ids, products stay."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from delivery.erasing import Eraser, Person, Slice, counted, emptied, keys
from orders.models import (
    Fulfillment,
    Order,
    OrderItem,
    Product,
    StoredPaymentMethod,
    Subscription,
    Transaction,
)

MOST_NAMED = 3  # orders that a refusal names
_ENDED = (Subscription.Status.CANCELLED, Subscription.Status.RECYCLE_FAILED)
_CARD = dict.fromkeys(("card_bin", "card_last4", "card_expiry", "ach_account_type"), "")
_ORDER: Mapping[str, Any] = {
    **dict.fromkeys(
        (
            *("first_name", "last_name", "company_name", "email", "phone", "address1", "address2"),
            *("city", "state", "postal_code", "country"),
            *("ship_first_name", "ship_last_name", "ship_company_name", "ship_address1", "ship_address2"),
            *("ship_city", "ship_state", "ship_postal_code", "ship_country"),
            *("ip_address", "user_agent", "http_referer", "sales_url", "coupon_code"),
            *("decline_reason", "cancel_reason", "agent_note", "refund_reason"),
        ),
        "",
    ),
    **{"attribution": {}, "custom_fields": {}},
}


class OrderEraser(Eraser):
    """All that belongs to the person's orders, and the stored payment methods."""

    columns: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "orders.Order": {**_ORDER, "chargeback": {}},  # of a chargeback only what the bank's text says
        "orders.OrderItem": {"name": F("product__name")},
        "orders.Transaction": {
            **_CARD,
            **dict.fromkeys(("response_text", "avs_response", "cvv_response"), ""),
        },
        "orders.Subscription": {"cancel_reason": ""},
        "orders.Fulfillment": {"tracking_number": ""},
        "orders.StoredPaymentMethod": {**_CARD, "token": ""},
    }

    def refusal(self, person: Person) -> str:
        of_person = Order.objects.filter(customer_id=person.id)
        running = of_person.filter(subscriptions__in=_running(person)).distinct()
        held = of_person.filter(status=Order.Status.PENDING)
        said = [
            _refused(running, "a subscription that still runs", "Cancel it on the order's page first."),
            _refused(held, "a payment held for QA", "Approve or decline it on the order's page first."),
        ]
        return " ".join(filter(None, said))

    def planned(self, person: Person) -> Mapping[str, int]:
        orders = Order.objects.filter(customer_id=person.id)
        parcels = Fulfillment.objects.filter(order__customer_id=person.id, status=Fulfillment.Status.PENDING)
        return {
            "orders": counted(orders),
            "payments": counted(Transaction.objects.filter(order__customer_id=person.id)),
            "stored payment methods": counted(StoredPaymentMethod.objects.filter(customer_id=person.id)),
            "parcels that are not shipped yet, whose addresses go too": counted(parcels),
        }

    def slices(self, person: Person) -> Iterator[Slice]:
        columns = self.columns
        for ids in keys(Order.objects.filter(customer_id=person.id)):
            with transaction.atomic():
                # In the order in which moves lock them.
                list(Order.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
                number = emptied(Order.objects.filter(pk__in=ids), _ORDER)
                number += _empty_chargebacks(Order.objects.filter(pk__in=ids))
                number += _name_as_the_product(OrderItem.objects.filter(order__in=ids))
                for model in (Transaction, Subscription, Fulfillment):
                    rows = model._default_manager.filter(order__in=ids)
                    number += emptied(rows, columns[model._meta.label])
            yield Slice(number)
        methods = StoredPaymentMethod.objects.filter(customer_id=person.id)
        methods.filter(removed_at=None).update(removed_at=timezone.now())  # and nobody is told more than that
        yield Slice(emptied(methods, columns[StoredPaymentMethod._meta.label]))


def _running(person: Person) -> "QuerySet[Subscription]":
    return Subscription.objects.filter(order__customer_id=person.id).exclude(status__in=_ENDED)


def _refused(orders: "QuerySet[Order]", what: str, how: str) -> str:
    numbers = list(orders.order_by("-pk").values_list("client_order_id", flat=True)[: MOST_NAMED + 1])
    if not numbers:
        return ""
    named = ", ".join(numbers[:MOST_NAMED]) + (" and more" if len(numbers) > MOST_NAMED else "")
    return f"Order {named} has {what}. {how}"


def _empty_chargebacks(orders: "QuerySet[Order]") -> int:
    """Sum, date and code stay; the note goes. An order has one chargeback at most, and few have one."""
    noted = list(orders.filter(chargeback__note__gt=""))
    for order in noted:
        order.chargeback = {**order.chargeback, "note": ""}
    Order.objects.bulk_update(noted, ["chargeback"])
    return len(noted)


def _name_as_the_product(items: "QuerySet[OrderItem]") -> int:
    """A line may have been given a name of its own, with the person's in it."""
    name = Product.objects.filter(pk=OuterRef("product")).values("name")
    own = items.exclude(name=F("product__name")).values("pk")
    return OrderItem.objects.filter(pk__in=list(own.values_list("pk", flat=True))).update(
        name=Subquery(name[:1])
    )
