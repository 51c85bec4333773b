"""Fields that tell where an order came from, and those that a store made up itself."""

from collections.abc import Callable
from typing import Any

from exports.fields.reading import Field, Reading, free

ATTRIBUTION = "Attribution"
CUSTOM = "Custom"


def _campaign_id(reading: Reading) -> int | str:
    return reading.case.order.campaign_id or ""


def _campaign_name(reading: Reading) -> str:
    campaign = reading.case.order.campaign
    return campaign.name if campaign is not None else ""


def _attributed(name: str) -> Callable[[Reading], str | int]:
    return lambda reading: free(reading.case.order.attribution.get(name))


def _custom(name: str) -> Callable[[Reading], str | int]:
    return lambda reading: free(reading.case.order.custom_fields.get(name))


def _custom_values(reading: Reading) -> str:
    values = (str(free(value)) for value in _sorted(reading.case.order.custom_fields).values())
    return ",".join(value for value in values if value)


def _sorted(values: dict[str, Any]) -> dict[str, Any]:
    """By name: databases keep the names of a JSON object in orders of their own."""
    return dict(sorted(values.items()))


_SOURCES = (
    ("funnelReferenceId", "Funnel", "F-9"),
    ("sourceId", "Source", "31"),
    ("affId", "Affiliate", "A17"),
    ("pubId", "Publisher", "P3"),
    ("subAffId", "Sub-affiliate", "S8"),
    *((f"sourceValue{number}", f"Source value {number}", f"c{number}") for number in range(1, 6)),
    ("UTMSource", "UTM source", "newsletter"),
    ("UTMMedium", "UTM medium", "email"),
    ("UTMCampaign", "UTM campaign", "spring"),
    ("UTMTerm", "UTM term", "creme"),
    ("UTMContent", "UTM content", "blue-button"),
)

FIELDS = (
    Field("campaignId", ATTRIBUTION, "Campaign id", _campaign_id, 1),
    Field("campaignName", ATTRIBUTION, "Campaign", _campaign_name, "Lander"),
    *(Field(name, ATTRIBUTION, label, _attributed(name), example) for name, label, example in _SOURCES),
    *(
        Field(f"custom{number}", CUSTOM, f"Custom value {number}", _custom(f"custom{number}"), "blue")
        for number in range(1, 6)
    ),
    Field("customFields", CUSTOM, "All custom values, separated by commas", _custom_values, "blue,XL"),
    Field(
        "orderCustomFields",
        CUSTOM,
        "All custom values of the order (JSON)",
        lambda r: _sorted(r.case.order.custom_fields),
        {"custom1": "blue", "size": "XL"},
    ),
    Field(
        "customerCustomFields",
        CUSTOM,
        "All custom values of the customer (JSON)",
        lambda r: _sorted(r.case.customer.custom_fields),
        {"vip": "yes"},
    ),
)
