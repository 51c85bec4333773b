"""What a test says: the newest resource of the location as it is now, else an example."""

from datetime import UTC, datetime
from typing import Any

from customers.models import Customer
from delivery import snapshots
from orders import cases
from orders.models import Order, SettlementBatch, StoredPaymentMethod, Subscription, Transaction
from orders.snapshots import of_order
from postbacks import freezing
from postbacks.models import PostbackConfig
from postbacks.resources import Subject, around

_ID = "0190a5d3e8f07c3b9a416d2e"
_AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC).isoformat()
_PAID = {"pay_source": "CREDITCARD", "card_type": "VISA", "card_bin": "411111", "card_last4": "1111"}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "contact": {"public_id": _ID, "last_name": "Jones", "created_at": _AT},
    "transaction": {
        **{"public_id": _ID, "type": "SALE", "amount": "59.90", "response": "SUCCESS", "created_at": _AT},
        **_PAID,
    },
    "transactionbatch": {"public_id": _ID, "number": 1, "is_open": True, "created_at": _AT},
    "accountvault": {"public_id": _ID, "card_expiry": "05/2029", "created_at": _AT, **_PAID},
    "order": {
        **{
            "id": 1,
            "client_order_id": "C0FFEE1234",
            "type": "NEW_SALE",
            "status": "COMPLETE",
            "currency": "USD",
        },
        **{"total": "59.90", "paid": "59.90", "created_at": _AT, "updated_at": _AT},
    },
    "subscription": {
        **{"client_purchase_id": "5AB5C71B05", "status": "ACTIVE", "price": "29.00"},
        **{"created_at": _AT, "updated_at": _AT},
    },
}


def newest(config: PostbackConfig) -> str:
    """The `data` of a test."""
    subject = _NEWEST[config.resource](config) or Subject(
        config.resource, _EXAMPLES[config.resource], config.location_id
    )
    return freezing.data_text(config, subject, around([subject]))


def _contact(config: PostbackConfig) -> Subject | None:
    here = Customer.objects.filter(location_id=config.location_id, deleted_at=None)
    row = here.order_by("-pk").first()
    return Subject("contact", snapshots.taken(row), row.location_id, row.pk) if row else None


def _transaction(config: PostbackConfig) -> Subject | None:
    here = Transaction.objects.filter(order__location_id=config.location_id, gateway=config.gateway)
    row = here.select_related("order").order_by("-pk").first()
    return _of_an_order("transaction", row, row.order) if row else None


def _batch(config: PostbackConfig) -> Subject | None:
    row = SettlementBatch.objects.filter(gateway=config.gateway).order_by("-pk").first()
    return Subject("transactionbatch", snapshots.taken(row), config.location_id) if row else None


def _vault(config: PostbackConfig) -> Subject | None:
    here = StoredPaymentMethod.objects.filter(customer__location_id=config.location_id, removed_at=None)
    row = here.order_by("-pk").first()
    return Subject("accountvault", snapshots.taken(row), config.location_id, row.customer_id) if row else None


def _order(config: PostbackConfig) -> Subject | None:
    row = Order.objects.filter(location_id=config.location_id, is_test=False).order_by("-pk").first()
    if row is None:
        return None
    case = cases.load([row.pk])[row.pk]
    return Subject("order", of_order(case), row.location_id, row.customer_id, row.pk)


def _subscription(config: PostbackConfig) -> Subject | None:
    here = Subscription.objects.filter(order__location_id=config.location_id)
    row = here.select_related("order").order_by("-pk").first()
    return _of_an_order("subscription", row, row.order) if row else None


def _of_an_order(resource: str, row: Any, order: Order) -> Subject:
    return Subject(resource, snapshots.taken(row), order.location_id, order.customer_id, order.pk)


_NEWEST = {
    "contact": _contact,
    "transaction": _transaction,
    "transactionbatch": _batch,
    "accountvault": _vault,
    "order": _order,
    "subscription": _subscription,
}
