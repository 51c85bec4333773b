"""The clock of the settlement batches."""

from typing import Any

from django.db import migrations


def schedule_closing(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name="postrider-close-batches",
        defaults={"func": "config.schedules.close_batches", "schedule_type": "C", "cron": "*/5 * * * *", "repeats": -1},
    )


class Migration(migrations.Migration):
    dependencies = [("config", "0005_prune_logins")]
    operations = [migrations.RunPython(schedule_closing, migrations.RunPython.noop)]
