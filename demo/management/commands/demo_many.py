"""`manage.py demo_many`: a store of millions of rows, to see how the pages bear it."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from demo import many


class Command(BaseCommand):
    help = "Fills an empty PostgreSQL database with orders and deliveries, to see how the pages bear it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--deliveries", type=int, default=5_000_000)
        parser.add_argument("--orders", type=int, default=1_000_000)
        parser.add_argument("--profiles", type=int, default=500)
        parser.add_argument("--routes", type=int, default=5_000)

    def handle(self, *args: Any, **options: Any) -> None:
        names = ("deliveries", "orders", "profiles", "routes")
        size = many.Size(**{name: options[name] for name in names})
        if min(size.deliveries, size.orders, size.profiles, size.routes) < 1:
            raise CommandError("There must be at least one of each.")
        self.stdout.write("Making them; some minutes for millions …")
        started = time.monotonic()
        try:
            many.make(size)
        except ValueError as error:
            raise CommandError(str(error)) from None
        made = ", ".join(f"{options[name]:,} {name}" for name in names)
        self.stdout.write(f"{made} in {time.monotonic() - started:.0f} s.")
