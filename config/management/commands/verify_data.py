"""`verify_data [FOLDER]`: imports all real data into a scratch database and compares it with the files."""

import os
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config.verification import following
from config.verification.comparing import Comparison
from config.verification.files import OLIST, RETAIL, Expected
from config.verification.files import olist as olist_files
from config.verification.files import retail as retail_file
from config.verification.rows import counts, moments
from config.verification.rows import olist as olist_rows
from config.verification.rows import retail as retail_rows
from customers.services import only_location
from orders.importers import PRESETS, Report, run


class Command(BaseCommand):
    help = (
        "Imports all of the real data, twice, into a scratch database that is removed afterwards, and"
        " compares every count, sum and date with the files. Exit code 1 if anything differs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "folder",
            nargs="?",
            type=Path,
            default=os.environ.get("POSTRIDER_REAL_DATA") or settings.BASE_DIR.parent / "shared" / "data",
            help="where the data is (default: POSTRIDER_REAL_DATA, else ../shared/data)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(options["folder"])
        for path in (folder / OLIST, folder / RETAIL):
            if not path.exists():
                raise CommandError(f"There is no {path}: name the folder of the real data.", returncode=2)
        with _scratch_database():
            differences = self._verify(folder)
        if differences:
            raise CommandError(f"{differences} figures differ from the files.", returncode=1)
        self.stdout.write("All of it agrees with the files.")

    def _verify(self, folder: Path) -> int:
        self.stdout.write(f"Database: {connection.vendor}.")
        first = [self._import(folder, name) for name in ("olist", "online-retail")]
        before = counts()
        comparison = Comparison(self.stdout)
        self._compare_olist(comparison, olist_files(folder / OLIST), first[0])
        self._compare_retail(comparison, retail_file(folder / RETAIL), first[1])
        comparison.title("The same files again: nothing changes")
        for name in ("olist", "online-retail"):
            tally = self._import(folder, name).tally
            comparison.row(f"{name}: orders new or changed", 0, tally.orders_new + tally.orders_changed)
            comparison.row(f"{name}: events", 0, tally.events)
        for table, count in counts().items():
            comparison.row(f"rows of {table}", before[table], count)
        following.show(folder / OLIST, self.stdout)
        return comparison.differences

    def _import(self, folder: Path, name: str) -> Report:
        started = time.monotonic()
        path = folder / (OLIST if name == "olist" else RETAIL)
        report = run([path], PRESETS[name], only_location())
        self.stdout.write(f"Imported {name} in {time.monotonic() - started:.1f} s.")
        return report

    def _compare_olist(self, comparison: Comparison, expected: Expected, report: Report) -> None:
        comparison.title("Olist: the files beside the database")
        comparison.figures(expected.figures, olist_rows())
        for event_type, wanted in expected.moments.items():
            comparison.moments(event_type, wanted, moments("BRL", event_type))
        comparison.row("rejected lines", 0, report.rejected)

    def _compare_retail(self, comparison: Comparison, expected: Expected, report: Report) -> None:
        comparison.title("Online Retail: the file beside the database")
        found = retail_rows()
        rejected = sum(expected.rejected.values())
        taken = int(str(found["items"])) + int(str(found["cancellation lines refunded"]))
        found["lines"] = taken + report.rejected
        found["net total"] = found["items, sum"] - found["refunds, sum"] + expected.rejected_sum  # type: ignore[operator]
        comparison.figures(expected.figures, found)
        for event_type, wanted in expected.moments.items():
            comparison.moments(event_type, wanted, moments("GBP", event_type))
        comparison.row("rejected lines", rejected, report.rejected)
        for reason, count in expected.rejected.items():
            having = sum(number for text, number in report.reasons.items() if text.startswith(reason))
            comparison.row(f"rejected: {reason.lower()} …", count, having)


@contextmanager
def _scratch_database() -> Iterator[None]:
    """A database of our own beside the configured one, which stays as it is."""
    name = connection.settings_dict["NAME"]
    with tempfile.TemporaryDirectory(prefix="postrider-verify-") as folder:
        is_file = connection.vendor == "sqlite"
        scratch = str(Path(folder) / "scratch.sqlite3") if is_file else f"postrider_verify_{os.getpid()}"
        connection.settings_dict["TEST"]["NAME"] = scratch
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
