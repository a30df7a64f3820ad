"""A weekly log: one file a week and domain, to which versions are added and from which none is taken."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import NamedTuple

from cis_tui.core.clock import Instant, iso_week
from cis_tui.core.errors import Invalid
from cis_tui.memory.database import DAMAGED_HINT, Database, Reading, Row
from cis_tui.memory.records import Domain, IndexType, MemoryItem, MemoryRecord
from cis_tui.memory.versions import Rank, Vector, moment, read_vector

_SCHEMA_VERSION = 3
_TYPES = {kind.value: kind for kind in IndexType}
SCHEMA = (
    """CREATE TABLE log_entries (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        value ANY,
        category TEXT NOT NULL,
        index_type TEXT NOT NULL,
        version TEXT NOT NULL,
        origin TEXT NOT NULL,
        hlc INTEGER NOT NULL,
        created_at REAL NOT NULL,
        pinned INTEGER NOT NULL,
        tombstone INTEGER NOT NULL,
        access_count INTEGER NOT NULL DEFAULT 0,
        last_accessed_at REAL,
        number INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '',
        classed INTEGER NOT NULL DEFAULT 0,
        undoes INTEGER NOT NULL DEFAULT 0,
        uses INTEGER NOT NULL DEFAULT 0,
        epoch TEXT NOT NULL DEFAULT '',
        seq INTEGER NOT NULL DEFAULT 0,
        signature BLOB
    ) STRICT""",
    "CREATE INDEX log_entries_key ON log_entries(key)",
    # The truth about vectors: `row` is an id of log_entries, `vector` float16, of the space that `model` names.
    "CREATE TABLE vectors (row INTEGER PRIMARY KEY, model TEXT NOT NULL, vector BLOB NOT NULL) STRICT",
    f"PRAGMA user_version={_SCHEMA_VERSION}",
)
_RUNS = "CREATE TABLE IF NOT EXISTS main.run_writes (row INTEGER PRIMARY KEY, run TEXT NOT NULL) STRICT"
"""Which run wrote a row of log_entries; made when the first one does."""
_CHANGES = 100
"""Rows that are looked at together for the last change."""
_COMPLETE = "UPDATE log_entries SET uses = access_count, number = (SELECT sum(value) FROM json_each(version))"
_DOTS = (
    "ALTER TABLE log_entries ADD COLUMN epoch TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE log_entries ADD COLUMN seq INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE log_entries ADD COLUMN signature BLOB",
)
_FROM_1 = (
    "ALTER TABLE log_entries ADD COLUMN number INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE log_entries ADD COLUMN reason TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE log_entries ADD COLUMN classed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE log_entries ADD COLUMN undoes INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE log_entries ADD COLUMN uses INTEGER NOT NULL DEFAULT 0",
    *_DOTS,
    _COMPLETE,
    *SCHEMA[2:],
)
_FORMER = {1: _FROM_1, 2: (*_DOTS, SCHEMA[-1])}
"""What makes a log of an earlier form one of the present one."""
_READABLE = 2
"""The earliest form that there are archives of."""
_COLUMNS = (
    "key, value, category, index_type, version, origin, hlc, pinned, tombstone, access_count, last_accessed_at,"
    " uses, reason, classed, undoes"
)
_CUT = "CASE index_type WHEN 'Sensitive' THEN '' ELSE substr(value, 1, ?2) END"
ENTRY = (
    "key, value, category, index_type, version, origin, hlc, created_at, pinned, tombstone, access_count,"
    " last_accessed_at, number, reason, classed, undoes, uses, epoch, seq, signature"
)
"""All that a log keeps of a version, without the number of its row."""
_INDEXED = "id, key, version, number, hlc, origin, tombstone, category, index_type, classed, pinned, epoch, seq"
"""What the catalogue takes in."""
_RECORD = (
    "tombstone, key, value, category, index_type, version, origin, hlc, pinned, classed, undoes, epoch, seq, signature"
)
_CHUNK = 200


def prepare_log(log: Database) -> None:
    """Make the tables of a new log, which gets an epoch of its own."""
    for statement in SCHEMA:
        log.run(statement)
    _begin_epoch(log)


def epoch_of(log: Reading) -> str:
    """What tells the sequence numbers that are given in this log from those of any other, also of one that had its name
    before: 8 hexadecimal digits."""
    return f"{int(log.value('PRAGMA main.application_id')):08x}"


def _begin_epoch(log: Database) -> None:
    log.run(f"PRAGMA application_id={1 + secrets.randbelow(2**31 - 1)}")


def check_log(log: Reading) -> None:
    """See that the log opens and that this program knows its tables; tables of an older form are brought up to date.

    Raises:
        Invalid: it is damaged (CIS-MEM-032), or of another version of the program (CIS-MEM-034).
    """
    version = log.value("PRAGMA user_version")
    if version in _FORMER and isinstance(log, Database):
        version = _migrate(log)
    if not 0 < version < 1000:
        raise Invalid("CIS-MEM-032", f"{log.path} is damaged (it has no tables)", hint=DAMAGED_HINT)
    if not (version == _SCHEMA_VERSION or (_READABLE <= version < _SCHEMA_VERSION and not isinstance(log, Database))):
        raise Invalid(
            "CIS-MEM-034",
            f"{log.path} has the form {version}, this version of cis knows {_SCHEMA_VERSION}",
            hint="use the version of cis that wrote it",
        )


def _migrate(log: Database) -> int:
    """Bring a log of an earlier form up to date, unless another process was faster; gives its form now."""
    log.begin()
    try:
        former = _FORMER.get(int(log.value("PRAGMA user_version")))
        for statement in former or ():
            log.run(statement)
        if former:
            _begin_epoch(log)
        log.commit()
    finally:
        log.rollback()
    return int(log.value("PRAGMA user_version"))


def complete_rows(log: Database) -> None:
    """Give what rows of the first form lack, where they were put into a newer log."""
    log.run(f"{_COMPLETE} WHERE number = 0")


def last_row(log: Reading) -> int:
    """The number of the newest row, 0 when there is none."""
    return int(log.value("SELECT max(id) FROM main.log_entries") or 0)


def fitted(log: Reading, columns: str) -> str:
    """`columns` as this log can give them: an archive of an earlier form knows no dots."""
    if int(log.value("PRAGMA user_version")) >= _SCHEMA_VERSION:
        return columns
    return columns.replace(", epoch, seq", ", '', 0").replace(", signature", ", NULL")


def entries(log: Reading, columns: str = f"id, {ENTRY}", *, schema: str = "main") -> Iterator[Row]:
    """Every row of the log, in the order of their numbers, a few at a time; `id` is the first of `columns`."""
    sql = f"SELECT {columns} FROM {schema}.log_entries WHERE id > ? ORDER BY id LIMIT {_CHUNK}"
    chunk = log.all(sql, (0,))
    while chunk:
        yield from chunk
        chunk = log.all(sql, (chunk[-1][0],))


def index_rows(log: Reading, copy: Database) -> None:
    """Put into `copy`, which is empty, what the catalogue wants to know of the log."""
    copy.run(f"CREATE TABLE main.log_entries ({_INDEXED})")
    values = ", ".join("?" * len(_INDEXED.split(",")))
    rows = entries(log, fitted(log, _INDEXED))
    copy.many(f"INSERT INTO main.log_entries ({_INDEXED}) VALUES ({values})", rows)


def read_rows(log: Reading, domain: Domain, rows: Iterable[int], *, cut: int = 0) -> list[MemoryItem]:
    """The items of some rows, in no particular order; rows that are not there are left out.

    `cut`: of a value, no more than so many characters, and nothing of a Sensitive one; 0 for all of it.
    """
    columns = _COLUMNS.replace("value", _CUT, 1) if cut else _COLUMNS
    sql = f"SELECT {columns} FROM main.log_entries WHERE id IN (SELECT value FROM json_each(?1))"
    args = (json.dumps(list(rows)), cut) if cut else (json.dumps(list(rows)),)
    return [_item(row, domain) for row in log.all(sql, args)]


def read_row(log: Reading, domain: Domain, row: int) -> MemoryItem | None:
    """The item of one row."""
    found = log.one(f"SELECT {_COLUMNS} FROM main.log_entries WHERE id = ?", (row,))
    return None if found is None else _item(found, domain)


def read_versions(log: Reading, domain: Domain, key: str) -> list[tuple[Rank, MemoryItem]]:
    """Every version of `key` in this log, each after its rank."""
    sql = f"SELECT {_COLUMNS}, number FROM main.log_entries WHERE key = ?"
    return [((row[-1], row[6], row[5]), _item(row[:-1], domain)) for row in log.all(sql, (key,))]


def read_records(log: Reading, rows: Iterable[int]) -> dict[int, MemoryRecord]:
    """Some rows, each as other nodes are given it."""
    sql = f"SELECT id, {_RECORD} FROM main.log_entries WHERE id IN (SELECT value FROM json_each(?))"
    return {row[0]: _record(row) for row in log.all(sql, (json.dumps(list(rows)),))}


def count_kinds(log: Reading, rows: str) -> dict[str, int]:
    """How many of `rows`, a JSON array, are of which kind."""
    sql = "SELECT index_type, count(*) FROM main.log_entries WHERE id IN (SELECT value FROM json_each(?)) GROUP BY 1"
    return {str(kind): int(count) for kind, count in log.all(sql, (rows,))}


def note_runs(log: Database, runs: Mapping[int, str]) -> None:
    """Note, within a transaction, which run wrote which row."""
    if runs:
        log.run(_RUNS)
        log.many("INSERT INTO main.run_writes (row, run) VALUES (?, ?)", runs.items())


def read_written(log: Reading, *runs: str) -> list[tuple[str, Vector, str]]:
    """Key and vector of the versions in this log that `runs` wrote, each with the run."""
    if not log.value("SELECT 1 FROM sqlite_schema WHERE name = 'run_writes'"):
        return []
    sql = (
        "SELECT key, version, run FROM run_writes JOIN log_entries ON id = row"
        " WHERE run IN (SELECT value FROM json_each(?)) ORDER BY row"
    )
    return [(key, read_vector(version), run) for key, version, run in log.all(sql, (json.dumps(runs),))]


class Change(NamedTuple):
    """One version, as far as undo needs to know it."""

    hlc: int
    number: int
    """The sum of its vector."""
    key: str
    undoes: int
    """The hybrid time of the version that it took back; 0 for none."""


def read_changes(log: Database, origin: str) -> Iterator[Change]:
    """The versions in this log that a node wrote, newest first, read as far as they are asked for."""
    sql = (
        "SELECT hlc, number, key, undoes FROM main.log_entries WHERE origin = ?"
        " ORDER BY hlc DESC, id DESC LIMIT ? OFFSET ?"
    )
    for offset in count(0, _CHANGES):
        rows = log.all(sql, (origin, _CHANGES, offset))
        yield from (Change(*row) for row in rows)
        if len(rows) < _CHANGES:
            return


def count_accesses(log: Database, hits: Iterable[tuple[int, int, Instant]]) -> None:
    """Add to rows how often they were used: row, times, and the last moment. Waits for nobody.

    Raises:
        Unavailable: another process is writing (CIS-MEM-030).
    """
    log.begin(seconds=0.02)
    try:
        log.many(
            "UPDATE main.log_entries SET access_count = access_count + ?1, uses = uses + ?1,"
            " last_accessed_at = max(coalesce(last_accessed_at, 0), ?2) WHERE id = ?3",
            ((times, at, row) for row, times, at in hits),
        )
        log.commit()
    finally:
        log.rollback()


def count_shown(log: Database, rows: Iterable[int], at: Instant) -> None:
    """Note that rows were fetched to be shown, which is no use of them. Waits for nobody.

    Raises:
        Unavailable: another process is writing (CIS-MEM-030).
    """
    log.begin(seconds=0.02)
    try:
        log.many(
            "UPDATE main.log_entries SET access_count = access_count + 1,"
            " last_accessed_at = max(coalesce(last_accessed_at, 0), ?) WHERE id = ?",
            ((at, row) for row in rows),
        )
        log.commit()
    finally:
        log.rollback()


def read_uses(log: Database, rows: Iterable[int]) -> dict[int, tuple[int, Instant]]:
    """How often rows were used, and when they were written."""
    sql = "SELECT id, uses, created_at FROM main.log_entries WHERE id IN (SELECT value FROM json_each(?))"
    return {row: (uses, Instant(at)) for row, uses, at in log.all(sql, (json.dumps(list(rows)),))}


def _record(row: Row) -> MemoryRecord:
    _, tombstone, key, value, category, index_type, version, origin, hlc, pinned, classed, undoes, *dot = row
    epoch, seq, signature = dot
    return MemoryRecord(
        key=key,
        value=None if tombstone else value,
        category=category,
        index_type=_TYPES[index_type],
        vector=read_vector(version),
        origin=origin,
        hlc=hlc,
        pinned=bool(pinned),
        classed=bool(classed),
        undoes=undoes,
        epoch=epoch,
        seq=seq,
        signature=signature,
    )


def _item(row: Row, domain: Domain) -> MemoryItem:
    key, value, category, index_type, version, origin, hlc, pinned, tombstone, fetched, at, *rest = row
    uses, reason, classed, undoes = rest
    created_at = moment(hlc)
    return MemoryItem(
        key=key,
        value="" if tombstone else value,
        domain=domain,
        category=category,
        index_type=_TYPES[index_type],
        version=read_vector(version),
        origin=origin,
        created_at=created_at,
        week=iso_week(created_at),
        access_count=fetched,
        last_accessed_at=None if at is None else Instant(at),
        pinned=bool(pinned),
        deleted=bool(tombstone),
        uses=uses,
        reason=reason,
        classed=bool(classed),
        undoes=undoes,
    )
