"""Filters of the lists that stay quick however long the lists are."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from delivery import catalogue
from delivery.ids import first_id_at
from delivery.models import Endpoint
from delivery.screens import as_id

MOST_OFFERED = 50
MOST_LISTED_ENDPOINTS = 200
_UNFINISHED = {"pending", "waiting"}


class Made(admin.SimpleListFilter):
    """By age: ids of deliveries sort by it, so this needs no index of its own."""

    title = "time made"
    parameter_name = "made"
    hours = {"hour": 1, "day": 24, "week": 24 * 7, "month": 24 * 31}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("hour", "the last hour"),
            ("day", "the last 24 hours"),
            ("week", "the last 7 days"),
            ("month", "the last 31 days"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        hours = self.hours.get(self.value() or "")
        if hours is None:
            return queryset
        return queryset.filter(pk__gte=first_id_at(timezone.now() - timedelta(hours=hours)))


class InState(admin.ChoicesFieldListFilter):
    """By state. One has an index; two that are not finished lie in the working set: no need to look on."""

    def expected_parameters(self) -> list[str | None]:
        return [*super().expected_parameters(), f"{self.field_path}__in"]  # which profiles link to

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found: QuerySet[Any] = super().queryset(request, queryset)  # type: ignore[assignment]
        given: dict[str, Any] = dict(self.used_parameters)
        chosen = set(given.get(f"{self.field_path}__exact", ()))
        chosen.update(*given.get(f"{self.field_path}__in", ()))
        return found.filter(kept_on=None) if chosen == _UNFINISHED else found


class ToChannel(admin.SimpleListFilter):
    """By channel, as the settings list them: no look at the deliveries to know which there are."""

    title = "channel"
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in settings.POSTRIDER_CHANNELS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By way of its endpoints, if they are few: they have an index, and a rare channel is found by it."""
        if not self.value():
            return queryset
        pks = Endpoint.objects.filter(channel=self.value()).values_list("pk", flat=True)
        few = list(pks[: MOST_LISTED_ENDPOINTS + 1])
        if len(few) > MOST_LISTED_ENDPOINTS:
            return queryset.filter(channel=self.value())
        return queryset.filter(endpoint__in=few)


class ToEndpoint(admin.SimpleListFilter):
    """By endpoint; offers a screenful of them, and always the chosen one, which a profile's page links to."""

    title = "endpoint"
    parameter_name = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        offered = dict(Endpoint.objects.order_by("name").values_list("pk", "name")[:MOST_OFFERED])
        chosen = self._chosen()
        if chosen is not None and chosen not in offered:
            offered.update(Endpoint.objects.filter(pk=chosen).values_list("pk", "name"))
        return [(str(pk), name) for pk, name in offered.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        chosen = self._chosen()
        return queryset.none() if chosen is None else queryset.filter(endpoint_id=chosen)

    def _chosen(self) -> int | None:
        return as_id(self.value() or "")


class EventType(admin.SimpleListFilter):
    """By event type, as the catalogue lists them: no look at the log to know which there are."""

    title = "event type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(entry.key, entry.key) for entry in catalogue.ALL]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(type=self.value()) if self.value() else queryset
