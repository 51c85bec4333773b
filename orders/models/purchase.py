"""Subscriptions (a recurring purchase) and fulfilments (a parcel)."""

import secrets

from django.db import models

from orders.models.order import MONEY


def new_purchase_number() -> str:
    """10 upper-case hex characters (clientPurchaseId)."""
    return secrets.token_hex(5).upper()


class Subscription(models.Model):
    """A recurring purchase. It keeps its id through all the orders that it makes."""

    class Status(models.TextChoices):
        ACTIVE = "ACTIVE", "Active"
        PAUSED = "PAUSED", "Paused"
        RECYCLE_BILLING = "RECYCLE_BILLING", "Recycle billing"
        RECYCLE_FAILED = "RECYCLE_FAILED", "Recycle failed"
        CANCELLED = "CANCELLED", "Cancelled"

    order = models.ForeignKey("orders.Order", models.PROTECT, related_name="subscriptions")
    product = models.ForeignKey("orders.Product", models.PROTECT, related_name="+")
    payment_method = models.ForeignKey(  # what it is billed to; looked for among those of one customer
        "orders.StoredPaymentMethod", models.PROTECT, null=True, related_name="+", db_index=False
    )
    client_purchase_id = models.CharField(max_length=10, default=new_purchase_number)
    status = models.CharField(max_length=15, choices=Status, default=Status.ACTIVE)
    price = models.DecimalField(**MONEY)
    quantity = models.PositiveIntegerField(default=1)
    billing_cycle = models.PositiveIntegerField(default=1)
    billing_interval_days = models.PositiveIntegerField(default=30)
    next_bill_date = models.DateField(null=True, blank=True)
    cancel_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.client_purchase_id} ({self.status})"


class Fulfillment(models.Model):
    """A parcel and what became of it, up to its return."""

    class Status(models.TextChoices):
        PENDING = "PENDING_SHIPMENT", "Pending shipment"
        SHIPPED = "SHIPPED", "Shipped"
        DELIVERED = "DELIVERED", "Delivered"
        RMA_PENDING = "RMA_PENDING", "RMA pending"
        RETURNED = "RETURNED", "Returned"
        CANCELLED = "CANCELLED", "Cancelled"

    order = models.ForeignKey("orders.Order", models.PROTECT, related_name="fulfillments")
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    tracking_number = models.CharField(max_length=100, blank=True)
    ship_carrier = models.CharField(max_length=60, blank=True)
    ship_method = models.CharField(max_length=60, blank=True)
    rma_number = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()
    shipped_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    returned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.status} {self.tracking_number}".strip()
