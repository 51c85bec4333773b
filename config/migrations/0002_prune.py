"""The daily pruning: whoever starts a cluster on a migrated database has it."""

from typing import Any

from django.db import migrations


def schedule_prune(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name="postrider-prune",
        defaults={"func": "delivery.pruning.task", "schedule_type": "C", "cron": "17 3 * * *", "repeats": -1},
    )


class Migration(migrations.Migration):
    dependencies = [("config", "0001_tick")]
    operations = [migrations.RunPython(schedule_prune, migrations.RunPython.noop)]
