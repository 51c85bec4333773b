"""Django's `migrate`, and after it the roles: so every migrated database has them."""

from typing import Any

from django.core.management.commands import migrate

from config import roles


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if not (options["plan"] or options["check_unapplied"]):
            roles.ship(options["database"])
