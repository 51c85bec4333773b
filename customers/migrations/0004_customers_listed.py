from django.db import migrations, models

from delivery.migrating import AddIndexBeside


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('customers', '0003_notes'),
    ]

    operations = [
        AddIndexBeside(
            model_name='customer',
            index=models.Index(condition=models.Q(('deleted_at__isnull', True)), fields=['location', 'id'], name='customer_listed'),
        ),
    ]
