"""Campaigns, products and gateways that stories name: found, or made, in sets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model

from customers.models import Location
from delivery import sets
from orders.importers.stories import Item, Story
from orders.models import Campaign, Gateway, Product

Named = TypeVar("Named", bound=Model)


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the stories of one batch refer to, by name; products by sku."""

    campaigns: dict[str, Campaign]
    gateways: dict[str, Gateway]
    products: dict[str, Product]


def ready(location: Location, stories: Iterable[Story]) -> Catalog:
    """All that these stories refer to, in at most six statements."""
    stories = list(stories)
    items = {item.sku: item for story in stories for item in reversed(story.all_items)}
    campaigns = {story.campaign for story in stories if story.campaign}
    gateways = {story.gateway for story in stories if story.gateway}
    return Catalog(
        _by_name(Campaign, "name", location, campaigns),
        _by_name(Gateway, "title", location, gateways),
        _products(location, items),
    )


def _by_name(model: type[Named], column: str, location: Location, names: set[str]) -> dict[str, Named]:
    found = model._default_manager.filter(location=location, **{f"{column}__in": names}) if names else ()
    known = {getattr(row, column): row for row in found}
    new = [model(location=location, **{column: name}) for name in sorted(names - known.keys())]
    sets.create(new)
    return known | {getattr(row, column): row for row in new}


def _products(location: Location, items: dict[str, Item]) -> dict[str, Product]:
    found = Product.objects.filter(location=location, sku__in=items.keys())
    known = {product.sku: product for product in found}
    new = [_product(location, item) for sku, item in items.items() if sku not in known]
    sets.create(new)
    return known | {product.sku: product for product in new}


def _product(location: Location, item: Item) -> Product:
    days = item.recurring_days
    product = Product(
        location=location,
        sku=item.sku,
        name=item.name or item.sku,
        category=item.category,
        is_recurring=days > 0,
    )
    if days:
        product.billing_interval_days = days
    return product
