"""How orders and what belongs to them are answered."""

from typing import Any

from rest_framework import serializers

from orders.models import Fulfillment, Order, OrderItem, Subscription
from rest.fields import Free, Moment, Money, Said


class ItemAnswer(serializers.ModelSerializer):
    id = serializers.IntegerField()
    product_id = serializers.IntegerField()
    sku = Said(source="product.sku")
    price = serializers.DecimalField(max_digits=14, decimal_places=4)
    shipping = Money()
    external_id = Said()

    class Meta:
        model = OrderItem
        fields = ("id", "product_id", "sku", "name", "type", "quantity", "price", "shipping", "external_id")


class SubscriptionAnswer(serializers.ModelSerializer):
    id = serializers.CharField(source="client_purchase_id")
    product_id = serializers.IntegerField()
    price = Money()
    cancel_reason = Said()
    created_ts = Moment(source="created_at")
    modified_ts = Moment(source="updated_at")

    class Meta:
        model = Subscription
        fields = (
            *("id", "product_id", "status", "price", "quantity", "billing_cycle", "billing_interval_days"),
            *("next_bill_date", "cancel_reason", "created_ts", "modified_ts"),
        )


class FulfillmentAnswer(serializers.ModelSerializer):
    tracking_number = Said()
    ship_carrier = Said()
    ship_method = Said()
    rma_number = Said()
    created_ts = Moment(source="created_at")
    shipped_ts = Moment(source="shipped_at")
    delivered_ts = Moment(source="delivered_at")
    returned_ts = Moment(source="returned_at")

    class Meta:
        model = Fulfillment
        fields = (
            *("id", "status", "tracking_number", "ship_carrier", "ship_method", "rma_number"),
            *("created_ts", "shipped_ts", "delivered_ts", "returned_ts"),
        )


BILLING = (
    *("first_name", "last_name", "company_name", "email", "phone", "address1", "address2"),
    *("city", "state", "postal_code", "country"),
)
SHIPPING = (
    *("ship_first_name", "ship_last_name", "ship_company_name", "ship_address1", "ship_address2"),
    *("ship_city", "ship_state", "ship_postal_code", "ship_country"),
)
ORIGIN = ("ip_address", "user_agent", "http_referer", "sales_url")
MONEY = ("total", "shipping_total", "sales_tax", "discount", "paid", "refunded", "charged_back")
REASONS = ("decline_reason", "cancel_reason", "refund_reason")


class OrderAnswer(serializers.ModelSerializer):
    """An order with its items. Its id is the number that people read out."""

    id = serializers.CharField(source="client_order_id")
    location_id = serializers.CharField(source="location.public_id")
    contact_id = serializers.CharField(source="customer.public_id")
    order_number = serializers.IntegerField(source="pk", help_text="The numeric id.")
    external_order_id = Said()
    campaign = Said()
    original_order_id = Said(source="original_order")
    attribution = Free()
    custom_fields = Free()
    created_ts = Moment(source="created_at")
    modified_ts = Moment(source="updated_at")
    ordered_ts = Moment(source="ordered_at")
    refunded_ts = Moment(source="refunded_at")
    cancelled_ts = Moment(source="cancelled_at")
    items = ItemAnswer(many=True)

    class Meta:
        model = Order
        fields = (
            *("id", "location_id", "contact_id", "order_number", "external_order_id", "type", "status"),
            *("is_test", "campaign", "original_order_id", "currency", *MONEY, "coupon_code", "has_upsell"),
            *("is_decline_save", *REASONS, *BILLING, *SHIPPING, *ORIGIN, "attribution", "custom_fields"),
            *("created_ts", "modified_ts", "ordered_ts", "refunded_ts", "cancelled_ts", "items"),
        )

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        """Texts that are not there are null, and money is a text, as everywhere in the API."""
        if field_name in MONEY:
            return Money, {}
        if field_name in (*REASONS, *BILLING, *SHIPPING, *ORIGIN, "coupon_code"):
            return Said, {}
        return super().build_standard_field(field_name, model_field)
