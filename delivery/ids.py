"""Public ids that we make ourselves."""

import secrets
import time
from datetime import datetime


def new_id() -> str:
    """24 hex characters: 12 of the time in milliseconds, so that ids sort by age, and 12 of chance."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def is_id(text: str) -> bool:
    """Whether `new_id` could have made it."""
    return len(text) == 24 and set(text) <= set("0123456789abcdef")


def asked_for(text: str) -> str:
    """An id as an address may carry it: no longer than ids are, and without NUL, which not every database
    can be asked for."""
    return text.replace("\x00", "")[:24]


def first_id_at(moment: datetime) -> str:
    """The lowest id that could have been made at that moment: what is made later sorts after it."""
    return f"{int(moment.timestamp() * 1000):012x}{'0' * 12}"
