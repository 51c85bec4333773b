"""Writes export profiles as a file."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exports import profile_files
from exports.models import ExportProfile


class Command(BaseCommand):
    help = (
        "Writes export profiles as JSON, for review and for other systems. Secrets never leave in it. "
        "Exit status: 0 done, 2 wrong call."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--profile", type=int, metavar="ID", help="only this profile")
        parser.add_argument("--output", metavar="FILE", help="write here instead of to standard output")
        parser.add_argument(
            "--json",
            action="store_true",
            help="the file is JSON anyway; with --output, says what was written",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        profiles = _chosen(options["profile"])
        text = profile_files.dump(profiles)
        if options["output"] is None:
            self.stdout.write(text, ending="")
            return
        try:
            Path(options["output"]).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(
                f"{options['output']} cannot be written: {error.strerror}.", returncode=2
            ) from None
        if options["json"]:
            self.stdout.write(json.dumps({"written": len(profiles), "file": options["output"]}))


def _chosen(profile_id: int | None) -> list[ExportProfile]:
    profiles = ExportProfile.objects.select_related("location").prefetch_related(
        "mappings", "routes__campaign", "routes__product"
    )
    found = list(profiles if profile_id is None else profiles.filter(pk=profile_id))
    if profile_id is not None and not found:
        raise CommandError(f"There is no export profile {profile_id}.", returncode=2)
    return found
