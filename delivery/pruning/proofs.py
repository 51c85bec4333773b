"""What is written down of a delivery before it goes, so that the history stays true (`models.Proof`)."""

from collections.abc import Sequence

from django.db import connection, transaction

from delivery.pruning.run import Run, places, read
from delivery.pruning.run import write as run_statement

BATCH = 2000
_SHA256 = {
    "postgresql": "encode(sha256(convert_to(d.content, 'UTF8')), 'hex')",
    "sqlite": "sha256(d.content)",  # a function of Django's
}
_COLUMNS = (
    "id, event_id, channel, target_id, target_name, reason, state, attempts_made, created_at, finished_at"
)


def write(ids: Sequence[str], table: str) -> int:
    """Proofs of these deliveries, in the caller's transaction; of tests there is none. How many were written.

    One that was sent again after its proof had been written gets a proof of how it is now.
    """
    if not ids:
        return 0
    return run_statement(
        f"INSERT INTO delivery_proof ({_COLUMNS}, content_sha256) "  # noqa: S608 (names are our own)
        f"SELECT {_COLUMNS}, {_SHA256[connection.vendor]} FROM {table} AS d "
        f"WHERE d.id IN ({places(ids)}) AND NOT d.is_test "
        "ON CONFLICT (id) DO UPDATE SET state = excluded.state, attempts_made = excluded.attempts_made, "
        "finished_at = excluded.finished_at "
        "WHERE delivery_proof.attempts_made <> excluded.attempts_made",
        ids,
    )


def write_all(run: Run, table: str) -> bool:
    """Proofs of all that lies in a table, a batch a transaction. False: the time is up, and there is more."""
    last = ""
    while ids := _missing(table, last):
        last = ids[-1]
        with transaction.atomic():
            run.report.proofs_written += write(ids, table)
        if not run.may_go_on():
            return False
    return True


def _missing(table: str, last: str) -> list[str]:
    """The next ones after `last` without a proof of how they are now."""
    found = read(
        f"SELECT d.id FROM {table} AS d WHERE d.id > %s AND NOT d.is_test AND NOT EXISTS "  # noqa: S608
        "(SELECT 1 FROM delivery_proof p WHERE p.id = d.id AND p.attempts_made = d.attempts_made) "
        f"ORDER BY d.id LIMIT {BATCH}",
        [last],
    )
    return [pk for (pk,) in found]
