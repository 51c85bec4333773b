"""The filters of the list of postback configs."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest


class WhetherThere(admin.SimpleListFilter):
    """Deleted ones are only shown when they are asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("on", "on"), ("off", "off"), ("deleted", "deleted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "deleted":
            return queryset.filter(deleted_at__isnull=False)
        found = queryset.filter(deleted_at=None)
        return found.filter(is_active=self.value() == "on") if self.value() in ("on", "off") else found
