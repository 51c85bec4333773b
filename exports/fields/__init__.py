"""Every field that a mapping may name: what it is called, what it means, how it is read from an order."""

from itertools import groupby

from exports.fields import attribution, customer, events, order, payment, products, purchase
from exports.fields.reading import EventFacts, Field, Reading, Value
from exports.models import STATIC

__all__ = ["FIELDS", "STATIC", "EventFacts", "Field", "Reading", "Value", "find", "groups"]

_MODULES = (order, customer, payment, purchase, attribution, products, events)

# `Static` is none of them: it marks a mapping whose value is its own text.
FIELDS: dict[str, Field] = {field.name: field for module in _MODULES for field in module.FIELDS}

_BY_LOWER_NAME = {name.lower(): field for name, field in FIELDS.items()}


def find(name: str) -> Field | None:
    """The field of that name; who types `firstname` means `firstName`. None for Static and the unknown."""
    return FIELDS.get(name) or _BY_LOWER_NAME.get(name.strip().lower())


def groups() -> list[tuple[str, list[Field]]]:
    """All fields under their headings, in the order in which screens offer them."""
    return [(name, list(fields)) for name, fields in groupby(FIELDS.values(), key=lambda field: field.group)]
