"""One person, taken in by two at once, becomes one customer: who is new is locked by what names him.

There is no constraint to rely on: several customers may share an e-mail or a phone (decision 6).
"""

import hashlib
from collections.abc import Iterable

from django.db import connection

MOST = 200  # locks of one transaction; PostgreSQL has a few thousand for all


def lock(location_id: int, keys: Iterable[tuple[str, str]]) -> None:
    """Until the transaction ends nobody else takes in somebody new of the location with one of these keys.

    What another had in hand is committed then, and to be looked for. SQLite has one writer anyway.
    """
    if connection.vendor != "postgresql":
        return
    numbers = sorted({_number(location_id, *key) for key in keys})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_number(location_id)])
        cursor.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key", [numbers])


def lock_all(location_id: int) -> None:
    """The same for everybody new of the location."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_number(location_id)])


def _number(location_id: int, kind: str = "", value: str = "") -> int:
    text = f"customer:{location_id}:{kind}:{value}".encode(errors="replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True)
