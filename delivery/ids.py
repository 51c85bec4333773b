"""Public ids that we make ourselves."""

import secrets
import time


def new_id() -> str:
    """24 hex characters: 12 of the time in milliseconds, so that ids sort by age, and 12 of chance."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"
