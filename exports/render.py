"""From mappings to the bytes that are sent: the request table, one serializer, and what is frozen at the run.

A profile is compiled once per version; rendering an order is then joining texts. A secret static value is
never part of what is frozen: its place in the text is, and it is filled in at each attempt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote_plus

import orjson

from exports.fields import Field, find
from exports.fields.reading import Reading
from exports.models import STATIC, FieldMapping

HEADER = "header:"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Header:
    """A static header; of a secret one only whose value it is."""

    name: str
    value: str
    secret_id: int | None = None


@dataclass(frozen=True)
class Shape:
    """Which method, and where the fields go: "query" or "body"; in the body, as which type."""

    method: str
    place: str
    is_json: bool
    headers: tuple[Header, ...]

    @cached_property
    def own_headers(self) -> tuple[tuple[str, str], ...]:
        """What is said of the body beside the headers of the mappings."""
        if self.place != "body" or any(header.name.lower() == "content-type" for header in self.headers):
            return ()
        return (("Content-Type", JSON if self.is_json else FORM),)


@dataclass(frozen=True, slots=True)
class Value:
    """One named value: a static text, a secret, or a field."""

    name: str
    text: str = ""
    secret_id: int | None = None
    field: Field | None = None


@dataclass(slots=True)
class Content:
    """What is frozen. `holes` are (position in `text`, mapping id) of the secrets that belong there."""

    shape: Shape
    text: str
    holes: tuple[tuple[int, int], ...] = ()


# What has been written of one reading already: several profiles that map a field share the work.
Memo = dict[str, str]


@dataclass(slots=True)
class Renderer:
    """A profile's mappings, compiled."""

    shape: Shape
    values: tuple[Value, ...]
    omit_empty: bool
    _head: str = ""  # of the frozen content, up to the text
    # Each with its name and its static text as they are written.
    _parts: list[tuple[str, str, Value]] = field(default_factory=list)

    def content(self, reading: Reading, forms: Memo, jsons: Memo) -> str:
        """The frozen content as it is stored: JSON, read again by `thawed`."""
        text, holes = self.text(reading, forms, jsons)
        return f'{self._head}{orjson.dumps(text).decode()},"holes":{orjson.dumps(holes).decode()}}}'

    def text(self, reading: Reading, forms: Memo, jsons: Memo) -> tuple[str, list[tuple[int, int]]]:
        """The fields of one order, joined; and where its secrets belong."""
        write, memo = (as_json, jsons) if self.shape.is_json else (as_form, forms)
        between, start, end = (",", "{", "}") if self.shape.is_json else ("&", "", "")
        empty = _EMPTY_JSON if self.shape.is_json else _EMPTY_FORM
        parts, holes, position, gap = [start], [], len(start), ""
        for name, written, value in self._parts:
            if value.field is not None:
                key = value.field.name
                written = memo.get(key)  # type: ignore[assignment]  # noqa: PLW2901
                if written is None:
                    written = memo[key] = write(value.field.read(reading))  # noqa: PLW2901
            if self.omit_empty and written in empty and value.secret_id is None:
                continue
            part = f"{gap}{name}{written}"
            gap = between
            parts.append(part)
            position += len(part)
            if value.secret_id is not None:
                holes.append((position, value.secret_id))
        parts.append(end)
        return "".join(parts), holes


# As they are written. In a form "null" is a text like any other, and the name of some people.
_EMPTY_FORM = ("",)
_EMPTY_JSON = ("", '""', "null", "[]", "{}")


def compiled(mappings: Sequence[FieldMapping], *, omit_empty: bool) -> Renderer:
    """The renderer of these mappings, in their order. In JSON, of a name that repeats the last value wins."""
    shape = shape_of(mappings)
    values = [_value(mapping) for mapping in mappings if not is_header(mapping)]
    if shape.is_json:
        values = list({value.name: value for value in values}.values())
    renderer = Renderer(shape, tuple(values), omit_empty)
    write, equals = (as_json, ":") if shape.is_json else (as_form, "=")
    renderer._parts = [
        (write(value.name) + equals, "" if value.secret_id is not None else write(value.text), value)
        for value in values
    ]
    frozen = {
        "method": shape.method,
        "place": shape.place,
        "json": shape.is_json,
        "headers": [[header.name, header.value, header.secret_id] for header in shape.headers],
    }
    renderer._head = orjson.dumps(frozen).decode()[:-1] + ',"text":'
    return renderer


def shape_of(mappings: Sequence[FieldMapping]) -> Shape:
    """The request table of the specification ("What is sent") and decision 16."""
    headers, pseudo = [], {}
    for mapping in filter(is_header, mappings):
        name = header_name(mapping)
        if name.lower() in ("httpmethod", "httpmethodtype"):
            pseudo[name.lower()] = mapping.static_value.strip().upper()
        else:
            headers.append(
                Header(name, mapping.static_value.strip(), mapping.pk if mapping.is_secret else None)
            )
    kind = pseudo.get("httpmethodtype", "")
    method = pseudo.get("httpmethod") or kind or ("POST" if headers else "GET")
    place = "body" if kind == "POST" or (method == "POST" and kind != "GET") else "query"
    return Shape(method, place, place == "body" and _says_json(headers), tuple(headers))


def header_name(mapping: FieldMapping) -> str:
    """The header that a `header:X` mapping sets."""
    return mapping.export_name.strip()[len(HEADER) :].strip()


def as_form(value: Any) -> str:
    """A value in a query or a form body, as the URL standard's form serializer writes it."""
    text = value if isinstance(value, str) else _as_text(value)
    if text.isascii() and text.isalnum():
        return text
    return quote_plus(text, safe="*").replace("~", "%7E")


def as_json(value: Any) -> str:
    """A value in a JSON body."""
    return orjson.dumps(value).decode()


def thawed(content: str) -> Content:
    """What was frozen."""
    frozen = orjson.loads(content)
    shape = _shape(
        frozen["method"], frozen["place"], frozen["json"], *[tuple(header) for header in frozen["headers"]]
    )
    return Content(shape, frozen["text"], tuple([(position, secret) for position, secret in frozen["holes"]]))


@lru_cache(maxsize=200)
def _shape(method: str, place: str, is_json: bool, *headers: tuple[str, str, int | None]) -> Shape:
    """One for all contents of a profile."""
    return Shape(method, place, is_json, tuple(Header(*header) for header in headers))


def filled(content: Content, secrets: Mapping[int, str]) -> str:
    """The text with the secrets in their places. Raises KeyError for a secret that is not there."""
    if not content.holes:
        return content.text
    write = as_json if content.shape.is_json else as_form
    parts, start = [], 0
    for position, secret_id in content.holes:
        written = write(secrets[secret_id])
        parts += [content.text[start:position], written]
        start = position
    return "".join(parts) + content.text[start:]


def with_query(url: str, query: str) -> str:
    """The address with our query behind its own; a fragment is not for servers."""
    url = url.partition("#")[0]
    if not query:
        return url
    address, _, own = url.partition("?")
    return f"{address}?{own}{'&' if own and not own.endswith('&') else ''}{query}"


def is_header(mapping: FieldMapping) -> bool:
    """Whether the mapping sets a header, or how the request is made, instead of a named value."""
    return mapping.export_name.strip().lower().startswith(HEADER)


def _says_json(headers: Sequence[Header]) -> bool:
    for header in headers:
        if header.name.lower() == "content-type":
            return header.value.partition(";")[0].strip().lower() == JSON
    return False


def _value(mapping: FieldMapping) -> Value:
    if mapping.field == STATIC:
        if mapping.is_secret:
            return Value(mapping.export_name, secret_id=mapping.pk)
        return Value(mapping.export_name, mapping.static_value)
    field = find(mapping.field)
    if field is None:  # saved by another version: nothing is better than an empty text in its place
        raise LookupError(f"There is no field “{mapping.field}”.")
    return Value(mapping.export_name, field=field)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode() if value else ""
    return str(value)
