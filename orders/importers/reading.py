"""CSV files, plain or gzipped, as numbered records; a broken line never takes its neighbours with it."""

import csv
import gzip
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

LONGEST_LINE = 100_000  # characters; less than the longest field that CSV readers accept
MOST_LINES = 200  # of one record: beyond that, a quote was never closed
DELIMITERS = ",;\t"


class FileRefused(ValueError):
    """A file that cannot be read at all; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as it stands in the file: number of its first line, text, and what is wrong with it."""

    number: int
    text: str  # bytes that are no UTF-8 are kept as lone surrogates
    values: list[str] = field(default_factory=list)
    fault: str = ""


def header_of(path: Path) -> tuple[list[str], str]:
    """The column names, as they are compared, and the delimiter. Raises FileRefused."""
    first = next(_lines(path), (0, ""))[1]
    if not first.strip():
        raise FileRefused(f"“{path}” is empty.")
    delimiter = max(DELIMITERS, key=first.count)
    names = [_plain(name) for name in next(csv.reader([first], delimiter=delimiter))]
    twice = sorted({name for name in names if names.count(name) > 1 and name})
    if twice:
        raise FileRefused(f"“{path}” has the column {twice[0]} more than once.")
    return names, delimiter


def records(path: Path, width: int, delimiter: str) -> Iterator[Raw]:
    """Each record after the header, good or broken, in the order of the file."""
    lines = _lines(path)
    next(lines)
    waiting: deque[tuple[int, str]] = deque()
    while True:
        first = waiting.popleft() if waiting else next(lines, None)
        if first is None:
            return
        if not first[1].strip():
            continue
        more = _to_closing_quote(first, waiting, lines) if first[1].count('"') % 2 else []
        record = _record(first, more or [], width, delimiter)
        if more is None or (more and record.fault):
            # The quote that swallowed the following lines is at fault, not they.
            record = Raw(*first, fault="A quote is not closed.")
            waiting.extendleft(reversed(more or []))
        yield record


def _to_closing_quote(
    first: tuple[int, str], waiting: deque[tuple[int, str]], lines: Iterator[tuple[int, str]]
) -> list[tuple[int, str]] | None:
    """The lines up to the one that closes the quote; None, and all of them waiting, if none does."""
    taken: list[tuple[int, str]] = []
    while len(taken) < MOST_LINES:
        line = waiting.popleft() if waiting else next(lines, None)
        if line is None:
            break
        taken.append(line)
        if line[1].count('"') % 2:
            return taken
    waiting.extendleft(reversed(taken))
    return None


def _record(first: tuple[int, str], more: list[tuple[int, str]], width: int, delimiter: str) -> Raw:
    text = "\n".join([first[1], *(line for _, line in more)])
    fault = _text_fault(text)
    if fault:
        return Raw(first[0], text, fault=fault)
    try:
        values = parsed(text, delimiter)
    except csv.Error:
        return Raw(first[0], text, fault="The quotes do not match.")
    if len(values) != width:
        return Raw(first[0], text, fault=f"The line has {len(values)} columns, not {width}.")
    return Raw(first[0], text, values)


def parsed(text: str, delimiter: str) -> list[str]:
    """One record's values. Raises csv.Error."""
    return next(csv.reader([text], delimiter=delimiter, strict=True))


def _text_fault(text: str) -> str:
    if len(text) > LONGEST_LINE:
        return f"The line is longer than {LONGEST_LINE} characters."
    if "\x00" in text:
        return "The line has a NUL byte."
    if not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text):
        return "The line is not UTF-8."
    return ""


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Each line with its number, without its end; an endless line is cut, so that memory stays bounded."""
    try:
        with _opened(path) as file:
            number = 0
            while raw := file.readline(LONGEST_LINE * 4 + 1):
                number += 1
                if number == 1:
                    raw = raw.removeprefix(b"\xef\xbb\xbf")
                if not raw.endswith(b"\n"):
                    _skip_line(file)
                yield number, raw.rstrip(b"\r\n").decode(errors="surrogateescape")
    except (OSError, EOFError, zlib.error) as error:
        raise FileRefused(f"“{path}” cannot be read: {_words(error)}.") from error


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(LONGEST_LINE * 4 + 1)) and not rest.endswith(b"\n"):
        pass


def _words(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, gzip.BadGzipFile | EOFError | zlib.error):
        return "its compression is damaged"
    return str(getattr(error, "strerror", None) or error).lower()


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_")
