"""The 23 customer types of export routing, in the words and the order of the documentation (its Step 6)."""

from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CustomerType:
    """What a route asks for. `per_order` types look at the order as it is and go out once per order."""

    key: str
    label: str
    event_type: str
    meaning: str
    per_order: bool = False
    only: str = ""  # of several meanings of one event: "full" or "partial" refund; "product" or "no_product"


ALL = (
    CustomerType("partial", "Partial", "order.partial", "only incomplete orders (also called leads)", True),
    CustomerType(
        "lead",
        "Lead",
        "order.partial",
        "only incomplete orders that do not have a product assigned",
        True,
        "no_product",
    ),
    CustomerType(
        "abandoned_cart",
        "Abandoned Cart",
        "order.partial",
        "only incomplete orders that have a product(s) assigned",
        True,
        "product",
    ),
    CustomerType("new_sale", "New Sale", "order.sale", "only new sales that successfully billed"),
    CustomerType("upsell", "Upsell", "order.upsell", "only orders that include an upsell"),
    CustomerType(
        "subscription_started",
        "Subscription Started",
        "subscription.started",
        "only new sales that include a recurring product",
    ),
    CustomerType(
        "pre_billing",
        "Pre-Billing",
        "subscription.prebilled",
        "only after the prebill notification e-mail has been sent prior to the next rebill",
    ),
    CustomerType(
        "recurring_order",
        "Recurring Order",
        "order.recurring",
        "orders created as part of a continuity subscription",
    ),
    CustomerType("decline", "Decline", "order.declined", "orders that declined"),
    CustomerType(
        "rebill_decline",
        "Rebill Decline",
        "subscription.rebill_declined",
        "only when a rebill (recurring purchase) declines",
    ),
    CustomerType(
        "recycle_failed",
        "Recycle Failed",
        "subscription.recycle_failed",
        "orders who reach recycle failed status",
    ),
    CustomerType("cancel", "Cancel", "subscription.cancelled", "if a recurring purchase is cancelled"),
    CustomerType("pause", "Pause", "subscription.paused", "when a recurring purchase is paused"),
    CustomerType(
        "reactivate", "Reactivate", "subscription.reactivated", "when a recurring purchase is reactivated"
    ),
    CustomerType("all_refunds", "All refunds", "order.refunded", "orders that have been refunded"),
    CustomerType(
        "partial_refunds",
        "Partial refunds",
        "order.refunded",
        "orders that have been partially refunded",
        False,
        "partial",
    ),
    CustomerType(
        "full_refunds",
        "Full refunds",
        "order.refunded",
        "orders that have been fully refunded",
        False,
        "full",
    ),
    CustomerType("chargeback", "Chargeback", "order.charged_back", "orders that have been charged back"),
    CustomerType(
        "fulfillment_shipped",
        "Fulfillment Shipped",
        "fulfillment.shipped",
        "orders when their fulfillment status shows as Shipped",
    ),
    CustomerType(
        "fulfillment_delivered",
        "Fulfillment delivered",
        "fulfillment.delivered",
        "orders when their fulfillment status shows as Delivered",
    ),
    CustomerType("rma_issued", "RMA issued", "rma.issued", "orders when an RMA is issued"),
    CustomerType("rma_received", "RMA received", "rma.received", "orders when an RMA is received"),
    CustomerType("qa_pending", "QA Pending", "order.qa_pending", "orders that are pending in QA"),
)

BY_KEY = {kind.key: kind for kind in ALL}
CHOICES = [(kind.key, kind.label) for kind in ALL]
BY_EVENT_TYPE: dict[str, list[CustomerType]] = defaultdict(list)
for _kind in ALL:
    BY_EVENT_TYPE[_kind.event_type].append(_kind)


def named(name: str) -> CustomerType | None:
    """The type that people call so: its label or key, in any case and spacing; None if there is none."""
    wanted = "".join(letter for letter in name.casefold() if letter.isalnum())
    for kind in ALL:
        if wanted in (kind.key.replace("_", ""), "".join(c for c in kind.label.casefold() if c.isalnum())):
            return kind
    return None
