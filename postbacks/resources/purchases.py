"""Orders and subscriptions, as the API answers them."""

from typing import Any

from delivery import snapshots
from orders.api.answers import FulfillmentAnswer, OrderAnswer, SubscriptionAnswer
from orders.models import Fulfillment, OrderItem, Product
from postbacks.resources.reading import Around, Subject

_ORDER, _SUBSCRIPTION, _PARCEL = OrderAnswer(), SubscriptionAnswer(), FulfillmentAnswer()


def order(subject: Subject, known: Around) -> dict[str, Any]:
    row = subject.row
    row.location, row.customer = known.location(subject), known.customer(subject)
    row.campaign = known.campaigns.get(row.campaign_id)
    row.original_order = known.orders.get(row.original_order_id)
    row._prefetched_objects_cache = {"items": [_item(one) for one in subject.values.get("items", ())]}
    said: dict[str, Any] = _ORDER.to_representation(row)
    return said


def fulfillments(subject: Subject, known: Around) -> list[Any]:
    """The parcels of an order, as they were."""
    parcels = (snapshots.developed(Fulfillment, one) for one in subject.values.get("fulfillments", ()))
    return [_PARCEL.to_representation(parcel) for parcel in parcels]


def subscription(subject: Subject, known: Around) -> dict[str, Any]:
    """Beside what the API says within an order: whose it is."""
    said: dict[str, Any] = _SUBSCRIPTION.to_representation(subject.row)
    started_by = known.order(subject)
    return {
        "id": said["id"],
        "location_id": known.location(subject).public_id,
        "contact_id": known.customer(subject).public_id,
        "order_id": started_by.client_order_id,
        **said,
    }


def _item(values: dict[str, Any]) -> OrderItem:
    item = snapshots.developed(OrderItem, values)
    item.product = Product(pk=values.get("product_id"), sku=values.get("sku", ""))
    return item
