"""A lease is found by the whole key: no second index for LIKE, which Django makes at the end of a migration."""

from django.db import migrations

PATTERNS = (
    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "WHERE i.indrelid = 'delivery_lease'::regclass AND c.relname LIKE '%\\_like'"
)


def drop_pattern_indexes(apps, schema_editor):
    if schema_editor.connection.vendor != 'postgresql':
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PATTERNS)
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP INDEX {name}')


class Migration(migrations.Migration):
    dependencies = [
        ('delivery', '0005_leases'),
    ]

    operations = [
        migrations.RunPython(drop_pattern_indexes, migrations.RunPython.noop),
    ]
