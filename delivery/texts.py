"""Whether texts fit the columns they are for; SQLite would store anything, PostgreSQL would fail late."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from django.db.models import CharField, JSONField, Model, TextField


def fault(row: Model) -> str:
    """What is wrong with the first text that cannot be stored, in a sentence; "" if all can."""
    return fault_in(type(row), row.__dict__)


def fault_in(model: type[Model], values: Mapping[str, Any]) -> str:
    """The same for some columns only, before there is a row: names of columns to values."""
    columns = _text_columns(model)
    for name, value in values.items():
        if value == "" or name not in columns:  # most are empty
            continue
        label, limit = columns[name]
        found = fault_of(label, value, limit)
        if found:
            return found
    for name, label in _json_columns(model).items():
        if values.get(name) and not _is_json(values[name]):
            return (
                f"The {label} cannot be stored: it is nested too deep, or has characters that are not text."
            )
    return ""


def fault_of(label: str, value: object, limit: int | None) -> str:
    """The same for one value, whatever it is."""
    if not isinstance(value, str):
        return f"The {label} is not a text."
    if limit is not None and len(value) > limit:
        return f"The {label} is longer than {limit} characters."
    if "\x00" in value or not (value.isascii() or _is_unicode(value)):
        return f"The {label} has characters that are not text."
    return ""


@lru_cache
def _text_columns(model: type[Model]) -> dict[str, tuple[str, int | None]]:
    return {
        field.attname: (str(field.verbose_name), field.max_length)
        for field in model._meta.concrete_fields
        if isinstance(field, CharField | TextField) and not field.null
    }


@lru_cache
def _json_columns(model: type[Model]) -> dict[str, str]:
    return {
        field.attname: str(field.verbose_name)
        for field in model._meta.concrete_fields
        if isinstance(field, JSONField)
    }


def _is_json(value: Any) -> bool:
    try:
        return _NUL.search(orjson.dumps(value)) is None
    except TypeError:  # half of a surrogate pair, too deep, no JSON at all
        return False


# As JSON writes it; after a backslash that is itself escaped it is ordinary text.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
