"""Texts of strangers on a terminal: shown, never obeyed."""

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
