"""`manage.py demo_store`: the sample store, in an empty database only."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from demo import store


class Command(BaseCommand):
    help = "Makes the sample store if the database is empty, and points its profiles at the receiver's port."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="where the built-in receiver answers")

    def handle(self, *args: Any, **options: Any) -> None:
        if store.is_wanted():
            said = f"“{store.NAME}” made of {store.make()} real orders (names and e-mails are generated)"
        else:
            said = "kept as it is"
        moved = store.correct_port(options["port"])
        self.stdout.write(
            said + (f"; {len(moved)} profiles send to port {options['port']} now" if moved else "")
        )
