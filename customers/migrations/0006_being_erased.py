from django.db import migrations, models

from delivery.migrating import AddIndexBeside


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('customers', '0005_erasing'),
    ]

    operations = [
        AddIndexBeside(
            model_name='customer',
            index=models.Index(condition=models.Q(('erase_requested_at__isnull', False), ('erased_at__isnull', True)), fields=['id'], name='customer_being_erased'),
        ),
    ]
