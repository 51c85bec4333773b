"""Fields of the payment: the event's own transaction, and the card or account that paid."""

from collections.abc import Callable
from datetime import datetime

from exports.fields.events import said
from exports.fields.reading import Field, Reading, Value, flag
from orders.cases import Case
from orders.models import Transaction

GROUP = "Payment"

_IN = (Transaction.Type.SALE, Transaction.Type.CAPTURE)
_ASKED = (*_IN, Transaction.Type.AUTHORIZE)
_OF_A_REBILL = ("subscription.rebill_declined", "subscription.recycle_failed")


def transaction(reading: Reading) -> Transaction | None:
    """The transaction that the event is about (refund, chargeback, declined rebill), else the payment."""
    event, rows = reading.event, reading.case.transactions
    named = event.data.get("transaction")
    if named:
        for row in rows:
            if row.pk == named:
                return row
    if event.type in _OF_A_REBILL:
        wanted = event.data.get("subscription")
        tries = [row for row in rows if row.subscription_id == wanted]
        return _latest(tries, event.occurred_at) or payment(reading)
    return payment(reading)


def payment(reading: Reading) -> Transaction | None:
    """What paid the order: the first success (of an upsell, the latest by then), else the last try."""
    paid = _succeeded(reading.case, _IN)
    if paid and reading.event.type == "order.upsell":
        return _latest(paid, reading.event.occurred_at) or paid[0]
    if not paid:
        paid = _succeeded(reading.case, _ASKED)
    if paid:
        return paid[0]
    tries = [row for row in reading.case.transactions if row.type in _ASKED]
    return tries[-1] if tries else None


def _succeeded(case: Case, types: tuple[str, ...]) -> list[Transaction]:
    success = Transaction.Response.SUCCESS
    return [row for row in case.transactions if row.response == success and row.type in types]


def _latest(rows: list[Transaction], until: datetime | None) -> Transaction | None:
    for row in reversed(rows):
        if until is None or row.created_at <= until:
            return row
    return None


def _own(column: str) -> Callable[[Reading], Value]:
    """Of the event's own transaction."""

    def read(reading: Reading) -> Value:
        row = transaction(reading)
        value: Value = getattr(row, column) if row is not None else ""
        return value

    return read


def _means(reading: Reading) -> Transaction | None:
    """The transaction that shows card or account: money that goes back repeats only a part of it."""
    row = transaction(reading)
    return row if row is None or row.type in _ASKED else payment(reading)


def _card(column: str) -> Callable[[Reading], Value]:
    def read(reading: Reading) -> Value:
        row = _means(reading)
        value: Value = getattr(row, column) if row is not None else ""
        return flag(value) if isinstance(value, bool) else value

    return read


def _gateway_title(reading: Reading) -> str:
    row = _means(reading)
    return row.gateway.title if row is not None and row.gateway is not None else ""


def _gateway_id(reading: Reading) -> str:
    """The gateway's id; of money that went back without one, that of the payment it came from."""
    row, paid = transaction(reading), payment(reading)
    if row is not None and row.merchant_txn_id:
        return row.merchant_txn_id
    return paid.merchant_txn_id if paid is not None else ""


def _not_stored(reading: Reading) -> str:
    return ""


_DECLINES = ("order.declined", "order.qa_declined", "subscription.rebill_declined")

FIELDS = (
    Field("paySource", GROUP, "How it was paid", _card("pay_source"), "CREDITCARD"),
    Field("cardType", GROUP, "Card brand", _card("card_type"), "VISA"),
    Field("cardLast4", GROUP, "Last four digits", _card("card_last4"), "1111"),
    Field("cardBin", GROUP, "First digits (BIN)", _card("card_bin"), "411111"),
    Field("cardExpiryDate", GROUP, "Expires (MM/YYYY)", _card("card_expiry"), "05/2029"),
    Field("cardIsDebit", GROUP, "Debit card (1 or 0)", _card("card_is_debit"), 0),
    Field("cardIsPrepaid", GROUP, "Prepaid card (1 or 0)", _card("card_is_prepaid"), 0),
    Field(
        "achAccountNumber",
        GROUP,
        "Account number (sensitive; stored nowhere, so always empty)",
        _not_stored,
        "",
        is_sensitive=True,
    ),
    Field("achAccountType", GROUP, "Kind of account", _card("ach_account_type"), "CHECKING"),
    Field(
        "achRoutingNumber",
        GROUP,
        "Routing number (sensitive; stored nowhere, so always empty)",
        _not_stored,
        "",
        is_sensitive=True,
    ),
    Field("avsResponse", GROUP, "Address check", _card("avs_response"), "Y"),
    Field("cvvResponse", GROUP, "CVV check", _card("cvv_response"), "M"),
    Field("gatewayTitle", GROUP, "Gateway", _gateway_title, "Main gateway"),
    Field("transactionId", GROUP, "The gateway's transaction id", _gateway_id, "ch_3K8"),
    Field("actualTransactionId", GROUP, "Transaction id", _own("pk"), 4711),
    Field("clientTxnId", GROUP, "Transaction number (12 hex)", _own("client_txn_id"), "0F1E2D3C4B5A"),
    Field("responseType", GROUP, "What the gateway answered", _own("response"), "SUCCESS"),
    Field(
        "declineReason",
        GROUP,
        "Why it was declined",
        said("reason", *_DECLINES, otherwise=lambda r: r.case.order.decline_reason),
        "Insufficient funds",
    ),
)
