"""The only writer of the audit log, and how it is read."""

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Model, QuerySet
from django.utils import timezone

from audit.models import Change

Snapshot = Mapping[str, Any]

BEFORE_THE_LOG = "as it was when the log began"


def record(
    subject: Model,
    action: str,
    *,
    by: str,
    old: Snapshot | None = None,
    new: Snapshot | None = None,
) -> None:
    """Writes down a change in the caller's transaction; nothing if `old` and `new` are alike.

    Raises RuntimeError outside a transaction: a change that is not on record, or a record of none, must
    not be possible. Of a subject that is older than the log, what it was is written down first.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A change is recorded in the transaction that makes it.")
    if old is not None and old == new:
        return
    if old is not None and not of(subject).exists():
        _row(subject, BEFORE_THE_LOG, by="", old=None, new=old).save()
    _row(subject, action, by=by, old=old, new=new).save()


def of(subject: Model) -> QuerySet[Change]:
    """What was changed of it, newest first."""
    return Change.objects.filter(subject_type=subject._meta.label_lower, subject_id=subject.pk)


def labels(subject_type: str) -> dict[str, str]:
    """What the keys of its snapshots are called on pages, in the order in which pages tell of them."""
    try:
        options = apps.get_model(subject_type)._meta
    except LookupError:  # of an app that is no longer installed
        return {}
    columns = {field.name: str(field.verbose_name) for field in options.fields}
    rows = {
        relation.name: str(relation.related_model._meta.verbose_name)
        for relation in options.related_objects
        if relation.one_to_many
    }
    return columns | rows


def type_in_words(subject_type: str) -> str:
    """The name of a kind of subject: "export profile"."""
    try:
        return str(apps.get_model(subject_type)._meta.verbose_name)
    except LookupError:
        return subject_type


def _row(subject: Model, action: str, *, by: str, old: Snapshot | None, new: Snapshot | None) -> Change:
    return Change(
        at=timezone.now(),
        by=by[:150],
        subject_type=subject._meta.label_lower,
        subject_id=subject.pk,
        subject_name=str(subject)[:200],
        action=action[:300],
        version=(new or old or {}).get("version"),
        old=old,
        new=new,
    )
