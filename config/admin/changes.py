"""The audit log, only to be read: who changed what, from what to what."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.text import capfirst

from audit import changes
from audit.differences import differences
from audit.models import Change
from delivery.screens import MOST_FOUND, ReadOnlyAdmin, as_id, pretty

MOST_TYPES = 30


class OfType(admin.SimpleListFilter):
    """By kind of what was changed: those that there are, found by steps along the index."""

    title = "what"
    parameter_name = "subject_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, capfirst(changes.type_in_words(name))) for name in _types()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Change]) -> QuerySet[Change]:
        return queryset.filter(subject_type=self.value()) if self.value() else queryset


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    change_form_template = "admin/audit/change/change_form.html"
    list_display = ("when", "subject", "action", "who")
    list_display_links = ("when",)
    list_filter = (OfType,)
    search_fields = ("subject_name",)
    search_help_text = "A name or number of what was changed, or who did it (jane, api:shop-3)."
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Change]:
        return super().get_queryset(request).defer("old", "new")

    def found_exactly(self, term: str) -> Iterable[int]:
        """By who did it, or by number."""
        pks = Change.objects.order_by("-id").values_list("pk", flat=True)
        by_them = pks.filter(by__in=[term, f"admin:{term}"])[:MOST_FOUND]
        number = as_id(term)
        return list(by_them) or (list(pks.filter(subject_id=number)[:MOST_FOUND]) if number else [])

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        change = self.get_object(request, object_id)
        context = {**(extra_context or {})}
        if change is not None and self.has_view_permission(request, change):
            context |= _sight_of(change)
        return super().change_view(request, object_id, form_url, context)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[()]:
        return ()  # the page is drawn by its template

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": "Audit log", **(extra_context or {})})

    @admin.display(description="when")
    def when(self, change: Change) -> str:
        return f"{timezone.localtime(change.at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description="who")
    def who(self, change: Change) -> str:
        return change.by or "–"

    @admin.display(description="what")
    def subject(self, change: Change) -> str:
        return f"{changes.type_in_words(change.subject_type)} “{change.subject_name}” ({change.subject_id})"


def _sight_of(change: Change) -> dict[str, Any]:
    """What the page shows: what differs, and each state as a whole."""
    states = [("Before", change.old), ("After", change.new)]
    return {
        "entry": change,
        "title": f"{change.subject_name}: {change.action}",
        "subtitle": None,
        "kind": changes.type_in_words(change.subject_type),
        "subject_page": _page_of(change),
        "differences": differences(change.old, change.new, changes.labels(change.subject_type)),
        "states": [(name, pretty(orjson.dumps(state).decode())) for name, state in states if state],
    }


def _page_of(change: Change) -> str:
    """The page of what was changed; "" if it has none, or was deleted."""
    if change.old is not None and change.new is None:
        return ""
    name = f"admin:{change.subject_type.replace('.', '_')}_change"
    try:
        return reverse(name, args=[change.subject_id])
    except NoReverseMatch:
        return ""


def _types() -> Iterator[str]:
    last, rows = "", Change.objects.order_by("subject_type").values_list("subject_type", flat=True)
    for _ in range(MOST_TYPES):
        found = rows.filter(subject_type__gt=last).first()
        if found is None:
            return
        yield found
        last = found
