"""Takes away what is old, and keeps a proof of it."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from delivery import pruning
from delivery.pruning import Report

MOST_DAYS = 36_500


class Command(BaseCommand):
    help = (
        "Deletes finished deliveries and attempts that are older than POSTRIDER_KEEP_DAYS, in small steps, "
        "and keeps a short proof of each for POSTRIDER_KEEP_PROOF_DAYS. May be stopped and repeated. "
        "Exit status: 0 done, 1 some months were in use and come next time, 2 wrong call."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=int, metavar="N", help="older than so many days, not the setting's"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        days = settings.POSTRIDER_KEEP_DAYS if options["days"] is None else options["days"]
        if not 1 <= days <= min(settings.POSTRIDER_KEEP_PROOF_DAYS, MOST_DAYS):
            limit = min(settings.POSTRIDER_KEEP_PROOF_DAYS, MOST_DAYS)
            raise CommandError(
                f"--days must be between 1 and {limit}, for which proofs are kept.", returncode=2
            )
        report = pruning.planned(days=days) if options["dry_run"] else self._prune(days, options)
        self._say(report, days, options)
        if report.postponed:
            raise SystemExit(1)

    def _prune(self, days: int, options: dict[str, Any]) -> Report:
        is_shown = sys.stderr.isatty() and not options["json"]
        try:
            report = pruning.prune(days=days, progress=_show if is_shown else lambda report: None)
        except pruning.Busy as busy:
            raise CommandError(str(busy)) from None
        if is_shown:
            sys.stderr.write("\n")
        return report

    def _say(self, report: Report, days: int, options: dict[str, Any]) -> None:
        if options["json"]:
            figures = {name: value for name, value in asdict(report).items() if name != "is_done"}
            self.stdout.write(json.dumps({**figures, "days": days, "dry_run": options["dry_run"]}))
            return
        self.stdout.write(f"Older than {days} days: {_in_words(report)}.")
        for name in report.months:
            self.stdout.write(f"  {name} {'would be' if options['dry_run'] else 'was'} dropped")
        for name in report.postponed:
            self.stdout.write(f"  {name} is in use; the next run tries again")
        if options["dry_run"]:
            self.stdout.write(
                f"Dry run: nothing was changed. Months are estimates; the rest is counted up to "
                f"{pruning.rows.MOST_COUNTED:,}."
            )


def _in_words(report: Report) -> str:
    moved = f", {report.moved:,} moved to their months" if report.moved else ""
    return (
        f"{report.deliveries:,} deliveries, {report.attempts:,} attempts; {report.proofs_written:,} proofs "
        f"written, {report.proofs_deleted:,} deleted{moved}"
    )


def _show(report: Report) -> None:
    sys.stderr.write(f"\r{_in_words(report)}")
    sys.stderr.flush()
