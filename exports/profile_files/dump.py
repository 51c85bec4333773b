"""Writing profiles as a file: the same profiles always give the same bytes."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from customers.models import Location
from exports.models import ExportProfile, FieldMapping, Route
from exports.profile_files.layout import COLUMNS, SETTINGS
from orders.models import Product


def dump(profiles: Iterable[ExportProfile]) -> str:
    """The file's text. Profiles name their location only where there are several."""
    found = sorted(profiles, key=lambda profile: (profile.location.name, profile.name))
    is_named = Location.objects.count() > 1
    shared = _shared_names()
    entries = [_profile(profile, is_named, shared) for profile in found]
    return json.dumps({"profiles": entries}, indent=2, ensure_ascii=False) + "\n"


def _profile(profile: ExportProfile, is_named: bool, shared: set[tuple[int, str]]) -> dict[str, Any]:
    location = {"location": profile.location.name} if is_named else {}
    return {
        "name": profile.name,
        **location,
        **{key: getattr(profile, column) for key, (column, _) in COLUMNS.items()},
        "settings": {key: getattr(profile, column) for key, (column, _) in SETTINGS.items()},
        "mappings": [_mapping(mapping) for mapping in profile.mappings.all()],
        "routes": [_route(route, shared) for route in profile.routes.all()],
    }


def _mapping(mapping: FieldMapping) -> dict[str, Any]:
    named = {"export_name": mapping.export_name, "field": mapping.field}
    return {**named, "secret": True} if mapping.is_secret else {**named, "static_value": mapping.static_value}


def _route(route: Route, shared: set[tuple[int, str]]) -> dict[str, Any]:
    return {
        "customer_type": route.get_customer_type_display(),
        "campaign": route.campaign.name if route.campaign is not None else None,
        "product": _product(route.product, shared) if route.product is not None else None,
    }


def _product(product: Product, shared: set[tuple[int, str]]) -> str:
    """Its name, or its SKU where several products are called so."""
    is_shared = (product.location_id, product.name) in shared
    return product.sku if is_shared and product.sku else product.name


def _shared_names() -> set[tuple[int, str]]:
    routed = Route.objects.filter(product__isnull=False).values("product__name")
    named = Product.objects.filter(name__in=routed).values_list("location_id", "name")
    return {key for key, count in Counter(named).items() if count > 1}
