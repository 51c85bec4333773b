"""What commands write on a terminal: texts of strangers, shown and never obeyed; how far they have come.

And what is typed there to stop them.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_JOINERS = "\u200c\u200d"  # within emoji, and words of some languages


def shown(text: str) -> str:
    """The text on one line; what would move the cursor, colour or reorder the line stands as an escape."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in _JOINERS else _escaped(letter) for letter in text
    )


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


class Progress:
    """A line on a terminal that is kept current while many are worked through; elsewhere nothing."""

    def __init__(self, total: int, *, is_quiet: bool) -> None:
        self._total = total
        self._is_shown = sys.stderr.isatty() and not is_quiet and total > 100

    def __call__(self, done: int) -> None:
        if self._is_shown:
            sys.stderr.write(f"\r{done:,} of {self._total:,}")
            sys.stderr.flush()

    def end(self) -> None:
        if self._is_shown:
            sys.stderr.write("\n")


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """Set by Ctrl-C and the like: finish what is begun. To be looked at, not waited for."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    yield stop
    for number, handler in before.items():
        signal.signal(number, handler)
