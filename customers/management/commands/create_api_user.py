"""Makes a user of the API and says its credentials, once."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from customers import access
from customers.models import Location
from delivery import texts


class Command(BaseCommand):
    help = (
        "Makes an API user for a location, and the location if there is none of this name. Its key is shown "
        "now and never again. Exit status: 0 made, 2 called wrongly."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--location", required=True, metavar="NAME", help="which location it may see")
        parser.add_argument("--name", default="", help="what events call it; made up if not given")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["location"].strip()
        fault = texts.fault_in(Location, {"name": name}) if name else "The location's name is empty."
        if fault:
            raise CommandError(fault, returncode=2)
        location, _ = Location.objects.get_or_create(name=name)
        try:
            made = access.create_user([location], name=options["name"].strip(), by="command")
        except access.AccessRefused as refusal:
            raise CommandError(str(refusal), returncode=2) from None
        said = {
            "location_id": location.public_id,
            "developer_id": made.user.developer_id,
            "user_id": made.user.public_id,
            "user_api_key": made.key,
        }
        if options["json"]:
            self.stdout.write(json.dumps(said))
            return
        for what, value in said.items():
            self.stdout.write(f"{what:<13} {value}")
