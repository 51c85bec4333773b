"""Full card numbers, which are stored nowhere: how to tell that a text holds one."""

import re

# 13 to 19 digits, as people write them: together, or with single spaces or dashes in between.
_CANDIDATE = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")


def holds_card_number(text: str) -> bool:
    """Whether some number in the text has the length of a card number and passes the Luhn test."""
    return any(_passes_luhn(found) for found in _CANDIDATE.findall(text))


def _passes_luhn(number: str) -> bool:
    digits = [int(letter) for letter in reversed(number) if letter.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
