"""What the boxes of the board offer while somebody types: a few profiles, campaigns or products."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, JsonResponse

from customers.models import Location
from delivery.screens import as_id
from exports.admin.board.asking import searched
from exports.admin.board.permissions import require, rights_of
from exports.models import ExportProfile
from orders.models import Campaign, Product

A_FEW = 20


@dataclass(frozen=True, slots=True)
class Source:
    """A table that something is chosen from."""

    model: type[Model]
    columns: tuple[str, ...]
    label: Callable[[Any], str]

    def found(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Those that have the text in one of the columns, or it for their number."""
        wanted = Q()
        for column in self.columns:
            wanted |= Q(**{f"{column}__icontains": text})
        number = as_id(text.removeprefix("#"))
        return rows.filter(wanted | Q(pk=number) if number else wanted) if text else rows


def _product(product: Product) -> str:
    """Several may have one name."""
    return f"{product.name} ({product.sku})" if product.sku else f"{product.name} (#{product.pk})"


def _profile(profile: ExportProfile) -> str:
    return f"{profile.name} (#{profile.pk})"


SOURCES = {
    "profile": Source(ExportProfile, ("name",), _profile),
    "campaign": Source(Campaign, ("name",), lambda campaign: campaign.name),
    "product": Source(Product, ("name", "sku", "external_id"), _product),
}


def choices(request: HttpRequest, of: str) -> JsonResponse:
    """The first few that match what was typed, by name. Campaigns and products: of the profile's location."""
    if of not in SOURCES:
        raise Http404
    rights = rights_of(request)
    may_route = rights.may_add_routes or rights.may_change_routes
    require(may_route or (of == "profile" and rights.may_see_routes))
    rows = rows_for(of, location_of(as_id(request.GET.get("profile") or "")))
    found = SOURCES[of].found(rows, searched(request.GET.get("q")))[: A_FEW + 1]
    return JsonResponse({"found": list(_offered(of, found))[:A_FEW], "is_more": len(found) > A_FEW})


def rows_for(of: str, location: int | None) -> QuerySet[Any]:
    """All that may be chosen. Without a location no campaign and no product: the profile comes first."""
    source = SOURCES[of]
    rows = source.model._default_manager.order_by("name", "pk")
    return rows if of == "profile" else rows.filter(location_id=location)


def location_of(profile_id: int | None) -> int | None:
    """Of the profile; without one, the only location there is."""
    if profile_id:
        found = ExportProfile.objects.filter(pk=profile_id).values_list("location_id", flat=True).first()
        return found
    only = list(Location.objects.values_list("pk", flat=True)[:2])
    return only[0] if len(only) == 1 else None


def _offered(of: str, rows: Iterable[Any]) -> Iterable[dict[str, Any]]:
    return ({"id": row.pk, "text": SOURCES[of].label(row)} for row in rows)
