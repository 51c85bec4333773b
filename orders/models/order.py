"""The order and its items."""

import secrets
from typing import Any

from django.db import models

MONEY: dict[str, Any] = {"max_digits": 12, "decimal_places": 2, "default": 0}


def new_order_number() -> str:
    """The number that people read out: 10 upper-case hex characters."""
    return secrets.token_hex(5).upper()


class Order(models.Model):
    """One order, from the first incomplete cart to the last refund."""

    class Type(models.TextChoices):
        NEW_SALE = "NEW_SALE", "New sale"
        RECURRING = "RECURRING", "Recurring"

    class Status(models.TextChoices):
        PARTIAL = "PARTIAL", "Partial"
        PENDING = "PENDING", "Held for QA"
        COMPLETE = "COMPLETE", "Complete"
        DECLINED = "DECLINED", "Declined"
        CANCELLED = "CANCELLED", "Cancelled"
        REFUNDED = "REFUNDED", "Refunded"

    location = models.ForeignKey("customers.Location", models.PROTECT, related_name="orders", db_index=False)
    customer = models.ForeignKey("customers.Customer", models.PROTECT, related_name="orders")
    campaign = models.ForeignKey(
        "orders.Campaign", models.PROTECT, null=True, blank=True, related_name="orders"
    )
    original_order = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="rebills")
    client_order_id = models.CharField("order number", max_length=10, unique=True, default=new_order_number)
    external_order_id = models.CharField(max_length=64, blank=True)
    type = models.CharField(max_length=10, choices=Type, default=Type.NEW_SALE)
    status = models.CharField(max_length=10, choices=Status, default=Status.PARTIAL)
    is_test = models.BooleanField(default=False)

    # Money. `total` is what the whole order costs: items + shipping + tax − discount.
    currency = models.CharField(max_length=3, default="USD")
    total = models.DecimalField(**MONEY)
    shipping_total = models.DecimalField(**MONEY)
    sales_tax = models.DecimalField(**MONEY)
    discount = models.DecimalField(**MONEY)
    paid = models.DecimalField(**MONEY)
    refunded = models.DecimalField(**MONEY)
    charged_back = models.DecimalField(**MONEY)
    coupon_code = models.CharField(max_length=64, blank=True)
    has_upsell = models.BooleanField(default=False)

    # Billing address as given with this order; the customer's may change later.
    first_name = models.CharField(max_length=200, blank=True)
    last_name = models.CharField(max_length=200, blank=True)
    company_name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    address1 = models.CharField(max_length=255, blank=True)
    address2 = models.CharField(max_length=255, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=100, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=60, blank=True)
    ship_first_name = models.CharField(max_length=200, blank=True)
    ship_last_name = models.CharField(max_length=200, blank=True)
    ship_company_name = models.CharField(max_length=200, blank=True)
    ship_address1 = models.CharField(max_length=255, blank=True)
    ship_address2 = models.CharField(max_length=255, blank=True)
    ship_city = models.CharField(max_length=100, blank=True)
    ship_state = models.CharField(max_length=100, blank=True)
    ship_postal_code = models.CharField(max_length=20, blank=True)
    ship_country = models.CharField(max_length=60, blank=True)
    ip_address = models.CharField(max_length=64, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    http_referer = models.CharField(max_length=500, blank=True)
    sales_url = models.CharField(max_length=500, blank=True)

    # Attribution and custom values: free-form, read by name (`orders.attribution` lists the names).
    attribution = models.JSONField(default=dict, blank=True)
    custom_fields = models.JSONField(default=dict, blank=True)

    is_decline_save = models.BooleanField(default=False)
    decline_reason = models.CharField(max_length=200, blank=True)
    cancel_reason = models.CharField(max_length=200, blank=True)
    agent_note = models.CharField(max_length=500, blank=True)
    refund_reason = models.CharField(max_length=200, blank=True)
    chargeback = models.JSONField(default=dict, blank=True)  # amount, date, reason_code, note
    oddities = models.JSONField(default=list, blank=True)  # what was unusual in imported facts, in words

    created_at = models.DateTimeField()  # when the partial was
    ordered_at = models.DateTimeField(null=True, blank=True)  # when it was billed, or tried to be
    refunded_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                "location",
                "external_order_id",
                name="order_external_id",
                condition=~models.Q(external_order_id=""),
            ),
        ]
        # What lists of the API walk: a page costs the same wherever it is, and whoever else is there.
        indexes = [models.Index(fields=["location", "id"], name="order_listed")]

    def __str__(self) -> str:
        return self.client_order_id


class OrderItem(models.Model):
    """One line of an order."""

    class Type(models.TextChoices):
        OFFER = "OFFER", "Offer"
        UPSELL = "UPSALE", "Upsell"

    order = models.ForeignKey(Order, models.CASCADE, related_name="items")
    product = models.ForeignKey("orders.Product", models.PROTECT, related_name="+", db_index=False)
    type = models.CharField(max_length=6, choices=Type, default=Type.OFFER)
    name = models.CharField(max_length=200)
    quantity = models.IntegerField(default=1)
    price = models.DecimalField(max_digits=14, decimal_places=4)  # of one piece; wholesale prices have mills
    shipping = models.DecimalField(**MONEY)
    external_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"
