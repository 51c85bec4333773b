"""Where the time of an attempt went: the parts of a bar, and the same in words."""

from dataclasses import dataclass

import orjson

# Moments since the start, as transports note them, in the order in which they come; what ends with each.
_PHASES = (
    ("looked_up_ms", "look up the name", "lookup"),
    ("connected_ms", "connect", "connect"),
    ("encrypted_ms", "encrypt", "encrypt"),
    ("answered_ms", "wait for the answer", "wait"),
)
_REST = ("read the answer", "read")


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of the bar: `start` and `width` are hundredths of all of it."""

    label: str
    kind: str  # its class
    milliseconds: int
    start: float
    width: float


def parts_of(stored: str, duration_ms: int) -> list[Part]:
    """From what is on record; nothing if it says no times."""
    moments = _moments(stored)
    ends = [(label, kind, moments[name]) for name, label, kind in _PHASES if name in moments]
    if not ends or duration_ms <= 0:
        return []
    parts, before = [], 0.0
    for label, kind, end in [*ends, (*_REST, duration_ms)]:
        took = min(max(end, before), duration_ms) - before
        if took or kind != "read":
            start, width = (round(of * 100 / duration_ms, 2) for of in (before, took))
            parts.append(Part(label, kind, round(took), start, width))
        before += took
    return parts


def _moments(stored: str) -> dict[str, float]:
    try:
        loaded = orjson.loads(stored or "{}")
    except ValueError:
        return {}
    if not isinstance(loaded, dict):
        return {}
    return {
        name: value
        for name, value in loaded.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    }
