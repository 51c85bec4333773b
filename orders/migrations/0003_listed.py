"""Each transaction learns its location, some at a time; and the indexes that lists of the API walk.

Others go on reading and writing. May be run again after an interruption.
"""

from django.db import migrations, models

from delivery.migrating import AddIndexBeside

AT_ONCE = 20_000
FILL = """
    UPDATE orders_transaction
    SET location_id = (SELECT o.location_id FROM orders_order o WHERE o.id = orders_transaction.order_id)
    WHERE id > %s AND id <= %s AND location_id IS NULL
"""


def fill(apps, schema_editor):
    rows = apps.get_model('orders', 'Transaction').objects.order_by()
    most = rows.aggregate(most=models.Max('pk'))['most'] or 0
    with schema_editor.connection.cursor() as cursor:
        for start in range(0, most, AT_ONCE):
            cursor.execute(FILL, [start, start + AT_ONCE])


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('orders', '0002_locations_of_transactions'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        AddIndexBeside(
            model_name='order',
            index=models.Index(fields=['location', 'id'], name='order_listed'),
        ),
        AddIndexBeside(
            model_name='transaction',
            index=models.Index(fields=['location', 'id'], name='transaction_listed'),
        ),
        AddIndexBeside(
            model_name='settlementbatch',
            index=models.Index(fields=['gateway', 'id'], name='settlement_batch_listed'),
        ),
    ]
