"""Each stored payment method learns its location, some at a time; and the index that lists of the API walk.

Others go on reading and writing. May be run again after an interruption.
"""

from django.db import migrations, models

from delivery.migrating import AddIndexBeside

AT_ONCE = 20_000
FILL = """
    UPDATE orders_storedpaymentmethod
    SET location_id = (
        SELECT c.location_id FROM customers_customer c WHERE c.id = orders_storedpaymentmethod.customer_id
    )
    WHERE id > %s AND id <= %s AND location_id IS NULL
"""


def fill(apps, schema_editor):
    rows = apps.get_model('orders', 'StoredPaymentMethod').objects.order_by()
    most = rows.aggregate(most=models.Max('pk'))['most'] or 0
    with schema_editor.connection.cursor() as cursor:
        for start in range(0, most, AT_ONCE):
            cursor.execute(FILL, [start, start + AT_ONCE])


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('orders', '0006_locations_of_payment_methods'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        AddIndexBeside(
            model_name='storedpaymentmethod',
            index=models.Index(condition=models.Q(('removed_at__isnull', True)), fields=['location', 'id'], name='payment_method_listed'),
        ),
    ]
