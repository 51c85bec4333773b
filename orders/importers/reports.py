"""What became of an import: counts, and the rejected lines with their reasons."""

import csv
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orders.importers.reading import LONGEST_LINE

MOST_REASONS = 100  # kept apart in the summary; the rejects file has them all


@dataclass(slots=True)
class Tally:
    """Counts of one batch, or of the whole import."""

    orders_new: int = 0
    orders_changed: int = 0
    orders_unchanged: int = 0
    customers: int = 0
    items: int = 0
    payments: int = 0
    refunds: int = 0
    fulfillments: int = 0
    events: int = 0

    def add(self, other: "Tally") -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Report:
    """The result. `read` counts lines after the headers; what is `rejected` of them is in `reasons`."""

    read: int = 0
    rejected: int = 0
    tally: Tally = field(default_factory=Tally)
    reasons: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        counts = {name: getattr(self.tally, name) for name in self.tally.__slots__}
        return {"read": self.read, **counts, "rejected": self.rejected, "reasons": dict(self.reasons)}


class Rejects:
    """Takes rejected lines: counts them, and writes them down if there is a file for it."""

    def __init__(self, report: Report, stack: ExitStack, path: Path | None) -> None:
        self._report = report
        self._writer = None
        if path is not None:
            # Bytes that were no UTF-8 go out as they came in.
            file = stack.enter_context(path.open("w", encoding="utf-8", errors="surrogateescape", newline=""))
            self._writer = csv.writer(file)
            self._writer.writerow(["file", "line", "reason", "original"])

    def add(self, path: Path, number: int, text: str, reason: str) -> None:
        """One line that did not go in."""
        self._report.rejected += 1
        known = reason in self._report.reasons or len(self._report.reasons) < MOST_REASONS
        self._report.reasons[reason if known else "other reasons"] += 1
        if self._writer is not None:
            self._writer.writerow([path.name, number, reason, text[:LONGEST_LINE]])
