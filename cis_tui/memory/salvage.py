"""Takes out of a damaged log what can be read, and puts it into another."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

from cis_tui.core.errors import Refused
from cis_tui.memory.database import Database
from cis_tui.memory.log import complete_rows, prepare_log
from cis_tui.memory.pagefile import PageFile
from cis_tui.memory.pages import Value
from cis_tui.memory.records import IndexType
from cis_tui.memory.versions import moment

_ENTRIES = "log_entries"
_BATCH = 500
_KINDS: Mapping[str, tuple[type, ...]] = {"INTEGER": (int,), "REAL": (int, float), "TEXT": (str,), "BLOB": (bytes,)}


@dataclass(frozen=True, slots=True)
class KnownHead:
    """A current version that a log holds, as the catalogue knows it."""

    key: str
    number: int
    hlc: int
    origin: str
    version: str
    category: str
    index_type: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    kind: str
    needed: bool
    """It holds something in every row."""
    original: bool
    """Every row has it; those of an earlier form of the log may end before other ones."""
    numbers: bool
    """It is the number of the row, which the record leaves out."""


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    columns: tuple[_Column, ...]

    def row(self, number: int, values: Sequence[Value]) -> tuple[Value, ...] | None:
        """The record as a row of this table; None if it cannot be one."""
        least = max(place for place, column in enumerate(self.columns, 1) if column.original)
        if not least <= len(values) <= len(self.columns) or not all(map(_fits, self.columns, values)):
            return None
        return tuple(number if column.numbers else value for column, value in zip(self.columns, values, strict=False))

    def insertion(self, length: int) -> str:
        """The statement that adds the first `length` columns of a row, unless it is there."""
        names = [column.name for column in self.columns[:length]]
        marks = [f"?{index}" for index in range(1, length + 1)]
        if self.name != _ENTRIES:
            return f"INSERT OR IGNORE INTO {self.name} ({', '.join(names)}) VALUES ({', '.join(marks)})"
        # Another process may have begun the log anew: then a row keeps its number only if that is free.
        marks[0] = f"CASE WHEN EXISTS (SELECT 1 FROM {_ENTRIES} WHERE id = ?1) THEN NULL ELSE ?1 END"
        same = " AND ".join(f"{name} = ?{names.index(name) + 1}" for name in ("key", "hlc", "origin", "version"))
        there = f"SELECT 1 FROM {_ENTRIES} WHERE {same}"
        return f"INSERT INTO {_ENTRIES} ({', '.join(names)}) SELECT {', '.join(marks)} WHERE NOT EXISTS ({there})"


def refill(log: Database, pages: PageFile, heads: Sequence[KnownHead]) -> None:
    """Add to `log`, which was prepared, what `pages` holds and it does not; and the deletions that only `heads` knows,
    so that no deleted entry comes back."""
    log.begin()
    try:
        found = _found(pages)
        while batch := list(islice(found, _BATCH)):
            for statement in dict.fromkeys(statement for statement, _ in batch):
                log.many(statement, (row for other, row in batch if other == statement))
        log.many(_DELETION, (_deletion(head) for head in heads if head.deleted))
        complete_rows(log)
        log.commit()
    finally:
        log.rollback()


def missing_heads(log: Database, heads: Sequence[KnownHead]) -> list[str]:
    """The keys whose current version `heads` says is in `log`, and is not."""
    sql = f"SELECT 1 FROM {_ENTRIES} WHERE key = ? AND hlc = ? AND origin = ?"
    return [head.key for head in heads if log.one(sql, (head.key, head.hlc, head.origin)) is None]


def missing_rows(log: Database, last: int) -> list[tuple[int, int]]:
    """First and last of each range of row numbers, up to `last`, that `log` does not hold."""
    sql = (
        f"SELECT before + 1, id - 1 FROM (SELECT id, lag(id, 1, 0) OVER (ORDER BY id) AS before FROM {_ENTRIES})"
        " WHERE id > before + 1"
    )
    ranges = [(int(begin), int(end)) for begin, end in log.all(sql)]
    end = int(log.value(f"SELECT max(id) FROM {_ENTRIES}") or 0)
    return [*ranges, (end + 1, last)] if last > end else ranges


@contextmanager
def opened(path: Path, key: str | None) -> Generator[PageFile]:
    """The pages of the log at `path`, and of its write-ahead log.

    Raises:
        Refused: they cannot be opened (CIS-MEM-033).
    """
    wal = Path(f"{path}-wal")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "rb", buffering=0))
            log = stack.enter_context(open(wal, "rb", buffering=0)) if wal.exists() else None
        except OSError as error:
            raise Refused("CIS-MEM-033", f"cannot open {path}: {error.strerror}") from error
        yield PageFile(file.fileno(), log.fileno() if log else None, key)


def holds_rows(pages: PageFile) -> bool:
    """Whether any row of a log can be read."""
    return next(_found(pages), None) is not None


def _found(pages: PageFile) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """Every row of a log's tables: the statement that adds it, and its values."""
    tables = _tables()
    for number, values in pages.rows():
        for table in tables:
            row = table.row(number, values)
            if row is not None and (table.name != _ENTRIES or _is_version(table, row)):
                yield table.insertion(len(row)), row
                break


def _is_version(table: _Table, row: Sequence[Value]) -> bool:
    """Whether a row that has the shape of a version says what a version says."""
    values = dict(zip((column.name for column in table.columns), row, strict=False))
    with suppress(ValueError):
        vector: object = json.loads(str(values["version"]))
        IndexType(str(values["index_type"]))
        if not isinstance(vector, dict) or not values["key"]:
            return False
        counts = cast("dict[str, object]", vector).values()
        at = float(cast("float", values["created_at"]))
        return all(isinstance(count, int) for count in counts) and abs(at - moment(int(str(values["hlc"])))) < 1
    return False


def _fits(column: _Column, value: Value) -> bool:
    if value is None or column.numbers:
        return value is None and not column.needed
    return isinstance(value, _KINDS.get(column.kind, (int, float, str, bytes)))


def _tables() -> list[_Table]:
    """The tables of a log, as this version of the program makes them."""
    model = Database.nothing()
    try:
        prepare_log(model)
        names = [str(row[0]) for row in model.all("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return [_Table(name, tuple(_columns(model, name))) for name in names if not name.startswith("sqlite_")]
    finally:
        model.close()


def _columns(model: Database, table: str) -> Iterator[_Column]:
    for _, name, kind, needed, default, numbers in model.all(f"PRAGMA table_info({table})"):
        yield _Column(name, kind, bool(needed), bool(needed) and default is None, bool(numbers))


_DELETION = (
    f"INSERT INTO {_ENTRIES} (key, category, index_type, version, origin, hlc, created_at, pinned, tombstone, number)"
    " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 1, ?8"
    f" WHERE NOT EXISTS (SELECT 1 FROM {_ENTRIES} WHERE key = ?1 AND hlc = ?6 AND origin = ?5)"
)


def _deletion(head: KnownHead) -> tuple[object, ...]:
    at = moment(head.hlc)
    return head.key, head.category, head.index_type, head.version, head.origin, head.hlc, at, head.number
