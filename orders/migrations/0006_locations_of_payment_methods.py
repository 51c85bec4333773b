import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0001_initial'),
        ('orders', '0005_vaults_and_batches'),
    ]

    operations = [
        migrations.AddField(
            model_name='storedpaymentmethod',
            name='location',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.location'),
        ),
    ]
