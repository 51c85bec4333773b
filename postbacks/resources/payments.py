"""Transactions, settlement batches and stored payment methods. Never a full card number, never a token."""

from typing import Any

from orders.models import Transaction
from postbacks.resources.forms import (
    Read,
    amount,
    column,
    contact_id,
    flag,
    location_id,
    moment,
    money,
    nothing,
    number,
    product_transaction_id,
    seconds,
)
from postbacks.resources.reading import Around, Subject

Type, Response = Transaction.Type, Transaction.Response
_SALE, _REFUND = 20, 30
_APPROVED, _AUTHORIZED, _REFUNDED, _PENDING, _SETTLED = 101, 102, 111, 131, 134
_VOIDED, _DECLINED, _CHARGED_BACK = 201, 301, 331
_METHODS = {"CREDITCARD": "cc", "CHECK": "ach", "ACH": "ach", "DIRECTDEBIT": "ach"}
_STATUS_OF = {Type.AUTHORIZE: _AUTHORIZED, Type.REFUND: _REFUNDED, Type.VOID: _VOIDED}
_OPEN, _CLOSED = 1, 2


def status_id(row: Transaction, *, is_settled: bool = False) -> int:
    """The documentation's number for what became of it."""
    if row.type == Type.CHARGEBACK or row.is_charged_back:
        return _CHARGED_BACK
    if row.response in (Response.SOFT_DECLINE, Response.HARD_DECLINE):
        return _DECLINED
    if row.response == Response.PENDING:
        return _PENDING
    if row.type in (Type.SALE, Type.CAPTURE):
        return _SETTLED if is_settled else _APPROVED
    return _STATUS_OF[Type(row.type)]


def type_id(row: Transaction) -> int:
    return _REFUND if row.type == Type.REFUND else _SALE


def _status(subject: Subject, known: Around) -> int:
    batch = known.batches.get(subject.row.batch_id or 0)
    return status_id(subject.row, is_settled=batch is not None and not batch.is_open)


def _method(subject: Subject, known: Around) -> str | None:
    source = subject.row.pay_source
    return _METHODS.get(source, source.lower()) or None


def _vault_id(subject: Subject, known: Around) -> str | None:
    vault = known.vault(subject)
    return vault.public_id if vault else None


def _recurring_id(subject: Subject, known: Around) -> str | None:
    subscription = known.subscriptions.get(subject.row.subscription_id or 0)
    return subscription.client_purchase_id if subscription else None


def _holder(subject: Subject, known: Around) -> str | None:
    whose = known.order(subject) or known.customer(subject)
    return f"{whose.first_name} {whose.last_name}".strip() or None if whose else None


def _of_order(name: str) -> Read:
    return lambda subject, known: getattr(known.order(subject), name, "") or None


def _batch_number(subject: Subject, known: Around) -> str | None:
    batch = known.batches.get(subject.row.batch_id or 0)
    return str(batch.number) if batch else None


def _authorized(subject: Subject, known: Around) -> str | None:
    is_good = subject.row.response == Response.SUCCESS
    return money(subject.row.amount) if is_good else None


def _is_recurring(subject: Subject, known: Around) -> bool:
    return subject.row.subscription_id is not None


def _is_vaulted(subject: Subject, known: Around) -> bool:
    return known.vault(subject) is not None


def _none_of_them(subject: Subject, known: Around) -> list[Any]:
    return []


def _no(subject: Subject, known: Around) -> bool:
    return False


TRANSACTION: dict[str, Read] = {
    "id": column("public_id"),
    "payment_method": _method,
    "account_vault_id": _vault_id,
    "recurring_id": _recurring_id,
    "first_six": lambda subject, known: subject.row.card_bin[:6] or None,
    "last_four": column("card_last4"),
    "account_holder_name": _holder,
    "transaction_amount": amount("amount"),
    "description": nothing,
    "transaction_code": nothing,
    "avs": column("avs_response"),
    "batch": _batch_number,
    "order_num": _of_order("client_order_id"),
    "verbiage": column("response_text"),
    "transaction_settlement_status": nothing,
    "effective_date": nothing,
    "routing": nothing,
    "return_date": nothing,
    "created_ts": moment("created_at"),
    "modified_ts": lambda subject, known: seconds(subject.change.at or subject.row.created_at),
    "transaction_api_id": column("external_id"),
    "terms_agree": nothing,
    "notification_email_address": nothing,
    "notification_email_sent": _no,
    "response_message": column("response_text"),
    "auth_amount": _authorized,
    "auth_code": nothing,
    "status_id": _status,
    "type_id": lambda subject, known: type_id(subject.row),
    "location_id": location_id,
    "reason_code_id": nothing,
    "contact_id": contact_id,
    "billing_zip": _of_order("postal_code"),
    "billing_street": _of_order("address1"),
    "product_transaction_id": product_transaction_id,
    "tax": nothing,
    "customer_ip": _of_order("ip_address"),
    "customer_id": nothing,
    "po_number": nothing,
    "avs_enhanced": nothing,
    "cvv_response": column("cvv_response"),
    "billing_phone": _of_order("phone"),
    "billing_city": _of_order("city"),
    "billing_state": _of_order("state"),
    "clerk_number": nothing,
    "tip_amount": nothing,
    "created_user_id": nothing,
    "modified_user_id": nothing,
    "ach_identifier": nothing,
    "check_number": nothing,
    "settle_date": nothing,
    "charge_back_date": nothing,
    "void_date": nothing,
    "account_type": lambda subject, known: subject.row.card_type.lower() or None,
    "is_recurring": _is_recurring,
    "is_accountvault": _is_vaulted,
    "transaction_c1": nothing,
    "transaction_c2": nothing,
    "transaction_c3": nothing,
    "additional_amounts": _none_of_them,
    "terminal_serial_number": nothing,
    "entry_mode_id": nothing,
    "terminal_id": nothing,
    "quick_invoice_id": nothing,
    "ach_sec_code": nothing,
    "custom_data": nothing,
    "hosted_payment_page_id": nothing,
    "trx_source_id": nothing,
    "emv_receipt_data": nothing,
}

BATCH: dict[str, Read] = {
    "id": column("public_id"),
    "batch_num": number("number"),
    "is_open": lambda subject, known: int(subject.row.is_open),
    "processing_status_id": lambda subject, known: _OPEN if subject.row.is_open else _CLOSED,
    "product_transaction_id": product_transaction_id,
    "created_ts": moment("created_at"),
    "settlement_file_name": nothing,
    "batch_close_ts": moment("closed_at"),
}

VAULT: dict[str, Read] = {
    "id": column("public_id"),
    "location_id": location_id,
    "contact_id": contact_id,
    "payment_method": _method,
    "account_holder_name": _holder,
    "account_type": lambda subject, known: subject.row.card_type.lower() or None,
    "first_six": lambda subject, known: subject.row.card_bin[:6] or None,
    "last_four": column("card_last4"),
    "exp_date": lambda subject, known: _month_and_year(subject.row.card_expiry),
    "is_debit": flag("card_is_debit"),
    "is_prepaid": flag("card_is_prepaid"),
    "created_ts": moment("created_at"),
    "modified_ts": lambda subject, known: seconds(subject.change.at or subject.row.created_at),
}


def _month_and_year(expiry: str) -> str | None:
    """`0529` of 05/2029."""
    month, _, year = expiry.partition("/")
    return f"{month}{year[-2:]}" if year else None
