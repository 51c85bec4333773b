"""Every column of ours that can hold a text, a list or a day is emptied when a customer is erased, or known
not to be personal: a new one cannot be forgotten."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import models

from customers import erasing
from tests.architecture.source import ROOT
from tests.customers.personal import KEPT

# What can hold nothing that tells of a person: yes and no, numbers, moments, keys.
_PLAIN = (
    *(models.BooleanField, models.IntegerField, models.FloatField, models.DecimalField),
    *(models.DateTimeField, models.ForeignKey),
)


def ours() -> list[type[models.Model]]:
    """But not those that other tests make for themselves."""
    models = [model for model in apps.get_models() if (ROOT / model._meta.app_label).is_dir()]
    return [model for model in models if not model.__module__.startswith("tests.")]


def emptied() -> dict[str, set[str]]:
    """By model, the columns that the erasers empty."""
    found: dict[str, set[str]] = {}
    for eraser in erasing.erasers():
        for label, columns in eraser.columns.items():
            found.setdefault(label, set()).update(columns)
    return found


def unclassified(fields: dict[str, set[str]], gone: dict[str, set[str]], kept: Any) -> Iterator[str]:
    """Columns that are neither emptied nor kept for a reason, or both."""
    for label, names in fields.items():
        reasons = kept.get(label, {})
        stay = names - gone.get(label, set()) if isinstance(reasons, str) else set(reasons)
        for name in sorted(names ^ (stay | (gone.get(label, set()) & names))):
            yield f"{label}.{name} is neither emptied nor kept for a reason"
        for name in sorted(stay & gone.get(label, set())):
            yield f"{label}.{name} is emptied and kept"


def texts_of(model: type[models.Model]) -> set[str]:
    fields = model._meta.concrete_fields
    return {one.name for one in fields if not isinstance(one, _PLAIN) and not one.choices}


def test_every_column_is_emptied_or_kept_for_a_reason() -> None:
    fields = {model._meta.label: texts_of(model) for model in ours()}
    assert len(fields) > 25
    assert not list(unclassified(fields, emptied(), KEPT))


def test_what_is_emptied_and_kept_exists() -> None:
    for label, names in [*emptied().items(), *((label, set(one)) for label, one in KEPT.items())]:
        model = apps.get_model(label)
        if not isinstance(KEPT.get(label), str):
            assert names <= {field.name for field in model._meta.concrete_fields}, label


@pytest.mark.parametrize(
    ("gone", "kept"),
    [
        ({}, {}),
        ({"a.B": {"name"}}, {}),
        ({"a.B": {"name"}}, {"a.B": {"name": "ours", "note": "ours"}}),
        ({}, {"a.B": {"name": "ours"}}),
        ({}, {"a.B": {"name": "ours", "note": "ours", "gone": "ours"}}),
    ],
)
def test_the_rule_sees(gone: dict[str, set[str]], kept: Any) -> None:
    assert list(unclassified({"a.B": {"name", "note"}}, gone, kept))


def test_the_rule_lets_be() -> None:
    fields = {"a.B": {"name", "note"}, "a.C": {"name"}}
    assert not list(unclassified(fields, {"a.B": {"name"}}, {"a.B": {"note": "ours"}, "a.C": "ours"}))
