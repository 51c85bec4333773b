"""The hourly pruning of what logins leave behind."""

from typing import Any

from django.db import migrations


def schedule_prune(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name="postrider-prune-logins",
        defaults={"func": "config.schedules.prune_logins", "schedule_type": "C", "cron": "23 * * * *", "repeats": -1},
    )


class Migration(migrations.Migration):
    dependencies = [("config", "0004_role_grants")]
    operations = [migrations.RunPython(schedule_prune, migrations.RunPython.noop)]
