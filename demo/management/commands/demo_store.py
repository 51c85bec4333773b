"""`manage.py demo_store`: the sample store, in an empty database only."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from demo import store
from orders.models import Order


class Command(BaseCommand):
    help = "Makes the sample store if the database is empty, and points its profiles at the receiver's port."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="where the built-in receiver answers")

    def handle(self, *args: Any, **options: Any) -> None:
        if store.is_wanted():
            store.make()
            self.stdout.write(f"made “{store.NAME}” of {Order.objects.count()} real orders")
        else:
            self.stdout.write("kept as it is")
        for profile in store.correct_port(options["port"]):
            self.stdout.write(f"“{profile}” now sends to port {options['port']}")
