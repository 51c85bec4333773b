"""Idempotency keys are kept as digests: a key may name whom it is about."""

from django.db import migrations, models

DIGEST = {
    'postgresql': "encode(sha256(convert_to(key, 'UTF8')), 'hex')",
    'sqlite': 'sha256(key)',  # a function of Django's
}


def digest(apps, schema_editor):
    expression = DIGEST[schema_editor.connection.vendor]
    schema_editor.execute(f'UPDATE rest_rememberedanswer SET key = {expression}')


class Migration(migrations.Migration):

    dependencies = [
        ('rest', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(digest, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='rememberedanswer',
            name='key',
            field=models.CharField(max_length=64),
        ),
    ]
