"""Whole months, on PostgreSQL: taken out of their table and dropped, which costs the same however large."""

from django.db import transaction

from delivery import partitions
from delivery.models import Delivery
from delivery.partitions import ATTEMPTS, DELIVERIES
from delivery.pruning import proofs
from delivery.pruning.run import AT_REST, Run, read, write


def deliveries(run: Run) -> None:
    """Proofs first, for as long as it takes; then a month is out in a moment, looked at again, and gone."""
    if not _finish_all(run):  # a run was killed before these were dropped
        return
    for name in partitions.months_before(DELIVERIES, run.day):
        if not proofs.write_all(run, name):
            return
        if not partitions.detach(DELIVERIES, name):
            run.report.postponed.append(name)
    _finish_all(run)


def _finish_all(run: Run) -> bool:
    return all(_finish(run, name) for name in partitions.going(DELIVERIES))


def _finish(run: Run, name: str) -> bool:
    """Drops a month that is out of the table: nobody changes it any more, so this look at it is the last."""
    if not proofs.write_all(run, name):
        return False
    columns = (str(column.column) for column in Delivery._meta.concrete_fields)
    names = ", ".join(column for column in columns if column != "kept_on")
    with transaction.atomic():
        write(  # there should be none: a month holds what is finished
            f"INSERT INTO delivery_delivery ({names}) SELECT {names} FROM {name} "  # noqa: S608
            f"WHERE NOT ({AT_REST})"
        )
        [(gone,)] = read(f"SELECT count(*) FROM {name} WHERE {AT_REST}")  # noqa: S608
        partitions.drop(name)
    run.report.deliveries += gone
    run.report.months.append(name.removesuffix(partitions.GOING))
    return run.may_go_on()


def attempts(run: Run) -> None:
    """Of attempts nothing stays: the delivery, or its proof, says how many there were."""
    for name in partitions.months_before(ATTEMPTS, run.day):
        if not partitions.detach(ATTEMPTS, name):
            run.report.postponed.append(name)
    for name in partitions.going(ATTEMPTS):
        [(gone,)] = read(f"SELECT count(*) FROM {name}")  # noqa: S608
        partitions.drop(name)
        run.report.attempts += gone
        run.report.months.append(name.removesuffix(partitions.GOING))
        if not run.may_go_on():
            return


def count(run: Run) -> None:
    """What `deliveries` and `attempts` would do."""
    report = run.report
    for name in partitions.months_before(DELIVERIES, run.day) + partitions.going(DELIVERIES):
        report.deliveries += partitions.rows_of(name)
        report.months.append(name.removesuffix(partitions.GOING))
    for name in partitions.months_before(ATTEMPTS, run.day) + partitions.going(ATTEMPTS):
        report.attempts += partitions.rows_of(name)
        report.months.append(name.removesuffix(partitions.GOING))
