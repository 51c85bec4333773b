"""From one span of watching for each config to as many as there were: nothing that was asked for is forgotten."""

import django.db.models.deletion
from django.db import migrations, models


def begin_watches(apps, schema_editor):
    """What is watched now, or was last, as far as it is known."""
    watches = apps.get_model('postbacks', 'Watch')
    configs = apps.get_model('postbacks', 'PostbackConfig').objects.filter(watching_since__isnull=False)
    columns = ('resource', 'on_create', 'on_update', 'on_delete', 'gateway_id')
    rows = configs.values_list('pk', 'watching_since', 'watching_until', *columns)
    watches.objects.bulk_create(
        [
            watches(config_id=pk, since=since, until=until, **dict(zip(columns, values, strict=True)))
            for pk, since, until, *values in rows.iterator()
        ],
        batch_size=500,
    )


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0001_initial'),
        ('postbacks', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Watch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField(null=True)),
                ('resource', models.CharField(max_length=20)),
                ('on_create', models.BooleanField()),
                ('on_update', models.BooleanField()),
                ('on_delete', models.BooleanField()),
                ('config', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='watches', to='postbacks.postbackconfig')),
                ('gateway', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.gateway')),
            ],
            options={
                'verbose_name_plural': 'watches',
                'indexes': [models.Index(fields=['config', 'until'], name='postback_watch')],
            },
        ),
        migrations.RunPython(begin_watches, migrations.RunPython.noop),
    ]
