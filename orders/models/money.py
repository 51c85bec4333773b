"""Transactions, stored payment methods (never a full number) and settlement batches."""

import secrets

from django.db import models

from delivery.ids import new_id
from orders.models.order import MONEY


def new_transaction_number() -> str:
    """12 upper-case hex characters (clientTxnId)."""
    return secrets.token_hex(6).upper()


class StoredPaymentMethod(models.Model):
    """A payment method at the gateway: a token, which is shown to nobody, and what may be shown of it."""

    public_id = models.CharField(max_length=24, unique=True, default=new_id, editable=False)
    # That of its customer, which no customer changes: lists of one location are read by it.
    location = models.ForeignKey("customers.Location", models.PROTECT, related_name="+", db_index=False)
    customer = models.ForeignKey("customers.Customer", models.PROTECT, related_name="payment_methods")
    pay_source = models.CharField(max_length=20, default="CREDITCARD")
    token = models.CharField(max_length=100, blank=True)
    card_type = models.CharField(max_length=20, blank=True)
    card_bin = models.CharField(max_length=8, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    card_expiry = models.CharField("expires (MM/YYYY)", max_length=7, blank=True)
    card_is_debit = models.BooleanField(default=False)
    card_is_prepaid = models.BooleanField(default=False)
    ach_account_type = models.CharField(max_length=10, blank=True)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)  # a tombstone: transactions go on naming it

    class Meta:
        indexes = [
            models.Index(
                fields=["location", "id"],
                name="payment_method_listed",
                condition=models.Q(removed_at__isnull=True),
            )
        ]
        constraints = [
            models.UniqueConstraint(
                "customer",
                "token",
                name="payment_method_token",
                condition=~models.Q(token="") & models.Q(removed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.card_type or self.pay_source} {self.card_last4}".strip()


class SettlementBatch(models.Model):
    """The day's batch of transactions of one gateway; the day is that of its location's clock."""

    public_id = models.CharField(max_length=24, unique=True, default=new_id, editable=False)
    gateway = models.ForeignKey("orders.Gateway", models.PROTECT, related_name="batches")
    number = models.PositiveIntegerField()
    day = models.DateField(null=True, editable=False)  # none: not made by the lifecycle
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "settlement batches"
        constraints = [
            models.UniqueConstraint("gateway", "number", name="settlement_batch_number"),
            models.UniqueConstraint("gateway", "day", name="settlement_batch_day"),
        ]
        indexes = [
            models.Index(fields=["gateway", "id"], name="settlement_batch_listed"),
            models.Index(fields=["day"], name="settlement_batch_open", condition=models.Q(is_open=True)),
        ]

    def __str__(self) -> str:
        return f"Batch {self.number} of {self.gateway}"


class Transaction(models.Model):
    """One movement of money, or a try at it."""

    class Type(models.TextChoices):
        SALE = "SALE", "Sale"
        AUTHORIZE = "AUTHORIZE", "Authorize"
        CAPTURE = "CAPTURE", "Capture"
        REFUND = "REFUND", "Refund"
        VOID = "VOID", "Void"
        CHARGEBACK = "CHARGEBACK", "Chargeback"

    class Response(models.TextChoices):
        SUCCESS = "SUCCESS", "Success"
        SOFT_DECLINE = "SOFT_DECLINE", "Soft decline"
        HARD_DECLINE = "HARD_DECLINE", "Hard decline"
        PENDING = "PENDING", "Pending"

    public_id = models.CharField(max_length=24, unique=True, default=new_id, editable=False)
    client_txn_id = models.CharField(max_length=12, default=new_transaction_number)
    # That of its order, which no order changes: lists of one location are read by it.
    location = models.ForeignKey("customers.Location", models.PROTECT, related_name="+", db_index=False)
    order = models.ForeignKey("orders.Order", models.PROTECT, related_name="transactions")
    subscription = models.ForeignKey(
        "orders.Subscription", models.PROTECT, null=True, related_name="transactions"
    )
    gateway = models.ForeignKey("orders.Gateway", models.PROTECT, null=True, related_name="+")
    batch = models.ForeignKey(SettlementBatch, models.PROTECT, null=True, related_name="transactions")
    # What it was paid with, if that is stored. Nobody looks from there to here, so there is no index.
    payment_method = models.ForeignKey(
        StoredPaymentMethod, models.PROTECT, null=True, related_name="+", db_index=False
    )
    type = models.CharField(max_length=10, choices=Type)
    amount = models.DecimalField(**MONEY)
    response = models.CharField(max_length=12, choices=Response, default=Response.SUCCESS)
    response_text = models.CharField(max_length=200, blank=True)
    merchant_txn_id = models.CharField(max_length=64, blank=True)  # the gateway's own id
    pay_source = models.CharField(max_length=20, blank=True)
    card_type = models.CharField(max_length=20, blank=True)
    card_bin = models.CharField(max_length=8, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    card_expiry = models.CharField(max_length=7, blank=True)
    card_is_debit = models.BooleanField(default=False)
    card_is_prepaid = models.BooleanField(default=False)
    ach_account_type = models.CharField(max_length=10, blank=True)
    avs_response = models.CharField(max_length=10, blank=True)
    cvv_response = models.CharField(max_length=10, blank=True)
    is_charged_back = models.BooleanField(default=False)
    billing_cycle = models.PositiveIntegerField(default=0)
    external_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["location", "id"], name="transaction_listed")]

    def __str__(self) -> str:
        return f"{self.type} {self.amount}"
