"""One import from its files to its report: recognise, stage, tell, take."""

import gc
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from customers.models import Location
from orders.importers import reading, staging, taking
from orders.importers.presets.layout import Kind, Preset
from orders.importers.reading import FileRefused
from orders.importers.reports import Rejects, Report
from orders.importers.staging import Source, Staging
from orders.importers.stories import LineRejected, Record
from orders.importers.taking import Intake
from orders.importers.values import MOST_DAYS, Clock

BATCH = 500  # orders in one transaction; more brings nothing
LONGEST_KEY = 64

Progress = Callable[[str, int, int], None]  # what is done, how many, of how many (0: nobody knows)


@dataclass(slots=True)
class _Import:
    """What the steps of one import share."""

    preset: Preset
    location: Location
    clock: Clock
    by: str
    quiet: bool
    progress: Progress
    sources: list[Source]
    report: Report = field(default_factory=Report)


def run(
    paths: Sequence[Path],
    preset: Preset,
    location: Location,
    *,
    shift_days: int = 0,
    quiet: bool = False,
    rejects: Path | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """Imports the files, some hundred orders a transaction. What is in already stays as it is.

    Safe to repeat at any time, also after the process was killed. Raises FileRefused, before anything is
    written, for a file that is missing, damaged or of another layout.
    """
    if abs(shift_days) > MOST_DAYS:
        raise FileRefused(f"Dates can be moved by at most {MOST_DAYS} days.")
    sources = recognised(paths, preset)
    if rejects is not None and rejects.resolve() in [source.path.resolve() for source in sources]:
        raise FileRefused(
            f"The rejected lines cannot be written to “{rejects}”: it is one of the files to import."
        )
    clock = Clock(zoneinfo.ZoneInfo(preset.zone or location.time_zone), timedelta(days=shift_days))
    by = f"import:{Path(paths[0]).resolve().name}"
    job = _Import(preset, location, clock, by, quiet, progress, sources)
    with ExitStack() as stack:
        stage = stack.enter_context(staging.opened(sources))
        noted = Rejects(job.report, stack, rejects)
        _stage(job, stage, noted)
        _take(job, stage, noted)
    return job.report


def recognised(paths: Sequence[Path], preset: Preset) -> list[Source]:
    """Which kind of lines each file has, by its header. Raises FileRefused if a needed kind is missing."""
    sources = [source for path in paths for source in _sources(path, preset)]
    present = {source.kind for source in sources}
    missing = [name for name, kind in preset.kinds.items() if kind.is_needed and name not in present]
    if missing:
        columns = ", ".join(preset.kinds[missing[0]].columns)
        raise FileRefused(f"There is no file of the {missing[0]} among them: one with the columns {columns}.")
    return sources


def _sources(path: Path, preset: Preset) -> list[Source]:
    if not path.is_dir():
        return [_recognise(path, preset)]
    found = []
    for inside in sorted(path.iterdir()):
        if inside.name.endswith((".csv", ".csv.gz")):
            try:
                found.append(_recognise(inside, preset))
            except _OtherLayout:  # a folder may hold more than the orders
                continue
    return found


class _OtherLayout(FileRefused):
    """The file is a CSV, but none of this preset's."""


def _recognise(path: Path, preset: Preset) -> Source:
    names, delimiter = reading.header_of(path)
    refused = sorted(set(names) & set(preset.refused_columns))
    if refused:
        raise FileRefused(
            f"“{path}” has the column {refused[0]}: full card data is never taken in. Remove it."
        )
    missing = {
        name: [column for column in kind.columns if column.lower() not in names]
        for name, kind in preset.kinds.items()
    }
    # The richest kind that fits: the columns of one may be among those of another.
    fitting = [name for name, columns in missing.items() if not columns]
    if fitting:
        kind = max(fitting, key=lambda name: len(preset.kinds[name].columns))
        return Source(path, kind, tuple(names), delimiter)
    nearest = min(missing, key=lambda name: len(missing[name]) / len(preset.kinds[name].columns))
    raise _OtherLayout(
        f"“{path}” is not a file of the layout {preset.name}: as a file of its {nearest} it lacks the columns"
        f" {', '.join(missing[nearest])}."
    )


def _stage(job: _Import, stage: Staging, noted: Rejects) -> None:
    for number, source in enumerate(job.sources):
        rows = _staged(job, number, source, noted)
        while chunk := list(islice(rows, 2_000)):
            stage.put(chunk)
            job.progress("Reading lines", job.report.read, 0)


def _staged(
    job: _Import, number: int, source: Source, noted: Rejects
) -> Iterator[tuple[str, str, str | None, int, int, str]]:
    kind = job.preset.kinds[source.kind]
    key_at = source.columns.index(kind.key.lower())
    moment_at = source.columns.index(kind.moment.lower()) if kind.moment else None
    for raw in reading.records(source.path, len(source.columns), source.delimiter):
        job.report.read += 1
        fault = raw.fault
        key, moment = "", None
        if not fault:
            key = raw.values[key_at].strip()
            fault = _key_fault(key, kind)
        if not fault and moment_at is not None:
            try:
                at = job.clock.read_if_any(raw.values[moment_at], kind.moment)
                moment = at.isoformat() if at else None
            except LineRejected as reason:
                fault = str(reason)
        if fault:
            noted.add(source.path, raw.number, raw.text, fault)
        else:
            yield source.kind, key, moment, number, raw.number, raw.text


def _key_fault(key: str, kind: Kind) -> str:
    if not key:
        return f"The {kind.key} is empty."
    return f"The {kind.key} is longer than {LONGEST_KEY} characters." if len(key) > LONGEST_KEY else ""


def _take(job: _Import, stage: Staging, noted: Rejects) -> None:
    total = stage.close_for_reading(job.preset.lead)
    done = 0
    for keys in stage.turns(BATCH):
        with _garbage_left_alone():
            _take_batch(job, keys, stage, noted)
        done += len(keys)
        job.progress("Importing orders", done, total)
    for name, kind in job.preset.kinds.items():
        if kind.parent:
            lost = f"There is no order of this {kind.key} among the {kind.parent} that could be read."
            _write_down(((line, [lost]) for line in stage.orphans(name, kind.parent)), job, stage, noted)


def _take_batch(job: _Import, keys: Sequence[str], stage: Staging, noted: Rejects) -> None:
    reasons: dict[int, list[str]] = {}
    reject = partial(_note, reasons)
    told = job.preset.tell(keys, stage, job.clock, reject)
    tally = taking.take(told, Intake(job.location, job.by, job.quiet, reject))
    job.report.tally.add(tally)
    _write_down(reasons.items(), job, stage, noted)


@contextmanager
def _garbage_left_alone() -> Iterator[None]:
    """No looking for cycles while a batch grows: that took a fifth of the time and found nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _note(reasons: dict[int, list[str]], record: Record, reason: str) -> None:
    """A line is rejected once, however many reasons there are."""
    known = reasons.setdefault(record.id, [])
    if reason not in known:
        known.append(reason)


def _write_down(
    rejected: Iterable[tuple[int, list[str]]], job: _Import, stage: Staging, noted: Rejects
) -> None:
    for line, reasons in rejected:
        file, number, text = stage.place(line)
        noted.add(job.sources[file].path, number, text, " ".join(reasons))
