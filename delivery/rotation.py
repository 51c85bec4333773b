"""Puts all stored secrets under the newest key, whatever tables they lie in; may be stopped anywhere."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import connection

from delivery import sets
from delivery.secrets import EncryptedTextField, SecretUnreadable, renewed

BATCH = 500
_TRIES = 5  # of a batch in which somebody edits meanwhile

Row = tuple[Any, str]  # key and ciphertext


@dataclass(frozen=True, slots=True)
class Place:
    """A column that holds secrets; the names are those of the database."""

    table: str
    column: str
    key: str
    key_type: str


@dataclass(slots=True)
class Report:
    """What a run did. Rows are named by table and key, never by what they hold."""

    renewed: int = 0
    already: int = 0
    unreadable: list[tuple[str, Any]] = field(default_factory=list)
    contested: list[tuple[str, Any]] = field(default_factory=list)  # edited again and again by others

    @property
    def is_complete(self) -> bool:
        return not self.unreadable and not self.contested


def places() -> list[Place]:
    """Every encrypted column of every app."""
    return [
        Place(model._meta.db_table, str(one.column), str(model._meta.pk.column), _key_type(model._meta.pk))
        for model in apps.get_models()
        for one in model._meta.local_concrete_fields
        if isinstance(one, EncryptedTextField) and model._meta.managed
    ]


def _key_type(key: Any) -> str:
    return str(key.rel_db_type(connection))


def count() -> int:
    """How many secrets are stored."""
    total = 0
    with connection.cursor() as cursor:
        for place in places():
            cursor.execute(_sql("SELECT count(*) FROM {table} WHERE {column} <> ''", place))
            total += cursor.fetchone()[0]
    return total


def rotate(*, dry_run: bool = False, progress: Callable[[int], None] = lambda done: None) -> Report:
    """Batch by batch, each a statement of its own: killed anywhere, what was renewed stays so.

    What others save meanwhile stands: it is under the newest key already, if they have it. With `dry_run`
    nothing is written, and `renewed` counts what would be. `progress` is told how many were looked at.
    """
    report = Report()
    for place in places():
        after: Any = None
        while rows := _read(place, after):
            _renew(place, after, rows, report, dry_run=dry_run)
            after = rows[-1][0]
            progress(report.renewed + report.already + len(report.unreadable) + len(report.contested))
    return report


_READ = "SELECT {key}, {column} FROM {table} WHERE {column} <> '' AND {key} > %s ORDER BY {key} LIMIT %s"
_READ_FIRST = _READ.replace("AND {key} > %s ", "")


def _read(place: Place, after: Any) -> list[Row]:
    with connection.cursor() as cursor:
        if after is None:
            cursor.execute(_sql(_READ_FIRST, place), [BATCH])
        else:
            cursor.execute(_sql(_READ, place), [after, BATCH])
        return list(cursor.fetchall())


def _renew(place: Place, after: Any, rows: list[Row], report: Report, *, dry_run: bool) -> None:
    """Rows that somebody edited since they were read are read again: they may be under an old key still."""
    last = rows[-1][0]
    for _ in range(_TRIES):
        changes = list(_changes(place, rows, report))
        written = {row[0] for row in changes} if dry_run else _write(place, changes)
        report.renewed += len(written)
        left = {key for key, *_ in changes} - written
        if not left:
            return
        rows = [row for row in _read(place, after) if row[0] in left and row[0] <= last]
    report.contested += [(place.table, key) for key, _ in rows]


def _changes(place: Place, rows: list[Row], report: Report) -> Iterator[tuple[Any, str, str]]:
    """Of these rows those that are under an older key: key, ciphertext, and the new one."""
    for key, stored in rows:
        try:
            new = renewed(stored)
        except SecretUnreadable:
            report.unreadable.append((place.table, key))
            continue
        if new == stored:
            report.already += 1
        else:
            yield (key, stored, new)


_WRITE = """
UPDATE {table} AS t SET {column} = r.secret_now
FROM {{rows}} WHERE t.{key} = r.secret_of AND t.{column} = r.secret_was
RETURNING {key}
"""


def _write(place: Place, changes: list[tuple[Any, str, str]]) -> set[Any]:
    """The keys of those that were still as we had read them, and are renewed now."""
    if not changes:
        return set()
    columns = {"secret_of": place.key_type, "secret_was": "text", "secret_now": "text"}
    return {row[0] for row in sets.run(_sql(_WRITE, place), columns, changes)}


def _sql(sql: str, place: Place) -> str:
    quote = connection.ops.quote_name
    return sql.format(table=quote(place.table), column=quote(place.column), key=quote(place.key))
