"""`/v2/transactions`, `/v2/accountvaults`, `/v2/transactionbatches`: only to be read."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders.models import Gateway, SettlementBatch, StoredPaymentMethod, Transaction
from rest.fields import Moment, Money, Said
from rest.filters import Span, choice, flag, number, text
from rest.resources import Parts, Resource

TYPE_IDS = {"REFUND": 30, "CHARGEBACK": 30}  # all others are sales, 20
STATUS_IDS = {"AUTHORIZE": 102, "REFUND": 111, "VOID": 201, "CHARGEBACK": 331}  # of those that succeeded
APPROVED, PENDING, DECLINED, CHARGED_BACK = 101, 131, 301, 331
SETTLED = 134  # of direct debits; a card's payment stays approved, and has a settle_date


@extend_schema_field({"type": "null"})
class Nothing(serializers.Field):
    """A key that readers expect and that has no counterpart here."""

    def __init__(self, **options: Any) -> None:
        super().__init__(source="*", **options)

    def to_representation(self, value: Any) -> None:
        return None


def method_of(row: Transaction | StoredPaymentMethod) -> str:
    """`cc`, `ach`, or the source in small letters."""
    known = {"CREDITCARD": "cc", "PREPAID": "cc", "DIRECTDEBIT": "ach", "CHECK": "ach", "": "cc"}
    return known.get(row.pay_source, row.pay_source.lower())


def is_settled(row: Transaction) -> bool:
    """Whether the batch that it is in was closed."""
    return row.batch is not None and not row.batch.is_open


class TransactionAnswer(serializers.Serializer):
    """In the order of keys of reference §2.4."""

    id = serializers.CharField(source="public_id")
    payment_method = serializers.SerializerMethodField()
    account_vault_id = Said(source="payment_method.public_id", default=None)
    recurring_id = Said(source="subscription.client_purchase_id", default=None)
    first_six = serializers.SerializerMethodField()
    last_four = Said(source="card_last4")
    account_holder_name = serializers.SerializerMethodField()
    transaction_amount = Money(source="amount")
    description = Nothing()
    transaction_code = Nothing()
    avs = Said(source="avs_response")
    batch = serializers.IntegerField(source="batch.number", default=None, allow_null=True)
    order_num = serializers.CharField(source="order.client_order_id")
    verbiage = Said(source="response_text")
    transaction_settlement_status = Nothing()
    effective_date = Nothing()
    routing = Nothing()
    return_date = Nothing()
    created_ts = Moment(source="created_at")
    modified_ts = Nothing()
    transaction_api_id = Said(source="external_id")
    terms_agree = Nothing()
    notification_email_address = Nothing()
    notification_email_sent = serializers.SerializerMethodField()
    response_message = Said(source="response_text")
    auth_amount = Money(source="amount")
    auth_code = Nothing()
    status_id = serializers.SerializerMethodField()
    type_id = serializers.SerializerMethodField()
    location_id = serializers.CharField(source="order.location.public_id")
    reason_code_id = Nothing()
    contact_id = serializers.CharField(source="order.customer.public_id")
    billing_zip = Said(source="order.postal_code")
    billing_street = Said(source="order.address1")
    product_transaction_id = Said(source="gateway.public_id", default=None)
    tax = Money(source="order.sales_tax")
    customer_ip = Said(source="order.ip_address")
    customer_id = Said(source="order.customer.external_id")
    po_number = Nothing()
    avs_enhanced = Nothing()
    cvv_response = Said()
    billing_phone = Said(source="order.phone")
    billing_city = Said(source="order.city")
    billing_state = Said(source="order.state")
    clerk_number = Nothing()
    tip_amount = Nothing()
    created_user_id = Nothing()
    modified_user_id = Nothing()
    ach_identifier = Nothing()
    check_number = Nothing()
    settle_date = serializers.SerializerMethodField()
    charge_back_date = Nothing()
    void_date = Nothing()
    account_type = Said(source="card_type")
    is_recurring = serializers.SerializerMethodField()
    is_accountvault = serializers.SerializerMethodField()
    transaction_c1 = Nothing()
    transaction_c2 = Nothing()
    transaction_c3 = Nothing()
    additional_amounts = serializers.SerializerMethodField()
    terminal_serial_number = Nothing()
    entry_mode_id = Nothing()
    terminal_id = Nothing()
    quick_invoice_id = Nothing()
    ach_sec_code = Nothing()
    custom_data = Nothing()
    hosted_payment_page_id = Nothing()
    trx_source_id = Nothing()
    emv_receipt_data = Nothing()

    def get_payment_method(self, row: Transaction) -> str:
        return method_of(row)

    def get_first_six(self, row: Transaction) -> str | None:
        return row.card_bin[:6] or None

    def get_account_holder_name(self, row: Transaction) -> str | None:
        return f"{row.order.first_name} {row.order.last_name}".strip() or None

    def get_notification_email_sent(self, row: Transaction) -> bool:
        return False

    def get_status_id(self, row: Transaction) -> int:
        if row.response == Transaction.Response.PENDING:
            return PENDING
        if row.response != Transaction.Response.SUCCESS:
            return DECLINED
        if row.is_charged_back:
            return CHARGED_BACK
        is_debit = method_of(row) == "ach" and row.type in (Transaction.Type.SALE, Transaction.Type.CAPTURE)
        return SETTLED if is_debit and is_settled(row) else STATUS_IDS.get(row.type, APPROVED)

    @extend_schema_field({"type": ["string", "null"], "format": "date"})
    def get_settle_date(self, row: Transaction) -> str | None:
        """The day of its batch, once that is closed."""
        return str(row.batch.day) if row.batch and row.batch.day and is_settled(row) else None

    def get_type_id(self, row: Transaction) -> int:
        return TYPE_IDS.get(row.type, 20)

    def get_is_recurring(self, row: Transaction) -> bool:
        return row.subscription_id is not None

    def get_is_accountvault(self, row: Transaction) -> bool:
        return row.payment_method_id is not None

    @extend_schema_field({"type": "array", "items": {"type": "object"}})
    def get_additional_amounts(self, row: Transaction) -> list[Any]:
        return []


class Transactions(Resource):
    singular = "transaction"
    plural = "transactions"
    about = "Every movement of money, and every try at one. They come about by moves of orders."
    answer = TransactionAnswer
    filters = {
        "contact_id": text("order__customer__public_id"),
        "order_num": text("order__client_order_id"),
        "transaction_api_id": text("external_id"),
        "product_transaction_id": text("gateway__public_id"),
        "type": choice("type", *Transaction.Type.values),
        "response": choice("response", *Transaction.Response.values),
        "last_four": text("card_last4"),
        "is_charged_back": flag("is_charged_back"),
        "created_ts": Span("created_at"),
    }
    sorts = {"created_ts": "created_at", "transaction_amount": "amount"}

    def rows(self) -> QuerySet[Transaction]:
        return Transaction.objects.select_related(
            *("order", "order__location", "order__customer", "gateway", "batch", "subscription"),
            "payment_method",
        )


class AccountVaultAnswer(serializers.Serializer):
    """What may be shown of a stored payment method: never a full number, never the token."""

    id = serializers.CharField(source="public_id")
    location_id = serializers.CharField(source="customer.location.public_id")
    contact_id = serializers.CharField(source="customer.public_id")
    payment_method = serializers.SerializerMethodField()
    account_holder_name = serializers.SerializerMethodField()
    first_six = serializers.SerializerMethodField()
    last_four = Said(source="card_last4")
    exp_date = Said(source="card_expiry")
    account_type = serializers.SerializerMethodField()
    is_debit = serializers.BooleanField(source="card_is_debit")
    is_prepaid = serializers.BooleanField(source="card_is_prepaid")
    created_ts = Moment(source="created_at")
    modified_ts = Moment(source="modified_at")

    def get_payment_method(self, row: StoredPaymentMethod) -> str:
        return method_of(row)

    def get_account_holder_name(self, row: StoredPaymentMethod) -> str | None:
        return row.customer.full_name or None

    def get_first_six(self, row: StoredPaymentMethod) -> str | None:
        return row.card_bin[:6] or None

    def get_account_type(self, row: StoredPaymentMethod) -> str | None:
        return row.card_type or row.ach_account_type or None


class AccountVaults(Resource):
    singular = "accountvault"
    plural = "accountvaults"
    about = "Stored payment methods of contacts: kept with the payments of orders, removed by staff."
    answer = AccountVaultAnswer
    filters = {
        "contact_id": text("customer__public_id"),
        "last_four": text("card_last4"),
        "created_ts": Span("created_at"),
    }
    sorts = {"created_ts": "created_at"}

    def rows(self) -> QuerySet[StoredPaymentMethod]:
        return StoredPaymentMethod.objects.select_related("customer", "customer__location")

    def listed(self, rows: QuerySet[StoredPaymentMethod]) -> QuerySet[StoredPaymentMethod]:
        return rows.filter(removed_at__isnull=True)

    def is_gone(self, row: StoredPaymentMethod) -> bool:
        return row.removed_at is not None


class BatchAnswer(serializers.Serializer):
    """In the order of keys of reference §2.4."""

    id = serializers.CharField(source="public_id")
    batch_num = serializers.IntegerField(source="number")
    is_open = serializers.BooleanField()
    processing_status_id = Nothing()
    product_transaction_id = serializers.CharField(source="gateway.public_id")
    created_ts = Moment(source="created_at")
    settlement_file_name = Nothing()
    batch_close_ts = Moment(source="closed_at")


class TransactionBatches(Resource):
    singular = "transactionbatch"
    plural = "transactionbatches"
    about = "The settlement batches of each gateway, one a day: opened by its first payment, closed after it."
    answer = BatchAnswer
    location_column = "gateway__location_id"
    filters = {
        "product_transaction_id": text("gateway__public_id"),
        "batch_num": number("number"),
        "is_open": flag("is_open"),
        "created_ts": Span("created_at"),
    }
    sorts = {"created_ts": "created_at", "batch_num": "number"}

    def rows(self) -> QuerySet[SettlementBatch]:
        return SettlementBatch.objects.select_related("gateway")

    def parts(self) -> Parts:
        return Gateway.objects.filter(location__in=self.location_keys), "gateway_id"
