"""A temporary database file in which the lines of all files wait to be joined, so that memory stays flat."""

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orders.importers import reading
from orders.importers.stories import Record

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16000;
PRAGMA temp_store = FILE;
CREATE TABLE line (
    id INTEGER PRIMARY KEY, kind TEXT, key TEXT, moment TEXT, file INTEGER, number INTEGER, text TEXT
);
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was recognised: which kind of lines it has, and how they are written."""

    path: Path
    kind: str
    columns: tuple[str, ...]
    delimiter: str


class Staging:
    """Lines by (kind, key), each key's lines in the order of the files."""

    def __init__(self, connection: sqlite3.Connection, sources: Sequence[Source]) -> None:
        self._connection = connection
        self._sources = sources
        connection.executescript(_TABLES)
        connection.execute("BEGIN")

    def put(self, rows: Iterable[tuple[str, str, str | None, int, int, str]]) -> None:
        """Rows of kind, key, moment (sorts as text), number of the source, number of the line, text."""
        self._connection.executemany(
            "INSERT INTO line (kind, key, moment, file, number, text) VALUES (?, ?, ?, ?, ?, ?)", rows
        )

    def close_for_reading(self, kind: str) -> int:
        """Makes it fast to read; returns how many keys the kind has."""
        self._connection.execute("COMMIT")
        self._connection.execute("CREATE INDEX line_key ON line (kind, key)")
        self._connection.execute(
            "CREATE TABLE turn AS SELECT key FROM line WHERE kind = ?"
            " GROUP BY key ORDER BY min(moment), min(id)",
            [kind],
        )
        return int(self._connection.execute("SELECT count(*) FROM turn").fetchone()[0])

    def turns(self, size: int) -> Iterator[list[str]]:
        """The keys, earliest first, `size` at a time."""
        with closing(self._connection.execute("SELECT key FROM turn ORDER BY rowid")) as cursor:
            while keys := [row[0] for row in cursor.fetchmany(size)]:
                yield keys

    def lines(self, kind: str, keys: Iterable[str]) -> dict[str, list[Record]]:
        """The lines of these keys; keys that have none are left out."""
        found: dict[str, list[Record]] = {}
        rows = self._connection.execute(
            "SELECT id, key, file, text FROM line"
            " WHERE kind = ? AND key IN (SELECT value FROM json_each(?)) ORDER BY id",
            [kind, json.dumps(sorted(set(keys)))],
        )
        for row_id, key, file, text in rows:
            source = self._sources[file]
            values = dict(zip(source.columns, reading.parsed(text, source.delimiter), strict=True))
            found.setdefault(key, []).append(Record(row_id, kind, values))
        return found

    def orphans(self, kind: str, parent: str) -> Iterator[int]:
        """The lines of a kind whose key no line of the other kind has."""
        rows = self._connection.execute(
            "SELECT id FROM line WHERE kind = ? AND NOT EXISTS"
            " (SELECT 1 FROM line AS other WHERE other.kind = ? AND other.key = line.key)",
            [kind, parent],
        )
        return (row[0] for row in rows)

    def place(self, record_id: int) -> tuple[int, int, str]:
        """Where a line stands: number of the source, number of the line, its text."""
        row: tuple[int, int, str] = self._connection.execute(
            "SELECT file, number, text FROM line WHERE id = ?", [record_id]
        ).fetchone()
        return row


@contextmanager
def opened(sources: Sequence[Source]) -> Iterator[Staging]:
    """A staging file for the time of one import; whatever happens, nothing of it stays."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postrider-import-")))
        connection = sqlite3.connect(folder / "lines.sqlite3", isolation_level=None)
        yield Staging(stack.enter_context(closing(connection)), sources)
