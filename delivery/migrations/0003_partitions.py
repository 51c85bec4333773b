"""Finished deliveries and attempts lie in months on PostgreSQL (docs/adr/0009); lists have their indexes.

No row is copied: the tables that exist become partitions. Indexes are built beside running workers, and
each lock is held for a moment only. There it may be run again if it was interrupted.
"""

from datetime import UTC, datetime, timedelta

from django.db import migrations, models, transaction


def rows(cursor, sql, params=()):
    cursor.execute(sql, params)
    return cursor.fetchall()


def is_partitioned(cursor, table):
    return rows(cursor, 'SELECT relkind FROM pg_class WHERE oid = %s::regclass', [table])[0][0] == 'p'


class AddIndexBeside(migrations.AddIndex):
    """Built while others write."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            return super().database_forwards(app_label, schema_editor, from_state, to_state)
        model = to_state.apps.get_model(app_label, self.model_name)
        with schema_editor.connection.cursor() as cursor:
            is_done = is_partitioned(cursor, model._meta.db_table)
        if not is_done:
            schema_editor.execute(f'DROP INDEX IF EXISTS {self.index.name}')  # of a run that was interrupted
            schema_editor.add_index(model, self.index, concurrently=True)


class AddFieldOnce(migrations.AddField):
    """Not again after a run that was interrupted."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        table = to_state.apps.get_model(app_label, self.model_name)._meta.db_table
        with schema_editor.connection.cursor() as cursor:
            found = schema_editor.connection.introspection.get_table_description(cursor, table)
        if self.name not in {column.name for column in found}:
            super().database_forwards(app_label, schema_editor, from_state, to_state)


def next_month(day):
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def forwards(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != 'postgresql':
        return
    today = datetime.now(UTC).date()
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '10s'")
        try:
            drop_pattern_indexes(cursor)
            if not is_partitioned(cursor, 'delivery_delivery'):
                partition_deliveries(cursor)
            if not is_partitioned(cursor, 'delivery_attempt'):
                partition_attempts(cursor, today)
        finally:
            cursor.execute('SET lock_timeout = DEFAULT')
    from delivery import partitions

    partitions.make_ahead(today)


def drop_pattern_indexes(cursor):
    """Django makes a second index for LIKE on every text key; nobody looks for half of an id."""
    names = rows(
        cursor,
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE i.indrelid = ANY(ARRAY['delivery_delivery', 'delivery_attempt', 'delivery_proof']::regclass[]) "
        "AND c.relname LIKE '%%\\_like'",
    )
    for (name,) in names:
        cursor.execute(f'DROP INDEX {name}')


def partition_deliveries(cursor):
    cursor.execute('UPDATE delivery_delivery SET kept_on = NULL WHERE kept_on IS NOT NULL')
    prove(cursor, 'delivery_delivery', 'kept_on IS NULL')
    with transaction.atomic():
        put_parent_above(cursor, 'delivery_delivery', 'delivery_delivery_hot', 'LIST (kept_on)')
        cursor.execute(
            'ALTER TABLE delivery_delivery ATTACH PARTITION delivery_delivery_hot FOR VALUES IN (NULL)'
        )
        cursor.execute('ALTER TABLE delivery_delivery_hot DROP CONSTRAINT delivery_delivery_fits')
        add_rest(cursor, 'delivery_delivery')
        # What is delivered is found here only while it is sent again.
        cursor.execute(
            "CREATE INDEX delivery_again ON delivery_delivery_hot (id DESC) WHERE state = 'delivered'"
        )
        # Rows come and go all day: it stays small if it is cleaned often.
        cursor.execute(
            'ALTER TABLE delivery_delivery_hot SET (autovacuum_vacuum_scale_factor = 0.02, '
            'autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.05)'
        )


def partition_attempts(cursor, today):
    """All that there is becomes this month, and goes with it."""
    end = next_month(today)
    month = f'delivery_attempt_{today:%Y_%m}'
    prove(cursor, 'delivery_attempt', f"started_at < '{end} 00:00+00'")
    with transaction.atomic():
        cursor.execute('LOCK TABLE delivery_attempt IN ACCESS EXCLUSIVE MODE')
        [(sequence,)] = rows(cursor, "SELECT pg_get_serial_sequence('delivery_attempt', 'id')")
        [(following,)] = rows(
            cursor, f'SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM {sequence}'
        )
        cursor.execute('ALTER TABLE delivery_attempt ALTER COLUMN id DROP IDENTITY')
        put_parent_above(cursor, 'delivery_attempt', month, 'RANGE (started_at)')
        cursor.execute(f'CREATE SEQUENCE delivery_attempt_id_seq AS bigint START {following}')
        cursor.execute(
            "ALTER TABLE delivery_attempt ALTER COLUMN id SET DEFAULT nextval('delivery_attempt_id_seq')"
        )
        cursor.execute('ALTER SEQUENCE delivery_attempt_id_seq OWNED BY delivery_attempt.id')
        cursor.execute(
            f'ALTER TABLE delivery_attempt ATTACH PARTITION {month} '
            f"FOR VALUES FROM (MINVALUE) TO ('{end} 00:00+00')"
        )
        cursor.execute(f'ALTER TABLE {month} DROP CONSTRAINT delivery_attempt_fits')
        add_rest(cursor, 'delivery_attempt')


def prove(cursor, table, condition):
    """So that attaching it needs no look at its rows; validating looks at them beside others' work."""
    cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_fits')
    cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT {table}_fits CHECK ({condition}) NOT VALID')
    cursor.execute(f'ALTER TABLE {table} VALIDATE CONSTRAINT {table}_fits')


def put_parent_above(cursor, table, partition, by):
    """The table is renamed, and an empty partitioned one takes its name, checks and indexes."""
    cursor.execute(f'ALTER TABLE {table} RENAME TO {partition}')
    cursor.execute(
        f'CREATE TABLE {table} (LIKE {partition} INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMPRESSION) '
        f'PARTITION BY {by}'
    )
    for name, definition in rows(
        cursor,
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = %s::regclass AND contype = 'c' AND conname <> %s",
        [partition, f'{table}_fits'],
    ):
        cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT {name} {definition}')
    for name, definition in indexes(cursor, partition):
        cursor.execute(f'ALTER INDEX {name} RENAME TO {name}_first')
        cursor.execute(definition.replace(f'.{partition} USING', f'.{table} USING'))


def indexes(cursor, table):
    return rows(
        cursor,
        'SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid '
        'WHERE i.indrelid = %s::regclass AND NOT i.indisprimary ORDER BY c.relname',
        [table],
    )


def add_rest(cursor, table):
    cursor.execute(
        f'CREATE TABLE {table}_rest (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS '
        'INCLUDING STORAGE INCLUDING COMPRESSION, PRIMARY KEY (id))'
    )
    cursor.execute(f'ALTER TABLE {table} ATTACH PARTITION {table}_rest DEFAULT')


def backwards(apps, schema_editor):
    """Plain tables again; what lies in partitions is copied back."""
    connection = schema_editor.connection
    if connection.vendor != 'postgresql':
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute('DROP INDEX delivery_again')
        take_parent_away(cursor, 'delivery_delivery', first='delivery_delivery_hot')
        [(last,)] = rows(cursor, "SELECT nextval('delivery_attempt_id_seq')")
        take_parent_away(cursor, 'delivery_attempt')
        cursor.execute(
            f'ALTER TABLE delivery_attempt ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (START {last})'
        )


def take_parent_away(cursor, table, first=None):
    partitions = [
        name
        for (name,) in rows(
            cursor,
            'SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid '
            'WHERE i.inhparent = %s::regclass ORDER BY c.relname',
            [table],
        )
    ]
    first = first or next(name for name in partitions if not name.endswith('_rest'))
    cursor.execute(f'ALTER TABLE {table} DETACH PARTITION {first}')
    cursor.execute(f'INSERT INTO {first} SELECT * FROM {table}')
    cursor.execute('SET CONSTRAINTS ALL IMMEDIATE')  # or what was inserted could not be altered
    cursor.execute(f'ALTER TABLE {first} ALTER COLUMN id DROP DEFAULT')
    cursor.execute(f'DROP TABLE {table}')
    cursor.execute(f'ALTER TABLE {first} RENAME TO {table}')
    for name, _ in indexes(cursor, table):
        cursor.execute(f'ALTER INDEX {name} RENAME TO {name.removesuffix("_first")}')


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('delivery', '0002_engine'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='delivery', name='delivery_of_target'),
        migrations.RemoveIndex(model_name='delivery', name='delivery_unfinished'),
        AddIndexBeside(
            model_name='delivery',
            index=models.Index(fields=['endpoint', '-id'], name='delivery_of_endpoint'),
        ),
        AddIndexBeside(
            model_name='delivery',
            index=models.Index(
                fields=['endpoint', '-id'],
                name='delivery_unfinished',
                condition=models.Q(('state__in', ['pending', 'waiting'])),
            ),
        ),
        AddIndexBeside(
            model_name='delivery',
            index=models.Index(
                fields=['state', '-id'],
                name='delivery_not_accepted',
                condition=models.Q(('state', 'delivered'), _negated=True),
            ),
        ),
        AddIndexBeside(
            model_name='delivery',
            index=models.Index(
                fields=['endpoint', '-id'], name='delivery_failed', condition=models.Q(('state', 'failed'))
            ),
        ),
        AddIndexBeside(
            model_name='delivery',
            index=models.Index(fields=['-id'], name='delivery_tests', condition=models.Q(('is_test', True))),
        ),
        AddFieldOnce(
            model_name='replay',
            name='is_in_background',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunPython(forwards, backwards),
    ]
