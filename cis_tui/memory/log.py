"""A weekly log: one file a week and domain, to which versions are added and from which none is taken."""

from __future__ import annotations

import json
from collections.abc import Iterable

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Invalid
from cis_tui.memory.database import Database, Row
from cis_tui.memory.records import Domain, IndexType, MemoryItem
from cis_tui.memory.versions import moment

_SCHEMA_VERSION = 1
_SCHEMA = (
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
        last_accessed_at REAL
    ) STRICT""",
    "CREATE INDEX log_entries_key ON log_entries(key)",
    f"PRAGMA user_version={_SCHEMA_VERSION}",
)
_COLUMNS = "key, value, category, index_type, version, origin, hlc, pinned, tombstone, access_count, last_accessed_at"


def prepare_log(log: Database) -> None:
    """Make the tables of a new log."""
    for statement in _SCHEMA:
        log.run(statement)


def check_log(log: Database) -> None:
    """See that the log opens and that this program knows its tables.

    Raises:
        Invalid: it is damaged (CIS-MEM-032), or of another version of the program (CIS-MEM-034).
    """
    version = log.value("PRAGMA user_version")
    if version != _SCHEMA_VERSION:
        raise Invalid(
            "CIS-MEM-034",
            f"{log.path} has the form {version}, this version of cis knows {_SCHEMA_VERSION}",
            hint="use the version of cis that wrote it",
        )


def last_row(log: Database) -> int:
    """The number of the newest row, 0 when there is none."""
    return int(log.value("SELECT max(id) FROM main.log_entries") or 0)


def read_rows(log: Database, domain: Domain, week: str, rows: Iterable[int]) -> list[MemoryItem]:
    """The items of some rows, in no particular order; rows that are not there are left out."""
    sql = f"SELECT {_COLUMNS} FROM main.log_entries WHERE id IN (SELECT value FROM json_each(?))"
    return [_item(row, domain, week) for row in log.all(sql, (json.dumps(list(rows)),))]


def read_row(log: Database, domain: Domain, week: str, row: int) -> MemoryItem | None:
    """The item of one row."""
    found = log.one(f"SELECT {_COLUMNS} FROM main.log_entries WHERE id = ?", (row,))
    return None if found is None else _item(found, domain, week)


def read_versions(log: Database, domain: Domain, week: str, key: str) -> list[tuple[int, MemoryItem]]:
    """Every version of `key` in this log, each after its hybrid time."""
    sql = f"SELECT {_COLUMNS} FROM main.log_entries WHERE key = ?"
    return [(int(row[6]), _item(row, domain, week)) for row in log.all(sql, (key,))]


def count_accesses(log: Database, hits: Iterable[tuple[int, int, Instant]]) -> None:
    """Add to rows what they were read: row, times, and the last moment. Waits for nobody.

    Raises:
        Unavailable: another process is writing (CIS-MEM-030).
    """
    log.begin(seconds=0.02)
    try:
        log.many(
            "UPDATE main.log_entries SET access_count = access_count + ?,"
            " last_accessed_at = max(coalesce(last_accessed_at, 0), ?) WHERE id = ?",
            ((times, at, row) for row, times, at in hits),
        )
        log.commit()
    finally:
        log.rollback()


def _item(row: Row, domain: Domain, week: str) -> MemoryItem:
    key, value, category, index_type, version, origin, hlc, pinned, tombstone, access_count, last_accessed_at = row
    return MemoryItem(
        key=key,
        value="" if tombstone else value,
        domain=domain,
        category=category,
        index_type=IndexType(index_type),
        version=json.loads(version),
        origin=origin,
        created_at=moment(hlc),
        week=week,
        access_count=access_count,
        last_accessed_at=None if last_accessed_at is None else Instant(last_accessed_at),
        pinned=bool(pinned),
        deleted=bool(tombstone),
    )
