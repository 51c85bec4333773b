"""Orders made ready for fields to be read from them: the sweep and a preview read the same."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from zoneinfo import ZoneInfo

from exports.fields.reading import EventFacts, Reading
from orders import cases
from orders.cases import Case, add_billed_subscriptions
from orders.models import CampaignProduct

Offers = Mapping[int, Mapping[int, int]]  # by campaign and product, the id under which it offers the product


def load(order_ids: Iterable[int]) -> dict[int, Case]:
    """These orders as they are now; a rebill's with the subscription that made it."""
    loaded = cases.load(order_ids)
    add_billed_subscriptions(loaded.values())
    return loaded


def offers_of(loaded: Collection[Case]) -> Offers:
    """What the campaigns of these orders offer of their products; one statement."""
    campaigns = {one for case in loaded if (one := case.order.campaign_id) is not None}
    products = {product for case in loaded for product in case.product_ids}
    offers: dict[int, dict[int, int]] = defaultdict(dict)
    if campaigns and products:
        found = CampaignProduct.objects.filter(campaign_id__in=campaigns, product_id__in=products)
        for campaign_id, product_id, offer_id in found.values_list("campaign_id", "product_id", "pk"):
            offers[campaign_id][product_id] = offer_id
    return offers


def reading_of(case: Case, event: EventFacts, customer_type: str, offers: Offers) -> Reading:
    """One order at one event, going out as that customer type (its label)."""
    return Reading(
        case=case,
        event=event,
        customer_type=customer_type,
        zone=ZoneInfo(case.order.location.time_zone),
        campaign_products=offers.get(case.order.campaign_id or 0, {}),
    )
