"""What a move would bring, without making it: its rule runs on a case in memory, and nothing is written."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from orders.cases import Case
from orders.lifecycle.moves import Move
from orders.lifecycle.work import Work


@dataclass(frozen=True, slots=True)
class Foreseen:
    """An event that the move would record. `case` is whose it would be, as it would be then.

    Rows that do not exist yet stand in `data` by a number below zero, which is theirs in the case too.
    """

    type: str
    data: dict[str, Any]
    case: Case


def foresee(move: Move, case: Case, **details: Any) -> list[Foreseen]:
    """The events that the move would record, in their order. The case is spent: it is changed as by the move.

    Raises MoveRefused as the move itself would.
    """
    work = Work(by="")
    move.on(work, case, **details)
    _number(row for _, _, data in work.told for row in data.values() if isinstance(row, Model))
    return [Foreseen(kind, _plain(data), whose) for kind, whose, data in work.told]


def _number(rows: Iterable[Model]) -> None:
    for number, row in enumerate(rows, start=1):
        if row.pk is None:
            row.pk = -number


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value.pk if isinstance(value, Model) else value for name, value in data.items()}
