"""Who has a delivery in hand is a row of its own (docs/adr/0007): a claim rewrites no delivery."""

import django.db.models.deletion
from django.db import migrations, models

# What is out is due, as it was before it was taken.
OUT = """
INSERT INTO delivery_lease (delivery_id, endpoint_id, token, ends_at)
SELECT id, endpoint_id, lease, due_at FROM delivery_delivery WHERE lease <> '' AND due_at IS NOT NULL
"""
DUE = "UPDATE delivery_delivery SET due_at = created_at WHERE lease <> '' AND due_at IS NOT NULL"
BACK = """
UPDATE delivery_delivery SET
  lease = (SELECT token FROM delivery_lease WHERE delivery_id = delivery_delivery.id),
  due_at = (SELECT ends_at FROM delivery_lease WHERE delivery_id = delivery_delivery.id)
WHERE id IN (SELECT delivery_id FROM delivery_lease)
"""


def fit_for_coming_and_going(apps, schema_editor):
    """Rows live for a moment: the table stays small if it is cleaned often."""
    if schema_editor.connection.vendor != 'postgresql':
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            'ALTER TABLE delivery_lease SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)'
        )


def name_as_before(apps, schema_editor):
    """On the way back: the index of the working set as 0003 called it."""
    if schema_editor.connection.vendor != 'postgresql':
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            'SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid '
            'JOIN pg_index x ON x.indexrelid = c.oid '
            "WHERE i.inhparent = 'delivery_out'::regclass AND x.indrelid = 'delivery_delivery_hot'::regclass"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER INDEX {name} RENAME TO delivery_out_first')


class Migration(migrations.Migration):
    dependencies = [
        ('delivery', '0004_signing_secrets'),
    ]

    operations = [
        migrations.CreateModel(
            name='Lease',
            fields=[
                (
                    'delivery',
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name='lease',
                        serialize=False,
                        to='delivery.delivery',
                    ),
                ),
                ('token', models.CharField(max_length=24)),
                ('ends_at', models.DateTimeField()),
                (
                    'endpoint',
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name='+',
                        to='delivery.endpoint',
                    ),
                ),
            ],
        ),
        migrations.RunPython(fit_for_coming_and_going, migrations.RunPython.noop),
        migrations.RunSQL([OUT, DUE], [BACK]),
        migrations.RunPython(migrations.RunPython.noop, name_as_before),
        migrations.RemoveIndex(model_name='delivery', name='delivery_out'),
        migrations.RemoveField(model_name='delivery', name='lease'),
    ]
