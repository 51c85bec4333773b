"""Puts stored secrets under the newest key."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from delivery import rotation
from delivery.rotation import Report
from delivery.terminal import Progress

MOST_NAMED = 50


class Command(BaseCommand):
    help = (
        "Encrypts all stored secrets with the first key of POSTRIDER_FIELD_KEYS, so that the others can be "
        "removed. All processes have to run with that key before. May be stopped and repeated. "
        "Exit status: 0 done, 1 some secrets could not be opened with any key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        progress = Progress(rotation.count(), is_quiet=options["json"])
        report = rotation.rotate(dry_run=options["dry_run"], progress=progress)
        progress.end()
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(report, dry_run=options["dry_run"])))
        else:
            self._print(report, dry_run=options["dry_run"])
        if not report.is_complete:
            raise SystemExit(1)

    def _print(self, report: Report, *, dry_run: bool) -> None:
        done = "would be encrypted anew" if dry_run else "encrypted anew"
        self.stdout.write(f"{report.renewed} {done}, {report.already} are under the newest key already.")
        self._name(report.unreadable, "no key of POSTRIDER_FIELD_KEYS opens. Add the key, or type them again")
        self._name(report.contested, "were edited all the time. Run this again")
        if dry_run:
            self.stdout.write("Dry run: nothing was changed.")
        elif report.is_complete and len(settings.POSTRIDER_FIELD_KEYS) > 1:
            self.stdout.write(
                "All secrets are under the newest key: the others can be removed from POSTRIDER_FIELD_KEYS. "
                "Keep them as long as backups from before may be restored."
            )

    def _name(self, rows: list[tuple[str, Any]], what: str) -> None:
        if rows:
            named = [f"  {table} {key}" for table, key in rows[:MOST_NAMED]]
            more = [f"  and {len(rows) - MOST_NAMED} more"] if len(rows) > MOST_NAMED else []
            self.stdout.write("\n".join([f"{len(rows)} secrets that {what}:", *named, *more]))


def _as_json(report: Report, *, dry_run: bool) -> dict[str, Any]:
    return {
        "renewed": report.renewed,
        "already": report.already,
        "unreadable": [list(row) for row in report.unreadable],
        "contested": [list(row) for row in report.contested],
        "dry_run": dry_run,
    }
