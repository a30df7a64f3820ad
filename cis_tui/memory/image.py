"""The image of a weekly log, as it goes into an archive: made in memory, for it is in clear."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

import apsw

from cis_tui.core.errors import Invalid
from cis_tui.memory.database import Reading, Row
from cis_tui.memory.log import ENTRY, SCHEMA, entries


def image_of(rows: Iterable[Row]) -> bytes:
    """A SQLite database with `rows`, each a number and `log.ENTRY`, in their order and without gaps; no vectors."""
    table, *rest = SCHEMA
    connection: Any = apsw.Connection(":memory:")  # what it takes and gives is not fully typed
    try:
        # What SQLite sorts for an index must not reach the disk either.
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("BEGIN")
        connection.execute(table)
        places = ", ".join("?" * (1 + len(ENTRY.split(","))))
        connection.executemany(f"INSERT INTO log_entries (id, {ENTRY}) VALUES ({places})", rows)
        for statement in rest:
            connection.execute(statement)
        connection.execute("COMMIT")
        return connection.serialize("main")
    finally:
        connection.close()


def verify(archive: Reading, rows: Iterable[Row]) -> int:
    """See that `archive` holds exactly `rows`, and that each can be found by its key.

    Returns:
        How many there are.

    Raises:
        Invalid: it does not (CIS-MEM-065), or is damaged (CIS-MEM-060).
    """
    count = 0
    for found, expected in zip_longest(entries(archive), rows):
        if found != expected:
            raise _differs(archive)
        count += 1
    by_key = archive.value("SELECT count(*) FROM log_entries INDEXED BY log_entries_key WHERE key IS NOT NULL")
    if by_key != count or archive.value("PRAGMA integrity_check(1)") != "ok":
        raise _differs(archive)
    return count


def _differs(archive: Reading) -> Invalid:
    return Invalid("CIS-MEM-065", f"{archive.path} does not hold what was written into it", hint="check the disk")
