"""Figures side by side, and how many of them differ."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from config.verification.files import Moment

CENT = Decimal("0.01")


@dataclass(slots=True)
class Comparison:
    """Prints a table as it goes."""

    stdout: Any
    differences: int = 0

    def title(self, text: str) -> None:
        self.stdout.write(f"\n{text}\n{'':<52}{'files':>16}{'database':>16}")

    def row(self, name: str, wanted: object, found: object) -> None:
        """One figure. Money agrees to the cent."""
        is_same = _plain(wanted) == _plain(found)
        self.differences += not is_same
        self.stdout.write(
            f"{name:<52}{_words(wanted):>16}{_words(found):>16}  {'' if is_same else 'DIFFERENT'}".rstrip()
        )

    def figures(self, wanted: Mapping[str, object], found: Mapping[str, object]) -> None:
        for name, value in wanted.items():
            self.row(name, value, found.get(name, "missing"))

    def moments(self, event_type: str, wanted: Counter[Moment], found: Counter[Moment]) -> None:
        """Events of a type: as many, of the same orders, each at the very second that the file says."""
        self.row(f"{event_type}, each with its own date", wanted.total(), found.total())
        missing, surplus = wanted - found, found - wanted
        if missing or surplus:
            self.differences += 1
            example = next(iter(missing or surplus))
            self.stdout.write(
                f"    {missing.total()} missing, {surplus.total()} too many, such as {example}  DIFFERENT"
            )


def _plain(value: object) -> object:
    return value.quantize(CENT) if isinstance(value, Decimal) else value


def _words(value: object) -> str:
    return (
        f"{value:,.2f}"
        if isinstance(value, Decimal)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )
