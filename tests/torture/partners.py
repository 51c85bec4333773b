"""The partners of the torture, one for each way of answering badly; and how they behave while it is calm."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A partner by its way of answering. `is_lost`: it never says yes, not even when all is calm."""

    name: str
    is_lost: bool = False
    is_tls: bool = False
    settings: tuple[tuple[str, Any], ...] = ()


_RULE = (("success_rule", "contains"), ("success_value", "TAKEN"))
KINDS = (
    Kind("accepts"),
    Kind("fails"),  # 500
    Kind("is-busy"),  # 429 with Retry-After in seconds
    Kind("is-away"),  # 503 with Retry-After as a date
    Kind("hangs"),
    Kind("drips"),  # a byte a second
    Kind("resets"),
    Kind("sends-a-gigabyte"),
    Kind("sends-a-bomb"),  # which unpacks to a gigabyte
    Kind("redirects"),
    Kind("says-error", settings=_RULE),  # 200, and in the body that it is none
    Kind("mixes"),  # all of these
    Kind("is-dead", is_lost=True),  # 500 for ever
    Kind("has-bad-tls", is_lost=True, is_tls=True),
)
# For several machines: much is out at any time, and all of it is accepted in the end.
SLOW_KINDS = (Kind("is-slow"), Kind("is-slow-too"))
MIXED = (
    "accepts",
    "fails",
    "is-busy",
    "is-away",
    "hangs",
    "drips",
    "resets",
    "sends-a-gigabyte",
    "sends-a-bomb",
    "redirects",
)
