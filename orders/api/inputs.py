"""What clients send about orders: carts, payments, and the order itself."""

from decimal import Decimal
from typing import Any, ClassVar

from rest_framework import serializers

from customers.api.contacts import EMAIL, PHONE, ContactFields
from customers.api.references import LocationReference
from customers.models import Customer
from delivery.card_numbers import holds_card_number
from orders.api.answers import BILLING, ORIGIN, SHIPPING, OrderAnswer
from orders.intake import Wanted
from orders.lifecycle import Payment
from orders.models import Fulfillment, Gateway, Order, Product, StoredPaymentMethod
from orders.models import Transaction as Money
from rest.fields import Amount, Choice, Flag, Free, Reference, Text
from rest.serializers import Input

MOST_ITEMS = 200
MOST_PAYMENTS = 20


def _text(model: Any, name: str, **options: Any) -> Text:
    """An optional text as long as the column."""
    return Text(0, model._meta.get_field(name).max_length, required=False, **options)


class ItemInput(Input):
    """One line of a cart: a product by its id, or by sku; one of an unknown sku is added to the catalogue."""

    system_fields = frozenset({"id", "type"})

    product_id = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    sku = _text(Product, "sku")
    name = Text(0, 200, required=False)
    price = serializers.DecimalField(max_digits=14, decimal_places=4, min_value=Decimal(0))
    quantity = serializers.IntegerField(required=False, min_value=1, max_value=1_000_000)
    shipping = Amount(required=False, min_value=Decimal(0))
    external_id = Text(0, 64, required=False)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if not values.get("sku") and "product_id" not in values:
            raise serializers.ValidationError({"sku": ["Sku cannot be blank without product_id."]})
        return values


class PaymentInput(Input):
    """How something is paid. There is no field for a card number or a CVV, and none is ever stored."""

    amount = Amount(required=False, min_value=Decimal(0))
    pay_source = Text(1, 20, required=False)
    card_type = _text(Money, "card_type")
    card_bin = Text(6, 8, required=False, pattern="[0-9]{6,8}", shape="6 to 8 digits")
    card_last4 = Text(4, 4, required=False, pattern="[0-9]{4}", shape="4 digits")
    card_expiry = Text(7, 7, required=False, pattern="[0-9]{2}/[0-9]{4}", shape="written as MM/YYYY")
    card_is_debit = Flag(required=False)
    card_is_prepaid = Flag(required=False)
    product_transaction_id = Reference(required=False)
    merchant_txn_id = _text(Money, "merchant_txn_id")
    avs_response = _text(Money, "avs_response")
    cvv_response = _text(Money, "cvv_response")
    external_id = _text(Money, "external_id")
    token = _text(
        StoredPaymentMethod,
        "token",
        help_text="The gateway's name for what it can charge again; with it the method is stored.",
    )

    def validate_token(self, value: str) -> str:
        if holds_card_number(value):
            raise serializers.ValidationError("Token looks like a full card number, which is never stored.")
        return value


class OrderFields(Input):
    """What both a new order and a change may carry."""

    system_fields: ClassVar[frozenset[str]] = frozenset(OrderAnswer.Meta.fields)

    currency = Text(3, 3, required=False, pattern="[A-Z]{3}", shape="three capital letters")
    sales_tax = Amount(required=False, min_value=Decimal(0))
    discount = Amount(required=False, min_value=Decimal(0))
    coupon_code = _text(Order, "coupon_code")
    agent_note = _text(Order, "agent_note")
    attribution = Free(required=False)
    custom_fields = Free(required=False)
    items = ItemInput(many=True, required=False, max_length=MOST_ITEMS)

    def get_fields(self) -> dict[str, Any]:
        columns = {name: _text(Order, name) for name in (*BILLING, *SHIPPING, *ORIGIN)}
        return {**super().get_fields(), **columns}


class OrderContact(ContactFields):
    """Who orders: found by contact_api_id, else e-mail, else phone; else made."""

    last_name = Text(0, 64, required=False)
    email = Text(5, 64, required=False, **EMAIL)
    cell_phone = Text(10, 10, required=False, **PHONE)


class OrderRequest(OrderFields):
    """A new order, incomplete unless `status` says COMPLETE."""

    location_id = LocationReference(source="location")
    contact_id = Reference(required=False)
    contact = OrderContact(required=False)
    external_order_id = _text(Order, "external_order_id")
    campaign = Text(0, 150, required=False)
    status = Choice(["PARTIAL", "COMPLETE"], required=False)
    is_test = Flag(required=False)
    payments = PaymentInput(many=True, required=False, max_length=MOST_PAYMENTS)


class OrderChangeRequest(OrderFields):
    """Any of the fields of an order that is still incomplete; items are replaced as a whole."""

    fixed_fields = frozenset(
        {"id", "contact_id", "order_number", "external_order_id", "type", "status", "is_test", "campaign"}
    )

    location_id = LocationReference(required=False, source="location")


class ActionRequest(Input):
    """A move of the order, and what it needs to know."""

    action = Choice([])  # set by `actions`, which knows the moves
    amount = Amount(required=False)
    reason = _text(Order, "cancel_reason")
    external_id = Text(0, 64, required=False)
    reason_code = Text(0, 10, required=False)
    note = Text(0, 500, required=False)
    tracking_number = _text(Fulfillment, "tracking_number")
    ship_carrier = _text(Fulfillment, "ship_carrier")
    ship_method = _text(Fulfillment, "ship_method")
    rma_number = _text(Fulfillment, "rma_number")
    is_soft = Flag(required=False)
    items = ItemInput(many=True, required=False, max_length=MOST_ITEMS)
    payment = PaymentInput(required=False)
    payments = PaymentInput(many=True, required=False, max_length=MOST_PAYMENTS)
    subscription_id = Text(0, 10, required=False)
    item_id = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


def wanted(location_id: int, items: list[dict[str, Any]]) -> list[Wanted]:
    """The lines; products of another location are as if they did not exist."""
    ids = [item["product_id"] for item in items if "product_id" in item]
    products = {one.pk: one for one in Product.objects.filter(location_id=location_id, pk__in=ids)}
    found = []
    for index, item in enumerate(items):
        product_id = item.pop("product_id", None)
        if product_id is not None and product_id not in products:
            raise serializers.ValidationError(
                {f"items.{index}.product_id": ["product_id provided is not valid"]}
            )
        shipping = item.pop("shipping", None) or Decimal(0)
        sku = item.pop("sku", "")
        found.append(Wanted(sku=sku, shipping=shipping, product=products.get(product_id), **item))
    return found


def payments(location_id: int, given: list[dict[str, Any]]) -> list[Payment]:
    """Payments; a gateway of another location is as if it did not exist."""
    ids = [payment["product_transaction_id"] for payment in given if "product_transaction_id" in payment]
    found = Gateway.objects.filter(location_id=location_id, public_id__in=ids) if ids else ()
    gateways = {gateway.public_id: gateway for gateway in found}
    result = []
    for payment in given:
        gateway_id = payment.pop("product_transaction_id", None)
        if gateway_id is not None and gateway_id not in gateways:
            message = "product_transaction_id provided is not valid"
            raise serializers.ValidationError({"product_transaction_id": [message]})
        result.append(Payment(gateway=gateways.get(gateway_id), **payment))
    return result


def contact(location_id: int, public_id: str) -> Customer:
    """The contact with this id, if it is of this location and was not deleted."""
    found = Customer.objects.filter(location_id=location_id, public_id=public_id, deleted_at=None).first()
    if found is None:
        raise serializers.ValidationError({"contact_id": ["contact_id provided is not valid"]})
    return found
