"""The layout of the file: its keys, and a reader that says where it is broken."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class Unreadable(ValueError):
    """Not a file of profiles; the message says what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class MappingEntry:
    """A mapping as the file has it. A secret's value may be missing: dumps leave it out."""

    export_name: str
    field: str
    static_value: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """A route as the file has it; None: all."""

    customer_type: str
    campaign: str | None = None
    product: str | None = None


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """A profile as the file has it. What is None was not in the file, and stays as it is."""

    name: str
    location: str | None
    settings: dict[str, Any]  # columns of ExportProfile
    mappings: list[MappingEntry] | None
    routes: list[RouteEntry] | None


# Keys of the file, the column each stands for, and the type of its value.
COLUMNS: dict[str, tuple[str, type]] = {
    "type": ("type", str),
    "url": ("url", str),
    "delay": ("delay_minutes", int),
    "cadence": ("cadence", str),
    "active": ("is_active", bool),
}
SETTINGS: dict[str, tuple[str, type]] = {
    "timeout_seconds": ("timeout_seconds", int),
    "omit_empty": ("omit_empty", bool),
    "success_rule": ("success_rule", str),
    "success_path": ("success_path", str),
    "success_value": ("success_value", str),
}
_PROFILE_KEYS = ("name", "location", *COLUMNS, "settings", "mappings", "routes")
_MAPPING_KEYS = ("export_name", "field", "static_value", "secret")
_ROUTE_KEYS = ("customer_type", "campaign", "product")
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")  # NUL, and halves of surrogate pairs
_WORDS = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list [ ]",
    dict: "an object { }",
}


def parse(data: bytes) -> list[ProfileEntry]:
    """The profiles of a file. Raises Unreadable if it is not JSON or not of the layout."""
    document = _object(_json(data), "the file")
    _check_keys(document, ("profiles",), "the file")
    if "profiles" not in document:
        raise Unreadable("The file has no “profiles”.")
    entries = _list(document["profiles"], "profiles")
    return [_profile(entry, f"profiles[{index}]") for index, entry in enumerate(entries)]


def _json(data: bytes) -> Any:
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_without_doubles, parse_int=_whole_number)
    except UnicodeDecodeError as error:
        raise Unreadable(f"The file is not UTF-8 text: look at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Unreadable(f"The file is not JSON: {error.msg} at {where}.") from None
    except RecursionError:
        raise Unreadable("The file is nested too deeply to be one of profiles.") from None


def _whole_number(digits: str) -> int:
    if len(digits) > 18:
        raise Unreadable(f"The number {digits[:20]}… in the file is too long.")
    return int(digits)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"The key “{_shown(double)}” stands twice in one object of the file.")
    return found


def _profile(value: Any, where: str) -> ProfileEntry:
    entry = _object(value, where)
    _check_keys(entry, _PROFILE_KEYS, where)
    name = _required(entry, "name", where)
    settings = _columns(entry, COLUMNS, where)
    if "settings" in entry:
        inner = _object(entry["settings"], f"{where}.settings")
        _check_keys(inner, tuple(SETTINGS), f"{where}.settings")
        settings |= _columns(inner, SETTINGS, f"{where}.settings")
    return ProfileEntry(
        name=name,
        location=_optional(entry, "location", where),
        settings=settings,
        mappings=_rows(entry, "mappings", where, _mapping),
        routes=_rows(entry, "routes", where, _route),
    )


def _rows(entry: dict[str, Any], key: str, where: str, read: Any) -> Any:
    if key not in entry:
        return None
    rows = _list(entry[key], f"{where}.{key}")
    return [read(row, f"{where}.{key}[{index}]") for index, row in enumerate(rows)]


def _mapping(value: Any, where: str) -> MappingEntry:
    entry = _object(value, where)
    _check_keys(entry, _MAPPING_KEYS, where)
    return MappingEntry(
        export_name=_required(entry, "export_name", where),
        field=_required(entry, "field", where),
        static_value=_typed(entry.get("static_value", ""), str, f"{where}.static_value"),
        secret=_typed(entry.get("secret", False), bool, f"{where}.secret"),
    )


def _route(value: Any, where: str) -> RouteEntry:
    entry = _object(value, where)
    _check_keys(entry, _ROUTE_KEYS, where)
    return RouteEntry(
        customer_type=_required(entry, "customer_type", where),
        campaign=_optional(entry, "campaign", where),
        product=_optional(entry, "product", where),
    )


def _columns(entry: dict[str, Any], keys: dict[str, tuple[str, type]], where: str) -> dict[str, Any]:
    return {
        column: _typed(entry[key], kind, f"{where}.{key}")
        for key, (column, kind) in keys.items()
        if key in entry
    }


def _required(entry: dict[str, Any], key: str, where: str) -> str:
    if key not in entry:
        raise Unreadable(f"{where} has no “{key}”.")
    text: str = _typed(entry[key], str, f"{where}.{key}")
    return text


def _optional(entry: dict[str, Any], key: str, where: str) -> str | None:
    return None if entry.get(key) is None else _required(entry, key, where)


def _object(value: Any, where: str) -> dict[str, Any]:
    found: dict[str, Any] = _typed(value, dict, where)
    return found


def _list(value: Any, where: str) -> list[Any]:
    found: list[Any] = _typed(value, list, where)
    return found


def _typed(value: Any, kind: type, where: str) -> Any:
    if type(value) is not kind:  # exactly: true is no number
        raise Unreadable(f"{where} must be {_WORDS[kind]}, not {json.dumps(value)[:60]}.")
    if isinstance(value, str) and _NOT_TEXT.search(value):
        raise Unreadable(f"{where} has characters that are not text.")
    return value


def _check_keys(entry: dict[str, Any], allowed: Sequence[str], where: str) -> None:
    for key in entry:
        if key not in allowed:
            raise Unreadable(f"{where} has an unknown key “{_shown(key)}”. There are: {', '.join(allowed)}.")


def _shown(key: str) -> str:
    return _NOT_TEXT.sub("?", key[:60])
