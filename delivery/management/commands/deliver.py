"""Carries all that is due, and exits."""

import json
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Q
from django.utils import timezone

from delivery import worker
from delivery.models import Delivery
from delivery.terminal import asked_to_stop


class Command(BaseCommand):
    help = (
        "Sends all deliveries that are due now, and exits. Exit status: 0 all were accepted, 1 some were not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=_seconds, help="take nothing new after so many seconds")
        parser.add_argument(
            "--stay", action="store_true", help="do not exit: stay awake, and send at once what becomes due"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how many are due")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            self._say(options, due=_due())
            return
        worker.keep_what_is_loaded()
        if options["stay"]:
            with asked_to_stop() as stop:
                worker.stay(should_stop=lambda: stop.is_set() or _is_left_alone())
            return
        progress = _Progress(_due(), is_quiet=options["json"])
        with asked_to_stop() as stop:
            tally = worker.drain(seconds=options["seconds"], should_stop=stop.is_set, progress=progress)
        progress.end()
        self._say(options, delivered=tally.delivered, failed=tally.failed, lost=tally.lost, due=_due())
        if tally.failed:
            raise SystemExit(1)

    def _say(self, options: dict[str, Any], **counts: int) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(counts))
        else:
            self.stdout.write(", ".join(f"{count} {name}" for name, count in counts.items()))


def _is_left_alone() -> bool:
    """Whether the cluster that started us, and named itself, is gone."""
    parent = os.environ.get("POSTRIDER_PARENT")
    return parent is not None and parent != str(os.getppid())


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise ValueError
    return seconds


def _due() -> int:
    now = timezone.now()
    is_in = Q(lease=None) | Q(lease__ends_at__lte=now)
    return Delivery.objects.filter(is_in, due_at__lte=now).count()


class _Progress:
    """A line on a terminal that is kept current while many are sent."""

    def __init__(self, due: int, *, is_quiet: bool) -> None:
        self._due = due
        self._is_shown = sys.stderr.isatty() and not is_quiet and due > 100

    def __call__(self, done: int) -> None:
        if self._is_shown:
            sys.stderr.write(f"\r{done:,} of {self._due:,} tried")
            sys.stderr.flush()

    def end(self) -> None:
        if self._is_shown:
            sys.stderr.write("\n")
