"""Row by row, a batch a transaction: all of SQLite, and on PostgreSQL what lies in no month."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from delivery import partitions, queue
from delivery.ids import first_id_at
from delivery.models import Proof
from delivery.partitions import ATTEMPTS, DELIVERIES, HOT
from delivery.pruning.proofs import write as write_proofs
from delivery.pruning.run import AT_REST, Run, places, read, write

BATCH = 1000
MOST_COUNTED = 100_000
_OLD = f"{AT_REST} AND (kept_on < %s OR (kept_on IS NULL AND COALESCE(finished_at, created_at) < %s))"


def deliveries(run: Run) -> None:
    for table in partitions.loose(DELIVERIES):
        last = ""
        while found := _old_deliveries(run, table, after=last):
            last = found[-1][0]
            gone, written = _take_away(run, table, found)
            run.report.deliveries += gone
            run.report.proofs_written += written
            if not run.may_go_on():
                return


def _old_deliveries(run: Run, table: str, *, after: str = "", most: int = 0) -> list[tuple[Any, ...]]:
    """Id and endpoint, by id. What was finished before the limit was made before it too."""
    return read(
        f"SELECT id, endpoint_id FROM {table} WHERE id > %s AND id < %s AND {_OLD} "  # noqa: S608
        f"ORDER BY id LIMIT {most or BATCH}",
        [after, first_id_at(run.limit), str(run.day), run.moment],
    )


def _take_away(run: Run, table: str, found: Sequence[tuple[Any, ...]]) -> tuple[int, int]:
    """Those that nobody has asked for meanwhile: their proofs and their end, in one transaction."""
    with transaction.atomic():
        queue.lock_endpoints({endpoint_id for _, endpoint_id in found})
        still = f"id IN ({places(found)}) AND {_OLD}"
        params = [*(pk for pk, _ in found), str(run.day), run.moment]
        ids = [pk for (pk,) in read(f"SELECT id FROM {table} WHERE {still}", params)]  # noqa: S608
        written = write_proofs(ids, table)
        gone = write(f"DELETE FROM {table} WHERE {still}", params)  # noqa: S608
    return gone, written


def move_finished(run: Run) -> None:
    """What was finished before there were months lies in the working set still: each goes to its month."""
    last = ""
    while connection.vendor == "postgresql" and (found := _unmoved(last)):
        last = found[-1][0]
        partitions.make(DELIVERIES, {finished.replace(day=1) for _, _, finished in found})
        with transaction.atomic():
            queue.lock_endpoints({endpoint_id for _, endpoint_id, _ in found})
            run.report.moved += write(
                f"UPDATE delivery_delivery SET kept_on = {_FINISHED_ON} "  # noqa: S608
                f"WHERE id IN ({places(found)}) AND kept_on IS NULL AND {AT_REST}",
                [pk for pk, _, _ in found],
            )
        if not run.may_go_on():
            return


_FINISHED_ON = "(COALESCE(finished_at, created_at) AT TIME ZONE 'UTC')::date"


def _unmoved(after: str) -> list[tuple[Any, Any, date]]:
    found = read(
        f"SELECT id, endpoint_id, {_FINISHED_ON} FROM {HOT} WHERE id > %s AND {AT_REST} "  # noqa: S608
        f"ORDER BY id LIMIT {BATCH}",
        [after],
    )
    return [(pk, endpoint_id, finished) for pk, endpoint_id, finished in found]


def attempts(run: Run) -> None:
    for table in partitions.loose(ATTEMPTS):
        for old in _old_attempts(run, table):
            run.report.attempts += write(f"DELETE FROM {table} WHERE id IN ({places(old)})", old)  # noqa: S608
            if not run.may_go_on():
                return


def _old_attempts(run: Run, table: str) -> Iterator[list[int]]:
    """Batches of them by id, which grows with time: after one that has none that is old there are no more."""
    last = 0
    while found := read(
        f"SELECT id, started_at < %s FROM {table} WHERE id > %s ORDER BY id LIMIT {BATCH}",  # noqa: S608
        [run.moment, last],
    ):
        last = found[-1][0]
        old = [pk for pk, is_old in found if is_old]
        if not old:
            return
        yield old


def proofs(run: Run) -> None:
    last = ""
    while ids := list(_old_proofs(run).filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        last = ids[-1]
        run.report.proofs_deleted += Proof.objects.filter(pk__in=ids).delete()[0]
        if not run.may_go_on():
            return


def _old_proofs(run: Run) -> QuerySet[Proof]:
    """Those whose own time is over, from when the delivery was finished."""
    limit = run.now - timedelta(days=settings.POSTRIDER_KEEP_PROOF_DAYS)
    is_old = Q(finished_at__lt=limit) | Q(finished_at=None)
    return Proof.objects.filter(is_old, pk__lt=first_id_at(limit)).order_by("pk")


def count(run: Run) -> None:
    """What the others would take away; each counted no further than MOST_COUNTED."""
    report = run.report
    for table in partitions.loose(DELIVERIES):
        report.deliveries += len(_old_deliveries(run, table, most=MOST_COUNTED))
    dropped = partitions.months_before(ATTEMPTS, run.day)
    for table in partitions.loose(ATTEMPTS):
        if table in dropped:
            continue
        batches = islice(_old_attempts(run, table), MOST_COUNTED // BATCH)
        report.attempts += sum(len(batch) for batch in batches)
    report.proofs_deleted = _old_proofs(run)[:MOST_COUNTED].count()
