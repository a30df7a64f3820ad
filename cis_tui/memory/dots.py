"""Dots: by which nodes tell each other, in few bytes, which versions of public entries they have.

Each version that a node makes gets the next number of the log that it goes to, in the same transaction; the log has an
epoch, a random name that is new wherever a log is begun anew. Origin, epoch, number and hybrid time are the dot: a
memory that was wiped, or brought back from a backup, gives no version the dot of another. A dot stays with its version
wherever that goes: to other nodes, to a later log, into an archive. What is Sensitive has none.

The catalogue keeps, derived from the logs, all dots in the order in which it has seen them. Their positions in it are
what others remember of how far they have heard this node (see `exchange`); a catalogue that is made anew begins anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cis_tui.memory.database import Database

DOTS = (
    # AUTOINCREMENT: the position of what is gone is given to nothing else.
    """CREATE TABLE dots (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL,
        week TEXT NOT NULL,
        row INTEGER NOT NULL,
        origin TEXT NOT NULL,
        epoch TEXT NOT NULL,
        seq INTEGER NOT NULL,
        hlc INTEGER NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX dots_name ON dots(epoch, seq, origin, hlc)",
    # `heard`: how far this node has heard the peer; `told`: how far the peer has heard this node. Both as the one who
    # speaks says it.
    """CREATE TABLE peers (
        peer TEXT PRIMARY KEY, scope TEXT NOT NULL DEFAULT '', heard TEXT NOT NULL DEFAULT '',
        told TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID""",
)
"""What the catalogue keeps of them."""
_CURRENT = (
    "(EXISTS (SELECT 1 FROM {schema}.heads AS h WHERE h.key = d.key AND h.week = d.week AND h.row = d.row)"
    " OR EXISTS (SELECT 1 FROM {schema}.branches AS b WHERE b.key = d.key AND b.week = d.week AND b.row = d.row))"
)
"""Of `dots AS d`: whether its version is one of the newest of its key."""
_SAME = (
    "epoch = json_extract(value, '$[1]') AND seq = json_extract(value, '$[2]')"
    " AND origin = json_extract(value, '$[0]') AND hlc = json_extract(value, '$[3]')"
)


class Dot(NamedTuple):
    """What names one version of an entry among all nodes."""

    origin: str
    """DID of the node that made it."""
    epoch: str
    """Of the log that it was made in: 8 hexadecimal digits."""
    seq: int
    """Its number there, from 1 without gaps."""
    hlc: int
    """Its hybrid time."""


class Listed(NamedTuple):
    """A dot in the catalogue."""

    position: int
    dot: Dot
    key: str


def take_in_dots(log: Database, schema: str, week: str, seen: int) -> None:
    """Take in the dots of rows after `seen` of the log of `week`; of one that lies in several logs the last place."""
    log.run(
        f"INSERT INTO {schema}.dots (key, week, row, origin, epoch, seq, hlc)"
        " SELECT key, ?, id, origin, epoch, seq, hlc FROM main.log_entries"
        " WHERE id > ? AND seq > 0 AND index_type <> 'Sensitive' ORDER BY id"
        " ON CONFLICT (epoch, seq, origin, hlc) DO UPDATE SET week = excluded.week, row = excluded.row"
        " WHERE (excluded.week, excluded.row) > (week, row)",
        (week, seen),
    )


def last_seq(database: Database, schema: str, origin: str, epoch: str) -> int:
    """The last number that `origin` has given in the log of `epoch`; 0 for none."""
    sql = f"SELECT seq FROM {schema}.dots WHERE epoch = ? AND origin = ? ORDER BY seq DESC LIMIT 1"
    return int(database.value(sql, (epoch, origin)) or 0)


def last_position(database: Database, schema: str) -> tuple[int, int]:
    """The position of the last dot and its hybrid time; zeros when there is none."""
    row = database.one(f"SELECT position, hlc FROM {schema}.dots ORDER BY position DESC LIMIT 1")
    return (int(row[0]), int(row[1])) if row else (0, 0)


def hlc_at(database: Database, schema: str, position: int) -> int | None:
    """The hybrid time of the dot at a position; None when there is none."""
    found = database.value(f"SELECT hlc FROM {schema}.dots WHERE position = ?", (position,))
    return None if found is None else int(found)


def current_dots(database: Database, schema: str, after: int, limit: int) -> list[Listed]:
    """The first `limit` dots after a position whose versions are the newest of their keys, by position."""
    current = _CURRENT.format(schema=schema)
    sql = f"SELECT position, origin, epoch, seq, hlc, key FROM {schema}.dots AS d WHERE position > ?1 AND {current}"
    rows = database.all(f"{sql} ORDER BY position LIMIT ?2", (after, limit))
    return [Listed(row[0], Dot(*row[1:5]), row[5]) for row in rows]


def current_keys(database: Database, schema: str, after: int, upto: int, *, but: str, limit: int) -> list[str]:
    """The keys of the first `limit` dots after one position and up to another whose versions are the newest of their
    keys, by position; without those that the node `but` has made."""
    current = _CURRENT.format(schema=schema)
    sql = f"SELECT key FROM {schema}.dots AS d WHERE position > ?1 AND position <= ?2 AND origin <> ?3 AND {current}"
    return [str(key) for (key,) in database.all(f"{sql} ORDER BY position LIMIT ?4", (after, upto, but, limit))]


def newest_dots(database: Database, schema: str, dots: Iterable[Dot]) -> list[Dot]:
    """Those of `dots` whose versions are the newest of their keys."""
    current = _CURRENT.format(schema=schema)
    sql = f"SELECT value FROM json_each(?) JOIN {schema}.dots AS d ON {_SAME} WHERE {current}"
    return [Dot(*json.loads(value)) for (value,) in database.all(sql, (_array(dots),))]


def lacking_dots(database: Database, schema: str, dots: Iterable[Dot]) -> list[Dot]:
    """Those of `dots` that are not known, in their order."""
    sql = f"SELECT value FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM {schema}.dots WHERE {_SAME})"
    return [Dot(*json.loads(value)) for (value,) in database.all(sql, (_array(dots),))]


def dot_places(database: Database, schema: str, dots: Iterable[Dot]) -> Iterator[tuple[str, int]]:
    """Week and row of those of `dots` that are known, in their order."""
    sql = f"SELECT week, row FROM json_each(?) JOIN {schema}.dots ON {_SAME} ORDER BY json_each.key"
    yield from ((str(week), int(row)) for week, row in database.all(sql, (_array(dots),)))


def _array(dots: Iterable[Dot]) -> str:
    return json.dumps([list(dot) for dot in dots])
