"""The minute's tick: whoever starts a cluster on a migrated database has it."""

from typing import Any

from django.db import migrations


def schedule_tick(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name="postrider-tick",
        defaults={"func": "config.schedules.tick", "schedule_type": "C", "cron": "* * * * *", "repeats": -1},
    )


class Migration(migrations.Migration):
    dependencies = [("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more")]
    operations = [migrations.RunPython(schedule_tick, migrations.RunPython.noop)]
