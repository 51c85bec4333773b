"""`import_orders FILE… --preset NAME`: orders from CSV files, with all that became of them."""

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.services import ContactRefused, only_location
from orders.importers import PRESETS, FileRefused, Report, run

SECONDS_BETWEEN_LINES = 10.0  # of progress, where nobody looks at a terminal
MOST_REASONS = 10


class Command(BaseCommand):
    help = (
        "Imports orders from CSV files (.csv, .csv.gz, or a folder of them); docs/import.md has the layouts."
        " Repeating it changes nothing. Exit code 0: all lines are in; 1: some were rejected; 2: a bad call."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--preset", required=True, choices=sorted(PRESETS), help="the layout of the files"
        )
        parser.add_argument("--location", metavar="NAME", help="needed if there are several")
        parser.add_argument("--shift-days", type=int, default=0, metavar="N", help="move all dates by N days")
        parser.add_argument("--quiet", action="store_true", help="tell nobody, not even of recent orders")
        parser.add_argument(
            "--rejects", type=Path, metavar="FILE", help="write the rejected lines to this CSV"
        )
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        progress = _Progress(self.stderr)
        try:
            report = run(
                options["files"],
                PRESETS[options["preset"]],
                only_location(options["location"]),
                shift_days=options["shift_days"],
                quiet=options["quiet"],
                rejects=options["rejects"],
                progress=progress.show,
            )
        except (FileRefused, ContactRefused, OSError) as error:
            raise CommandError(str(error), returncode=2) from error
        finally:
            progress.clear()
        self.stdout.write(
            json.dumps(report.as_json()) if options["json"] else _summary(report, options["rejects"])
        )
        if report.rejected:
            sys.exit(1)


class _Progress:
    """A line that renews itself on a terminal; elsewhere a new line now and then."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._is_terminal = bool(stream.isatty())
        self._next = time.monotonic() + (0 if self._is_terminal else SECONDS_BETWEEN_LINES)
        self._is_shown = False

    def show(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (0.1 if self._is_terminal else SECONDS_BETWEEN_LINES)
        text = f"{what}: {done:,}" + (f" of {total:,} {_bar(done, total)}" if total else "")
        self._stream.write(
            f"\r{text:<78}" if self._is_terminal else text, ending="" if self._is_terminal else "\n"
        )
        self._stream.flush()
        self._is_shown = self._is_terminal

    def clear(self) -> None:
        if self._is_shown:
            self._stream.write(f"\r{'':<78}\r", ending="")


def _bar(done: int, total: int) -> str:
    filled = 30 * done // total
    return f"[{'#' * filled}{'.' * (30 - filled)}]"


def _summary(report: Report, rejects: Path | None) -> str:
    tally = report.tally
    lines = [
        f"Read {report.read:,} lines.",
        f"Orders: {tally.orders_new:,} new, {tally.orders_changed:,} changed,"
        f" {tally.orders_unchanged:,} already there and unchanged.",
        f"With them: {tally.customers:,} customers, {tally.items:,} items, {tally.payments:,} payments,"
        f" {tally.refunds:,} refunds, {tally.fulfillments:,} parcels, {tally.events:,} events.",
    ]
    if report.rejected:
        where = f"see {rejects}" if rejects else "--rejects FILE writes them down"
        lines.append(f"Rejected: {report.rejected:,} lines ({where}):")
        lines += [f"  {count:,} × {reason}" for reason, count in report.reasons.most_common(MOST_REASONS)]
    return "\n".join(lines)
