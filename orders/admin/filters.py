"""Filters of the list of orders; they stay quick however many campaigns there are."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from delivery.screens import as_id
from orders.models import Campaign

MOST_OFFERED = 50


class WithTestCard(admin.BooleanFieldListFilter):
    """By whether it is a test card order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "test card"


class OfCampaign(admin.SimpleListFilter):
    """By campaign; offers a screenful of them, and always the chosen one, which a campaign's row links to."""

    title = "campaign"
    parameter_name = "campaign"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        offered = dict(Campaign.objects.order_by("name").values_list("pk", "name")[:MOST_OFFERED])
        chosen = as_id(self.value() or "")
        if chosen is not None and chosen not in offered:
            offered.update(Campaign.objects.filter(pk=chosen).values_list("pk", "name"))
        return [(str(pk), name) for pk, name in offered.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        chosen = as_id(self.value() or "")
        return queryset.none() if chosen is None else queryset.filter(campaign_id=chosen)
