import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0007_payment_methods_listed'),
    ]

    operations = [
        migrations.AlterField(
            model_name='storedpaymentmethod',
            name='location',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.location'),
        ),
    ]
