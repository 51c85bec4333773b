"""Closes the settlement batches of days that are over, as the clock does every five minutes."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders import lifecycle


class Command(BaseCommand):
    help = (
        "Closes the settlement batches of days that are over, by the clock of each location. "
        "May run beside everything, several times at once, and be stopped and repeated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        closed = lifecycle.close_due_batches(by="command:close_batches")
        if options["json"]:
            self.stdout.write(json.dumps({"closed": closed}))
        else:
            self.stdout.write(f"{closed} settlement batch{'es' * (closed != 1)} closed.")
