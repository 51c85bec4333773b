"""The audit log, only to be read: who changed what, from what to what."""

from collections.abc import Iterator
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
from delivery.screens import MOST_FOUND, ReadOnlyAdmin, as_id, may_open, pretty

MOST_TYPES = 30
MOST_SEARCHED = 10_000  # by names, of the newest


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
    list_title = "Audit log"
    list_display = ("when", "subject", "action", "who")
    list_display_links = ("when",)
    list_filter = (OfType,)
    search_fields = ("subject_name",)
    search_help_text = (
        "Who did it (jane, api:shop-3), the number of what was changed, or words of the name of what was "
        "changed lately."
    )
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Change]:
        return super().get_queryset(request).defer("old", "new")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Never a look at all of them: by indexes, or among the names of the newest ones."""
        term = search_term.replace("\x00", "").strip()[:200]
        return (queryset.filter(pk__in=_found(term)) if term else queryset), False

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
            if not may_open(request, context["subject_page"]):
                context["subject_page"] = ""
        return super().change_view(request, object_id, form_url, context)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[()]:
        return ()  # the page is drawn by its template

    @admin.display(description="when")
    def when(self, change: Change) -> str:
        return f"{timezone.localtime(change.at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description="who")
    def who(self, change: Change) -> str:
        return change.by or "–"

    @admin.display(description="what")
    def subject(self, change: Change) -> str:
        return f"{changes.type_in_words(change.subject_type)} “{change.subject_name}” ({change.subject_id})"


def _found(term: str) -> list[int]:
    """By who did it, else by number, else by a part of the name."""
    rows = Change.objects.order_by("-id")
    if by_them := list(rows.filter(by__in=[term, f"admin:{term}"]).values_list("pk", flat=True)[:MOST_FOUND]):
        return by_them
    if number := as_id(term):  # the index begins with the kind
        of_it = rows.filter(subject_type__in=list(_types()), subject_id=number)
        if found := list(of_it.values_list("pk", flat=True)[:MOST_FOUND]):
            return found
    named = rows.values_list("pk", "subject_name")[:MOST_SEARCHED]
    wanted = term.casefold()
    return [pk for pk, name in named if wanted in name.casefold()][:MOST_FOUND]


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
