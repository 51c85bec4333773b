"""`manage.py demo_trickle`: something happens in the sample store every few seconds, until it is stopped."""

import signal
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.models import Location
from demo import store, trickle
from demo.trickle import scene


class Command(BaseCommand):
    help = "Makes lifecycle events in the sample store, as users would. Stops on SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every", type=float, default=8, metavar="SECONDS", help="on average (default: 8)"
        )
        parser.add_argument("--count", type=int, help="stop after so many events")
        parser.add_argument("--seed", type=int, help="make the same choices as every run with this number")

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        location = Location.objects.filter(name=store.NAME).first()
        if location is None:
            raise CommandError(
                "There is no sample store here. `manage.py demo_store` makes it in an empty database."
            )
        try:
            trickle.run(
                scene.of(location, seed=options["seed"]), every=options["every"], count=options["count"]
            )
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
