"""What the admin pages of every app share: lists that stay quick, rows that are only read, links."""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urlsplit

import orjson
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import BadRequest, ValidationError
from django.core.paginator import Paginator
from django.db.models import GenericIPAddressField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve, reverse
from django.utils.html import format_html
from django.utils.text import capfirst

MOST_LISTED = 10_000  # a list counts and pages no further; the rest is found by search and filters
MOST_FOUND = 500
MOST_SHOWN = 64 * 1024  # characters of one text on a page
# What an address may not ask a list for: it reads every row, or words that the database may refuse.
_TEXTS = {
    "contains",
    "startswith",
    "endswith",
    "icontains",
    "istartswith",
    "iendswith",
    "iexact",
    "regex",
    "iregex",
}
_BETWEEN = {"range"}  # two values, which an address has no way to say
_DATES = {"year", "iso_year", "quarter", "month", "week", "week_day", "iso_week_day", "day", "date", "time"}

_BEYOND_NUMBERS = re.compile(r"\s*[+-]?[\d_]{19,}\s*")  # SQLite has no place for more


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Never counts a whole table."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return rows.order_by()[:MOST_LISTED].count() if isinstance(rows, QuerySet) else len(rows)

    @property
    def is_cut(self) -> bool:
        return self.count >= MOST_LISTED


class GuardedList(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that no address makes ask the database for what it refuses. Every list of ours has this.

    `list_title` is what the menu calls it; without one it is named after its rows.
    """

    list_title: ClassVar[str] = ""

    def named(self) -> str:
        return self.list_title or capfirst(str(self.opts.verbose_name_plural))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Under the name of what it lists."""
        return super().changelist_view(request, {"title": self.named(), **(extra_context or {})})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return super().history_view(
            request, object_id, {"module_name": self.named(), **(extra_context or {})}
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """With the name of the list, for the way back to it."""
        return super().render_change_form(request, {"list_title": self.named(), **context}, *args, **kwargs)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Comparing alone: what looks into texts and dates is the search, and filters, which are bounded."""
        is_more = (_TEXTS | _DATES | _BETWEEN) & set(lookup.split("__"))
        return not is_more and super().lookup_allowed(lookup, value, request)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """What no row could have is no filter: it leads back to the whole list."""
        for name, values in request.GET.lists():
            if name != SEARCH_VAR and not all(self._can_be_had(name, value) for value in values):
                raise IncorrectLookupParameters
        return super().get_changelist_instance(request)

    def _can_be_had(self, lookup: str, value: str) -> bool:
        """Django looks at most values itself; not at a NUL, at addresses, and at numbers of a list."""
        if "\x00" in value:
            return False
        field = next((one for one in self.opts.fields if one.name == lookup.partition("__")[0]), None)
        is_of_list = lookup.endswith("__in")
        for part in value.split(",") if is_of_list else [value]:
            if is_of_list and _BEYOND_NUMBERS.fullmatch(part):
                return False
            if isinstance(field, GenericIPAddressField) and not lookup.endswith("__isnull"):
                try:
                    field.run_validators(part)
                except ValidationError:
                    return False
        return True

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """What no row could have as its key was ticked in no list."""
        for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
            try:
                is_key = "\x00" not in key and self.opts.pk.to_python(key) is not None
            except ValidationError:
                is_key = False
            if not is_key:
                raise BadRequest("What was ticked is not in this list.")
        return super().response_action(request, queryset, *args, **kwargs)


class QuickAdmin(GuardedList):
    """A list that answers quickly on a table of millions: no count of it all, no sorting by any column.

    A search first asks `found_exactly` (by indexes); if that finds nothing, it looks into `search_fields`.
    """

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by: ClassVar[Any] = ()
    list_per_page = 50
    list_max_show_all = 0
    change_list_template = "admin/quick_change_list.html"

    def found_exactly(self, term: str) -> Iterable[Any]:
        """Primary keys of the rows that have this number, id or address; bounded by MOST_FOUND."""
        return ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.replace("\x00", "").strip()[:200]
        found = list(self.found_exactly(term))[:MOST_FOUND] if term else []
        if found:
            return queryset.filter(pk__in=found), False
        return super().get_search_results(request, queryset, term)


class ReadOnlyAdmin(QuickAdmin):
    """Rows that the machine writes: anybody with the permission may look, nobody may touch."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):  # type: ignore[type-arg]
    """Rows of another table on the page of what they belong to, only to be read."""

    extra = 0
    can_delete = False
    classes = ("only-read",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def actor(request: HttpRequest) -> str:
    """Who does it, as events and attempts name staff: `admin:jane`."""
    return f"admin:{request.user.get_username()}"


def saved(what: str) -> dict[str, str]:
    """The headers of an answer that has saved something: the frame closes its dialog, and says what."""
    return {"HX-Trigger": json.dumps({"saved": what})}  # in ASCII, as headers must be


def page_of(row: Model | None, text: str = "") -> str:
    """A link to the row's own admin page; "–" for no row."""
    if row is None:
        return "–"
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return format_html('<a href="{}">{}</a>', reverse(name, args=[row.pk]), text or str(row))


def may_open(request: HttpRequest, url: str) -> bool:
    """Whether the page that an address leads to would let this person in.

    A table's pages ask their ModelAdmin; a view of its own says it by an attribute `may_open`, a function of
    the request. Of other views, and of addresses that are none of ours, nothing is known: they are left.
    """
    path = urlsplit(url).path
    try:
        match = resolve(path)
    except Resolver404:
        return False
    if asks := getattr(match.func, "may_open", None):
        return bool(asks(request))
    pages = getattr(match.func, "model_admin", None)
    if pages is None:
        return True
    is_add = (match.url_name or "").endswith("_add")
    return bool(pages.has_add_permission(request) if is_add else pages.has_view_permission(request))


def as_id(text: str) -> int | None:
    """The number that an address or a search box carries, if it can be one of a row."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def pretty(text: str) -> str:
    """JSON with line breaks and indents; any other text, and a very long one, as it is, cut to MOST_SHOWN."""
    if len(text) <= MOST_SHOWN and text.lstrip()[:1] in ("{", "["):
        with suppress(ValueError):
            text = orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    return text[:MOST_SHOWN]


def pairs(stored: str) -> list[tuple[str, str]]:
    """Headers as attempts store them, `[[name, value], …]` in JSON; what does not read so is left out."""
    try:
        loaded = orjson.loads(stored or "[]")
    except ValueError:
        return []
    return [(str(pair[0]), str(pair[1])) for pair in loaded if isinstance(pair, list) and len(pair) == 2]
