"""How much may be done in a minute, for all processes together, without a write for each call.

A process draws a portion from the table and then counts in memory until it is used up. What all have drawn
together is never more than the limit; what one has drawn and not used ends with the minute.
"""

import threading
import time
from dataclasses import dataclass

from django.db import connection

MINUTE = 60
_MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Drawn:
    minute: int
    left: int


_drawn: dict[str, _Drawn] = {}
_lock = threading.Lock()


def take(key: str, *, limit: int, portion: int = 1) -> int:
    """Takes one of what `key` may do this minute. 0, or the seconds until there is more."""
    now = time.time()
    minute = int(now // MINUTE)
    with _lock:
        drawn = _drawn.get(key)
        if drawn is not None and drawn.minute == minute:
            if drawn.left > 0:
                drawn.left -= 1
                return 0
            if drawn.left == _NOTHING_LEFT:
                return _until_next(now)
    got = _draw(key, minute, portion, limit)
    with _lock:
        if len(_drawn) > _MOST_REMEMBERED:
            _drawn.clear()
        drawn = _drawn.get(key)
        spare = drawn.left if got and drawn is not None and drawn.minute == minute else 0
        _drawn[key] = _Drawn(minute, max(spare, 0) + got - 1)
    return 0 if got else _until_next(now)


def forget() -> None:
    """What this process has in memory."""
    with _lock:
        _drawn.clear()


def prune() -> int:
    """Takes away rows of minutes long past; how many there were."""
    from rest.models import Allowance

    found, _ = Allowance.objects.filter(minute__lt=int(time.time() // MINUTE) - 60).delete()
    return found


_NOTHING_LEFT = -1
_DRAW = """
    INSERT INTO rest_allowance (key, minute, taken) VALUES (%s, %s, %s)
    ON CONFLICT (key) DO UPDATE SET
        taken = excluded.taken
            + CASE WHEN rest_allowance.minute < excluded.minute THEN 0 ELSE rest_allowance.taken END,
        minute = excluded.minute
    RETURNING taken
"""


def _draw(key: str, minute: int, portion: int, limit: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_DRAW, [key, minute, portion])
        taken = int(cursor.fetchone()[0])
    return max(0, min(portion, limit - (taken - portion)))


def _until_next(now: float) -> int:
    return MINUTE - int(now % MINUTE)
