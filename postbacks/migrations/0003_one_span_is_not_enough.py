from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('postbacks', '0002_watches'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='postbackconfig', name='postback_watching'),
        migrations.RemoveField(model_name='postbackconfig', name='watching_since'),
        migrations.RemoveField(model_name='postbackconfig', name='watching_until'),
    ]
