"""The hourly pruning of what the API keeps between calls."""

from typing import Any

from django.db import migrations


def schedule_prune(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name="postrider-prune-api",
        defaults={"func": "config.schedules.prune_api", "schedule_type": "C", "cron": "41 * * * *", "repeats": -1},
    )


class Migration(migrations.Migration):
    dependencies = [("config", "0002_prune")]
    operations = [migrations.RunPython(schedule_prune, migrations.RunPython.noop)]
