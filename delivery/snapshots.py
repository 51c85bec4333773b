"""Rows as events carry them: what a row was when something happened to it, and the row again from that."""

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from django.db.models import DecimalField, Field, Model

from delivery import sets

Row = TypeVar("Row", bound=Model)
_EMPTY: tuple[Any, ...] = ("", None, {}, [])


def taken(row: Model, *, but: Collection[str] = ()) -> dict[str, Any]:
    """Its columns as plain JSON values, empty ones left out."""
    return {
        name: _told(field, value)
        for field in row._meta.concrete_fields
        if (name := field.attname) not in but and (value := getattr(row, name)) not in _EMPTY
    }


def changes(before: Mapping[str, Any], row: Model, *, but: Collection[str] = ()) -> dict[str, Any]:
    """What was there instead, of each column whose value is another now; `before` is by attribute."""
    fields = {field.attname: field for field in row._meta.concrete_fields if field.attname not in but}
    return {
        name: _told(field, before[name])
        for name, field in fields.items()
        if before[name] != getattr(row, name)
    }


def developed(model: type[Row], values: Mapping[str, Any]) -> Row:
    """An unsaved row with these values; names that are no columns (any more) are passed over."""
    row = sets.new(model)
    for field in model._meta.concrete_fields:
        if field.attname in values:
            setattr(row, field.attname, field.to_python(values[field.attname]))
    return row


def plain(value: Any) -> Any:
    """The value as JSON has it; money and times as text."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):  # and times
        return value.isoformat()
    return value


def _told(field: "Field[Any, Any]", value: Any) -> Any:
    """With the places that the column has: a sum in memory may have others."""
    if isinstance(field, DecimalField) and value is not None:
        return f"{value:.{field.decimal_places}f}"
    return plain(value)
