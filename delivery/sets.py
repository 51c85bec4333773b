"""Statements over many rows at once, on PostgreSQL and on SQLite.

A batch is handed to the database as one parameter: JSON that both can read as a table, or COPY where
nothing has to come back. `bulk_update` is some thirty times slower than this, and a query per row more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import NOT_PROVIDED, DateTimeField, DecimalField, Field, ForeignKey, JSONField, Model
from django.db.models.base import ModelState

Row = Sequence[Any]
Made = TypeVar("Made", bound=Model)


def append(table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Inserts rows where nothing can conflict and nothing has to be read back."""
    if connection.vendor == "sqlite":
        rows = [[column_value(value) for value in row] for row in rows]
    _insert(table, columns, rows)


def _insert(table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    if not rows:
        return
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with (
                connection.wrap_database_errors,  # which Django's cursor does for statements only
                cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(columns))
            sql = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 (names are our own)
            cursor.executemany(sql, rows)


def run(
    sql: str, columns: Mapping[str, str], rows: Sequence[Row], params: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    """Runs `sql`, in which `{rows}` stands for the batch as a table called `r`; returns what it returns.

    `columns` names the columns of `r` with their PostgreSQL types. `params` are for the `%s` of `sql` and
    all stand after `{rows}`.
    """
    if connection.vendor == "sqlite":
        rows = [[column_value(value) for value in row] for row in rows]
    batch = orjson.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=_exactly).decode()
    return ask(sql.format(rows=_as_table(columns)), [batch, *params])


def ask(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Runs a statement; returns what it returns."""
    with _cursor() as cursor:
        cursor.execute(sql, [column_value(value) for value in params])
        return cursor.fetchall() if cursor.description else []


def _cursor() -> CursorWrapper:
    """On PostgreSQL one that sends parameters beside the statement: a batch need not be quoted into it.

    It reads times as psycopg does, in C; Django's way, which costs more than the rest of a row, would give
    the same time with another name for UTC.
    """
    if connection.vendor != "postgresql":
        return connection.cursor()
    from django.db.backends.postgresql.base import ServerBindingCursor
    from psycopg.types.datetime import TimestamptzLoader

    connection.ensure_connection()
    raw: Any = ServerBindingCursor(connection.connection)  # type: ignore[call-arg]
    raw.adapters.register_loader("timestamptz", TimestamptzLoader)
    is_logged = connection.queries_logged
    return connection.make_debug_cursor(raw) if is_logged else connection.make_cursor(raw)


def _exactly(value: Any) -> str:
    """Decimals travel as text: a number of JSON would be read as a float."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError


def _as_table(columns: Mapping[str, str]) -> str:
    if connection.vendor == "postgresql":
        typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        return f"json_to_recordset(%s::json) AS r({typed})"
    picked = ", ".join(f"json_extract(value, '$.{name}') AS \"{name}\"" for name in columns)
    return f"(SELECT {picked} FROM json_each(%s)) AS r"  # noqa: S608 (names are our own)


def column_value(value: Any) -> Any:
    """In the form in which the database compares and stores the column; SQLite keeps times as text."""
    if connection.vendor == "sqlite":
        if isinstance(value, datetime):
            return _as_text(value)
        if isinstance(value, date):
            return value.isoformat()
    return value


def in_bulk(model: type[Made], ids: Iterable[Any]) -> dict[Any, Made]:
    """By key, the rows of these keys, as `objects.in_bulk` finds them; in half the time."""
    key = model._meta.pk
    assert key is not None
    quote = connection.ops.quote_name
    columns = ", ".join(f"t.{quote(str(field.column))}" for field in model._meta.concrete_fields)
    table, column = quote(model._meta.db_table), quote(str(key.column))
    found = run(
        f"SELECT {columns} FROM {{rows}} JOIN {table} t ON t.{column} = r.id",  # noqa: S608 (names are our own)
        {"id": _column_type(key)},
        [(pk,) for pk in ids],
    )
    return {instance.__dict__[key.attname]: instance for instance in read(model, found)}


def read(model: type[Made], rows: Iterable[Row], **more: "Field[Any, Any]") -> list[Made]:
    """Rows that a statement returned with all columns of `model`, in their order, as instances.

    Values behind these columns become attributes of the names given, read as the fields given.
    """
    fields = {field.attname: field for field in model._meta.concrete_fields} | more
    names = list(fields)
    readers = [(name, reader) for name, field in fields.items() if (reader := _reader(field))]
    instances = []
    for row in rows:
        instance = model.__new__(model)
        instance._state = ModelState()
        instance._state.adding, instance._state.db = False, connection.alias
        values = instance.__dict__
        values.update(zip(names, row, strict=True))
        for name, reader in readers:
            values[name] = reader(values[name])
        instances.append(instance)
    return instances


def _reader(field: "Field[Any, Any]") -> Callable[[Any], Any] | None:
    """What turns a value of the database into one of Python; None: nothing is to be done."""
    column = field.get_col(field.model._meta.db_table)
    steps = [*connection.ops.get_db_converters(column), *field.get_db_converters(connection)]
    if not steps:
        return None

    def read_one(value: Any) -> Any:
        for step in steps:
            value = step(value, column, connection)
        return value

    return read_one


def moment(value: datetime | str) -> datetime:
    """A time as a statement returns it, in UTC; SQLite gives it as it keeps it, or without a zone."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _as_text(value: datetime | None) -> Any:
    if value is not None and value.tzinfo is UTC:  # what Django would do, five times as fast
        return value.replace(tzinfo=None).isoformat(" ")
    return connection.ops.adapt_datetimefield_value(value)


def new(model: type[Made], **values: Any) -> Made:
    """An unsaved row, as `model(**values)` makes it, in a third of the time: for rows that come in thousands.

    The values must be names of fields; they are not looked at.
    """
    shape = _shape(model)
    row = model.__new__(model)
    row._state = ModelState()
    row.__dict__.update(shape.plain)
    for name, make in shape.made:
        if name not in values:
            row.__dict__[name] = make()
    row.__dict__.update(values)
    for name, column in shape.relations.items():
        if name in values:
            related = row.__dict__.pop(name)
            row._state.fields_cache[name] = related
            row.__dict__[column] = related.pk if related is not None else None
    return row


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a new row has: values that rows can share, makers of those that they cannot, and where keys go."""

    plain: dict[str, Any]
    made: list[tuple[str, Callable[[], Any]]]
    relations: dict[str, str]


@lru_cache
def _shape(model: type[Model]) -> _Shape:
    shape = _Shape({}, [], {})
    for column in model._meta.concrete_fields:
        if callable(column.default) and column.default is not NOT_PROVIDED:
            shape.made.append((column.attname, column.get_default))
        else:
            shape.plain[column.attname] = column.get_default()
        if isinstance(column, ForeignKey):
            shape.relations[column.name] = column.attname
    return shape


def create(objects: Sequence[Model]) -> None:
    """Inserts unsaved rows of one model and gives each its id; for models with numeric ids."""
    if not objects:
        return
    model = type(objects[0])
    fields = _columns(model)
    for pk, instance in zip(_reserve_ids(model, len(objects)), objects, strict=True):
        instance.pk = pk
        instance._state.adding = False
    names = [connection.ops.quote_name(name) for name in fields]
    _insert(model._meta.db_table, names, _rows(list(fields.values()), objects))


def save(objects: Sequence[Model]) -> None:
    """Writes all columns of rows of one model that exist already."""
    if not objects:
        return
    model = type(objects[0])
    quote = connection.ops.quote_name
    fields = {name: field for name, field in _columns(model).items() if not field.primary_key}
    columns = {"id": "bigint", **{name: _column_type(field) for name, field in fields.items()}}
    run(
        f"UPDATE {model._meta.db_table} SET "  # noqa: S608 (names are our own)
        + ", ".join(f"{quote(name)} = r.{quote(name)}{_cast(field)}" for name, field in fields.items())
        + f" FROM {{rows}} WHERE {model._meta.db_table}.id = r.id",
        columns,
        [
            [instance.pk, *row]
            for instance, row in zip(objects, _rows(list(fields.values()), objects), strict=True)
        ],
    )


def _columns(model: type[Model]) -> dict[str, "Field[Any, Any]"]:
    return {
        field.column: field for field in model._meta.concrete_fields if field.column and not field.generated
    }


def _column_type(field: "Field[Any, Any]") -> str:
    return "text" if isinstance(field, JSONField) else field.db_type(connection) or "text"


def _cast(field: "Field[Any, Any]") -> str:
    """JSON travels as text within the batch: as JSON within JSON it would arrive as one JSON string."""
    return "::jsonb" if isinstance(field, JSONField) and connection.vendor == "postgresql" else ""


def _rows(fields: Sequence["Field[Any, Any]"], objects: Sequence[Model]) -> list[list[Any]]:
    """The columns of each object: read in one go, then those converted that the database keeps otherwise."""
    read = attrgetter(*(field.attname for field in fields))
    special = [
        (place, field, convert) for place, field in enumerate(fields) if (convert := _converter(field))
    ]
    rows = []
    for instance in objects:
        row = list(read(instance))
        for place, field, convert in special:
            row[place] = convert(row[place], field, instance)
        rows.append(row)
    return rows


def _converter(field: "Field[Any, Any]") -> Callable[..., Any] | None:
    if isinstance(field, ForeignKey):
        return _related_id
    if isinstance(field, JSONField):
        return lambda value, field, instance: orjson.dumps(value).decode()
    if isinstance(field, DecimalField):
        return lambda value, field, instance: None if value is None else str(value)
    if isinstance(field, DateTimeField) and connection.vendor == "sqlite":
        return lambda value, field, instance: None if value is None else _as_text(value)
    return None


def _related_id(value: Any, field: "ForeignKey[Any, Any]", instance: Model) -> Any:
    """The key that refers to another row, which may have got its id after it was given."""
    if value is None and field.is_cached(instance):
        related = field.get_cached_value(instance)
        value = related.pk if related is not None else None
        setattr(instance, field.attname, value)
    return value


def _reserve_ids(model: type[Model], count: int) -> Iterable[int]:
    """Ids for rows that are about to be inserted, taken from the table's own sequence."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
            )
            return [row[0] for row in cursor.fetchall()]
        # SQLite has one writer at a time, and we are it.
        cursor.execute(
            "UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s RETURNING seq", [count, table]
        )
        found = cursor.fetchone()
        if found is None:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, count])
        last = found[0] if found else count
        return range(last - count + 1, last + 1)
