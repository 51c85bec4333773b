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
    return _write(table, f"d.id IN ({places(ids)})", ids) if ids else 0


def write_all(run: Run, table: str) -> bool:
    """Proofs of all that lies in a table, a batch a transaction. False: the time is up, and there is more.

    What has its proof already, from a run that was killed, is passed by.
    """
    last = ""
    while (end := _end_of_batch(last, table)) is not None:
        with transaction.atomic():
            run.report.proofs_written += _write(table, "d.id > %s AND d.id <= %s", [last, end])
        last = end
        if not run.may_go_on():
            return False
    return True


def _end_of_batch(last: str, table: str) -> str | None:
    batch = f"SELECT id FROM {table} WHERE id > %s ORDER BY id LIMIT {BATCH}"  # noqa: S608
    [(end,)] = read(f"SELECT max(id) FROM ({batch}) AS batch", [last])  # noqa: S608
    return end  # type: ignore[no-any-return]


def _write(table: str, which: str, params: Sequence[str]) -> int:
    return run_statement(
        f"INSERT INTO delivery_proof ({_COLUMNS}, content_sha256) "  # noqa: S608 (names are our own)
        f"SELECT {_COLUMNS}, {_SHA256[connection.vendor]} FROM {table} AS d "
        f"WHERE {which} AND NOT d.is_test AND NOT EXISTS "
        "(SELECT 1 FROM delivery_proof p WHERE p.id = d.id AND p.attempts_made = d.attempts_made) "
        "ON CONFLICT (id) DO UPDATE SET state = excluded.state, attempts_made = excluded.attempts_made, "
        "finished_at = excluded.finished_at",
        params,
    )
