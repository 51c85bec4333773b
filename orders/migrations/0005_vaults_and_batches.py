"""Columns that may be empty, which no table is rewritten for; indexes only on tables that nothing has written yet."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0003_notes'),
        ('orders', '0004_every_transaction_has_one'),
    ]

    operations = [
        migrations.AddField(
            model_name='settlementbatch',
            name='day',
            field=models.DateField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='storedpaymentmethod',
            name='modified_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='storedpaymentmethod',
            name='removed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='subscription',
            name='payment_method',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.storedpaymentmethod'),
        ),
        migrations.AddField(
            model_name='transaction',
            name='payment_method',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.storedpaymentmethod'),
        ),
        migrations.AddIndex(
            model_name='settlementbatch',
            index=models.Index(condition=models.Q(('is_open', True)), fields=['day'], name='settlement_batch_open'),
        ),
        migrations.AddConstraint(
            model_name='settlementbatch',
            constraint=models.UniqueConstraint(models.F('gateway'), models.F('day'), name='settlement_batch_day'),
        ),
        migrations.AddConstraint(
            model_name='storedpaymentmethod',
            constraint=models.UniqueConstraint(models.F('customer'), models.F('token'), condition=models.Q(models.Q(('token', ''), _negated=True), ('removed_at__isnull', True)), name='payment_method_token'),
        ),
    ]
