"""A signing secret for every endpoint that has none."""

import base64
import secrets

from django.db import migrations
from django.utils import timezone

BATCH = 1000


def provide(apps, schema_editor):
    Endpoint = apps.get_model('delivery', 'Endpoint')
    SigningSecret = apps.get_model('delivery', 'SigningSecret')
    bare = Endpoint.objects.exclude(pk__in=SigningSecret.objects.values('endpoint')).order_by('pk')
    last = 0
    while pks := list(bare.filter(pk__gt=last).values_list('pk', flat=True)[:BATCH]):
        SigningSecret.objects.bulk_create(
            SigningSecret(
                endpoint_id=pk,
                secret='whsec_' + base64.b64encode(secrets.token_bytes(32)).decode(),
                created_at=timezone.now(),
            )
            for pk in pks
        )
        last = pks[-1]


class Migration(migrations.Migration):

    dependencies = [
        ('delivery', '0003_partitions'),
    ]

    operations = [
        migrations.RunPython(provide, migrations.RunPython.noop, elidable=True),
    ]
