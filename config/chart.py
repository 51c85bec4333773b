"""The bars of the dashboard: from numbers to places in a drawing, pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from delivery.hours import Hour
from delivery.rows import list_of

WIDTH, HEIGHT, TOP = 720, 150, 8
_GAP, _LEAST = 6, 3  # a bar of one among thousands is still to be seen
_STATES = {  # from the ground up: their class, and how the list finds them
    "delivered": {"state__exact": "delivered"},
    "waiting": {"state__in": "pending,waiting"},
    "failed": {"state__exact": "failed"},
}
LABELLED_HOURS = 6  # one in so many has its time below


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar, and where it leads."""

    kind: str
    number: int
    url: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour."""

    label: str  # 14:00
    text: str
    url: str
    x: float
    width: float
    middle: float
    is_labelled: bool
    numbers: tuple[tuple[str, int, str], ...]
    pieces: tuple[Piece, ...]


def bars(hours: Sequence[Hour]) -> list[Bar]:
    """Left to right. The highest fills the drawing."""
    highest = max((hour.total for hour in hours), default=0) or 1
    step = WIDTH / max(len(hours), 1)
    return [_bar(hour, number, step, highest) for number, hour in enumerate(hours)]


def _bar(hour: Hour, number: int, step: float, highest: int) -> Bar:
    since, until = _stamp(hour.start), _stamp(hour.end)
    label = f"{timezone.localtime(hour.start):%H:%M}"
    numbers = tuple(
        (kind, getattr(hour, kind), list_of(since=since, until=until, is_test__exact=0, **query))
        for kind, query in _STATES.items()
    )
    counted = ", ".join(f"{one:,} {kind}" for kind, one, _ in numbers)
    return Bar(
        label=label,
        text=f"{label} to {timezone.localtime(hour.end):%H:%M}: {counted}",
        url=list_of(since=since, until=until, is_test__exact=0),
        x=round(number * step + _GAP / 2, 1),
        width=round(step - _GAP, 1),
        middle=round((number + 0.5) * step, 1),
        is_labelled=timezone.localtime(hour.start).hour % LABELLED_HOURS == 0,
        numbers=numbers,
        pieces=tuple(_pieces(numbers, highest)),
    )


def _pieces(numbers: Sequence[tuple[str, int, str]], highest: int) -> list[Piece]:
    pieces, ground = [], float(HEIGHT)
    for kind, number, url in numbers:
        if number:
            height = max((HEIGHT - TOP) * number / highest, _LEAST)
            ground -= height
            pieces.append(Piece(kind, number, url, round(ground, 1), round(height, 1)))
    return pieces


def _stamp(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M}"
