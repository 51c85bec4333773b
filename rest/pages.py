"""Lists, a page at a time: by number with a count of all, or after an id at a cost that stays the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet

from rest.errors import NotValid, invalid
from rest.walks import Walk

MOST_ON_A_PAGE = 200
ON_A_PAGE = 20
MOST_PAGES = 1_000_000
BY_ID = "id"

NAMES = {"page", "page_size", "after", "sort"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a list, in which order. `after` None: by page number; "": from the start."""

    page: int
    size: int
    after: str | None
    sort: str
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and what `meta` says about them."""

    rows: Sequence[Any]
    meta: dict[str, Any]


def wanted(params: Mapping[str, str], sorts: Mapping[str, str]) -> Wanted:
    """Reads the query parameters. Raises NotValid with every fault."""
    errors: dict[str, list[str]] = {}
    page = _number(params, "page", 1, MOST_PAGES, errors)
    size = _number(params, "page_size", ON_A_PAGE, MOST_ON_A_PAGE, errors)
    sort = params.get("sort") or f"-{BY_ID}"
    name = sort.removeprefix("-")
    if name not in sorts:
        errors["sort"] = [
            f"This list can be sorted by {', '.join(sorts)}; with a minus before it, descending."
        ]
    if "after" in params and name != BY_ID:
        errors["after"] = ["after goes together with sort=id or sort=-id only."]
    if "after" in params and "page" in params:
        errors["after"] = ["after and page exclude each other."]
    if errors:
        raise NotValid(errors)
    return Wanted(page, size, params.get("after"), name, sort.startswith("-"))


def cut(
    rows: QuerySet[Any],
    what: Wanted,
    *,
    sorts: Mapping[str, str],
    key_of: Callable[[str], Any],
    href: Callable[[str], str],
    id_of: Callable[[Any], str],
    walk: Walk | None = None,
) -> Page:
    """The part that is wanted. `key_of` gives the key of an id's row, `href` the list's address with other
    parameters, `id_of` the id of a row; `walk` says where the rows lie, if no one index gives them in the
    order of their ids."""
    sign = "-" if what.is_descending else ""
    order = [f"{sign}{sorts[what.sort]}"] + ([f"{sign}pk"] if what.sort != BY_ID else [])
    rows = rows.order_by(*order)
    sort = {"attributes": {what.sort: "desc" if what.is_descending else "asc"}}
    if what.after is None:
        return _numbered(rows, what, sort, href)
    return _following(rows, what, sort, key_of=key_of, href=href, id_of=id_of, walk=walk)


def _numbered(rows: QuerySet[Any], what: Wanted, sort: dict[str, Any], href: Callable[[str], str]) -> Page:
    total = rows.count()
    last = max(1, -(-total // what.size))
    start = (what.page - 1) * what.size
    links = {"self": {"href": href(_query(page=what.page))}}
    if what.page < last:
        links["next"] = {"href": href(_query(page=what.page + 1))}
    links["last"] = {"href": href(_query(page=last))}
    pagination = {
        "links": links,
        "totalCount": total,
        "pageCount": last,
        "currentPage": what.page,
        "perPage": what.size,
    }
    found = list(rows[start : start + what.size]) if start < total else []
    return Page(found, {"pagination": pagination, "sort": sort})


def _following(
    rows: QuerySet[Any],
    what: Wanted,
    sort: dict[str, Any],
    *,
    key_of: Callable[[str], Any],
    href: Callable[[str], str],
    id_of: Callable[[Any], str],
    walk: Walk | None,
) -> Page:
    """Counts nothing and skips nothing: the index is entered at the row that came last."""
    bound: dict[str, Any] = {}
    if what.after:
        last_seen = key_of(what.after)
        if last_seen is None:
            raise invalid("after", "after provided is not valid")
        bound = {"pk__lt" if what.is_descending else "pk__gt": last_seen}
    if walk is not None:
        keys = walk.next_keys(bound, "-pk" if what.is_descending else "pk", what.size + 1)
        bound = {"pk__in": keys}
    found = list(rows.filter(**bound)[: what.size + 1])
    shown = found[: what.size]
    links = {"self": {"href": href(_query(after=what.after))}}
    if len(found) > len(shown):
        links["next"] = {"href": href(_query(after=id_of(shown[-1])))}
    return Page(shown, {"pagination": {"links": links, "perPage": what.size}, "sort": sort})


def _query(**values: Any) -> str:
    return urlencode(values)


def _number(
    params: Mapping[str, str], name: str, default: int, most: int, errors: dict[str, list[str]]
) -> int:
    text = params.get(name)
    if text is None:
        return default
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= value <= most:
        errors[name] = [f"{name} must be a number from 1 to {most:,}."]
        return default
    return value
