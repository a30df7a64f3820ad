"""The catalogue of a domain: for each key, which log holds its current version, and which logs hold any.

Derived from the logs and rebuilt from them at any time. It is kept by one step, `catch_up`, that takes in the rows
of a log which it has not seen: after each write, after a crash and when it is made anew.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from cis_tui.core.errors import Invalid
from cis_tui.memory.database import Database, Row
from cis_tui.memory.dots import DOTS, take_in_dots
from cis_tui.memory.forks import BRANCHES, branch_vectors, take_in_branches
from cis_tui.memory.records import IndexType
from cis_tui.memory.versions import Vector, read_vector

_SCHEMA_VERSION = 5
_LOST_SINCE = 4
"""The form since which `lost`, and what it is made of, are as they are now."""
_SCHEMA = (
    """CREATE TABLE heads (
        key TEXT PRIMARY KEY,
        week TEXT NOT NULL,
        row INTEGER NOT NULL,
        number INTEGER NOT NULL,
        hlc INTEGER NOT NULL,
        origin TEXT NOT NULL,
        version TEXT NOT NULL,
        deleted INTEGER NOT NULL,
        category TEXT NOT NULL,
        index_type TEXT NOT NULL,
        classed INTEGER NOT NULL,
        pinned INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX live ON heads(key) WHERE deleted = 0",
    BRANCHES,
    "CREATE TABLE places (key TEXT, week TEXT, PRIMARY KEY (key, week)) STRICT, WITHOUT ROWID",
    """CREATE TABLE weeks (
        week TEXT PRIMARY KEY,
        last INTEGER NOT NULL,
        leaving INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID""",
    # What no log can tell: versions whose log is gone. `hlc` is 0 of those that were not current.
    """CREATE TABLE lost (
        key TEXT,
        week TEXT,
        hlc INTEGER,
        origin TEXT,
        version TEXT NOT NULL,
        current INTEGER NOT NULL,
        told INTEGER NOT NULL,
        PRIMARY KEY (key, week, hlc, origin)
    ) STRICT, WITHOUT ROWID""",
    *DOTS,
    f"PRAGMA user_version={_SCHEMA_VERSION}",
)


_LOSSES = (
    "SELECT key, week, hlc, origin, version, current, told FROM lost UNION SELECT p.key, p.week,"
    " coalesce(h.hlc, 0), coalesce(h.origin, ''), coalesce(h.version, '{}'), coalesce(h.deleted = 0, 0), 0"
    " FROM places AS p JOIN weeks AS w ON w.week = p.week"
    " LEFT JOIN heads AS h ON h.key = p.key AND h.week = p.week"
    " WHERE w.leaving = 0 AND p.week NOT IN (SELECT value FROM json_each(?)) ORDER BY 2, 1"
)


class Loss(NamedTuple):
    """A version, or the older ones of a key, whose log is gone."""

    key: str
    week: str
    hlc: int
    """0: of older versions."""
    origin: str
    version: str
    """Its vector, as the files keep it."""
    current: bool
    """It was what the key held."""
    told: bool
    """A person knows. It is kept, so that no other version is given its vector: a backup may yet bring it back."""


class Head(NamedTuple):
    """The current version of a key."""

    week: str
    """Of the log that it lies in, which may be later than its own."""
    row: int
    hlc: int
    vector: Mapping[str, int]
    deleted: bool
    category: str
    index_type: IndexType
    classed: bool
    """A person said that it is of that kind."""
    pinned: bool
    branches: Sequence[Vector] = ()
    """The vectors of all newest versions, when there are several."""

    @property
    def newest(self) -> Sequence[Vector]:
        """The vectors of all newest versions, also of a single one."""
        return self.branches or (self.vector,)


def prepare(database: Database, losses: Iterable[Loss] = ()) -> None:
    """Make the tables of a new catalogue, which goes on to tell of `losses`."""
    for statement in _SCHEMA:
        database.run(statement)
    database.many(
        "INSERT OR IGNORE INTO lost (key, week, hlc, origin, version, current, told) VALUES (?, ?, ?, ?, ?, ?, ?)",
        losses,
    )


def losses(database: Database, weeks: Iterable[str]) -> list[Loss]:
    """What the catalogue `database` knows of and no log holds, when there are those of `weeks`; by week and key.

    Raises:
        Invalid: it is damaged (CIS-MEM-032).
    """
    if not _LOST_SINCE <= database.value("PRAGMA user_version") <= _SCHEMA_VERSION:
        return []
    rows = database.all(_LOSSES, (json.dumps(list(weeks)),))
    return [Loss(*row[:5], current=bool(row[5]), told=bool(row[6])) for row in rows]


def forget_losses(database: Database, schema: str) -> None:
    """Note that a person was told of what no log holds."""
    database.run(f"UPDATE {schema}.lost SET told = 1")


def lost_vectors(database: Database, schema: str, keys: Iterable[str]) -> dict[str, list[Vector]]:
    """The vectors of what was current of `keys` and is in no log any more."""
    found: dict[str, list[Vector]] = {}
    sql = f"SELECT key, version FROM {schema}.lost WHERE key IN (SELECT value FROM json_each(?))"
    for key, vector in database.all(sql, (json.dumps(list(keys)),)):
        found.setdefault(key, []).append(read_vector(vector))
    return found


def usable(database: Database, schema: str, weeks: Collection[str]) -> bool:
    """Whether the attached catalogue can be read, has the tables that are expected, and knows no log but of `weeks`."""
    try:
        version = database.value(f"PRAGMA {schema}.user_version")
        return version == _SCHEMA_VERSION and all(week in weeks for week in taken_in(database, schema))
    except Invalid:
        return False


def taken_in(database: Database, schema: str) -> dict[str, int]:
    """Each known week and the number of the last row of its log that the catalogue has seen."""
    return {str(week): int(last) for week, last in database.all(f"SELECT week, last FROM {schema}.weeks")}


def catch_up(log: Database, schema: str, week: str, last: int) -> None:
    """Take in the rows of the log of `week` up to `last` that are new, within a transaction of the log.

    Of two versions the one with the higher number is current, then the later one, then that of the greater node: the
    same on every node, whatever came first (contract, Memory, "Versions"). A version that was carried forward lies in
    several logs; the newest counts.
    """
    seen = int(log.value(f"SELECT last FROM {schema}.weeks WHERE week = ?", (week,)) or 0)
    if seen >= last:
        return
    take_in_branches(log, schema, week, seen)
    log.run(
        f"INSERT INTO {schema}.heads"
        " (key, week, row, number, hlc, origin, version, deleted, category, index_type, classed, pinned)"
        " SELECT key, ?, id, number, hlc, origin, version, tombstone, category, index_type, classed, pinned"
        " FROM main.log_entries WHERE id > ? ORDER BY id"
        " ON CONFLICT (key) DO UPDATE SET week = excluded.week, row = excluded.row, number = excluded.number,"
        " hlc = excluded.hlc, origin = excluded.origin, version = excluded.version, deleted = excluded.deleted,"
        " category = excluded.category, index_type = excluded.index_type, classed = excluded.classed,"
        " pinned = excluded.pinned"
        " WHERE (excluded.number, excluded.hlc, excluded.origin, excluded.week, excluded.row)"
        " > (number, hlc, origin, week, row)",
        (week, seen),
    )
    log.run(
        f"INSERT OR IGNORE INTO {schema}.places (key, week) SELECT key, ? FROM main.log_entries WHERE id > ?",
        (week, seen),
    )
    take_in_dots(log, schema, week, seen)
    log.run(f"INSERT OR REPLACE INTO {schema}.weeks (week, last) VALUES (?, ?)", (week, last))
    log.run(
        f"DELETE FROM {schema}.lost"
        " WHERE (key, hlc, origin) IN (SELECT key, hlc, origin FROM main.log_entries WHERE id > ?1)"
        " OR (hlc = 0 AND week = ?2 AND key IN (SELECT key FROM main.log_entries WHERE id > ?1))",
        (seen, week),
    )


def know(database: Database, schema: str, week: str) -> None:
    """Note that the log of `week` was taken in, also when it holds nothing."""
    database.run(f"INSERT OR IGNORE INTO {schema}.weeks (week, last) VALUES (?, 0)", (week,))


def forget_places(database: Database, schema: str, week: str, keys: Iterable[str]) -> None:
    """Note that the log of `week` holds no version of `keys` any more."""
    database.run(
        f"DELETE FROM {schema}.places WHERE week = ? AND key IN (SELECT value FROM json_each(?))",
        (week, json.dumps(list(keys))),
    )


def let_go(database: Database, schema: str, week: str) -> None:
    """Note, durably, that the archive of `week` is about to be deleted and that nobody shall miss it."""
    database.run(f"PRAGMA {schema}.synchronous=FULL")
    database.run(f"UPDATE {schema}.weeks SET leaving = 1 WHERE week = ?", (week,))


def forget_week(database: Database, schema: str, week: str) -> None:
    """Note that the log of `week` is gone, with all that it held."""
    for table in ("heads", "branches", "places", "weeks", "dots"):
        database.run(f"DELETE FROM {schema}.{table} WHERE week = ?", (week,))
    single = f"SELECT key FROM {schema}.branches GROUP BY key HAVING count(*) = 1"
    database.run(f"DELETE FROM {schema}.branches WHERE key IN ({single})")


def heads(database: Database, schema: str, keys: Iterable[str]) -> dict[str, Head]:
    """The current versions of those of `keys` that were ever written."""
    asked = json.dumps(list(keys))
    rows = database.all(
        "SELECT key, week, row, hlc, version, deleted, category, index_type, classed, pinned"
        f" FROM {schema}.heads WHERE key IN (SELECT value FROM json_each(?))",
        (asked,),
    )
    branches = branch_vectors(database, schema, asked)
    return {row[0]: _head(row, branches.get(row[0], ())) for row in rows}


def weeks_of(database: Database, schema: str, key: str) -> list[str]:
    """The weeks whose logs hold a version of `key`, oldest first."""
    return [str(week) for (week,) in database.all(f"SELECT week FROM {schema}.places WHERE key = ? ORDER BY 1", (key,))]


def all_heads(database: Database, schema: str) -> dict[str, tuple[str, int, bool]]:
    """Week, row and whether it is deleted, of every key."""
    rows = database.all(f"SELECT key, week, row, deleted FROM {schema}.heads")
    return {row[0]: (row[1], row[2], bool(row[3])) for row in rows}


def _head(row: Row, branches: Sequence[Vector]) -> Head:
    _, week, number, hlc, version, deleted, category, index_type, classed, pinned = row
    return Head(
        week=week,
        row=number,
        hlc=hlc,
        vector=read_vector(version),
        deleted=bool(deleted),
        category=category,
        index_type=IndexType(index_type),
        classed=bool(classed),
        pinned=bool(pinned),
        branches=branches,
    )
