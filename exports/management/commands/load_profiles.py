"""Reads export profiles from a file."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exports import profile_files
from exports.profile_files import Loaded, Options, Refused, Unreadable


class Command(BaseCommand):
    help = (
        "Makes the export profiles what a file of dump_profiles says; found again by name. All of them or "
        "none. Exit status: 0 done, 1 something was refused and nothing loaded, 2 the file cannot be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="- for standard input")
        parser.add_argument("--location", metavar="NAME", help="into this location, whatever the file says")
        parser.add_argument("--dry-run", action="store_true", help="say what would change; change nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
        pause = parser.add_mutually_exclusive_group()
        pause.add_argument(
            "--catch-up",
            action="store_const",
            const=True,
            dest="catch_up",
            help="a profile that is switched on again sends the events of the pause too",
        )
        pause.add_argument(
            "--from-now",
            action="store_const",
            const=False,
            dest="catch_up",
            help="a profile that is switched on again sends what happens from now on",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = Options(
            by="command:load_profiles",
            location=options["location"],
            catch_up=options["catch_up"],
            dry_run=options["dry_run"],
        )
        loaded: list[Loaded] = []
        errors: list[tuple[str, str]] = []
        try:
            loaded = profile_files.load(profile_files.parse(_read(options["file"])), chosen)
        except Unreadable as error:
            raise CommandError(str(error), returncode=2) from None
        except Refused as error:
            errors = error.errors
        if options["json"]:
            self._as_json(loaded, errors, is_dry=chosen.dry_run)
        else:
            self._as_text(loaded, errors, is_dry=chosen.dry_run)
        if errors:
            raise SystemExit(1)

    def _as_json(self, loaded: list[Loaded], errors: list[tuple[str, str]], *, is_dry: bool) -> None:
        result = {
            "profiles": [asdict(one) for one in loaded],
            "errors": [{"profile": name, "error": sentence} for name, sentence in errors],
            "dry_run": is_dry,
        }
        self.stdout.write(json.dumps(result, ensure_ascii=False))

    def _as_text(self, loaded: list[Loaded], errors: list[tuple[str, str]], *, is_dry: bool) -> None:
        for one in loaded:
            self.stdout.write(
                f"{one.outcome:<10} {one.name}" + (f": {', '.join(one.changes)}" if one.changes else "")
            )
            for note in one.notes:
                self.stdout.write(f"{'':<10} {note}")
        for name, sentence in errors:
            self.stderr.write(f"{name}: {sentence}")
        if errors:
            self.stderr.write("Nothing was loaded.")
        elif is_dry:
            self.stdout.write("Dry run: nothing was changed.")


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}.") from None
