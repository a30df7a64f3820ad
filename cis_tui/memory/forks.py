"""Concurrent versions in the catalogue: of each key that has several newest ones, all of them.

Derived from the logs like the rest of it. The newest versions of a set are the newest of the newest of its parts, so
that rows may be taken in one by one or all at once, in any order, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cis_tui.memory.database import Database
from cis_tui.memory.versions import Vector, newest, read_vector, write_vector

BRANCHES = """CREATE TABLE branches (
    key TEXT, week TEXT, row INTEGER, version TEXT NOT NULL, PRIMARY KEY (key, week, row)
) STRICT, WITHOUT ROWID"""


class Branch(NamedTuple):
    """One of the newest versions of a key, and where it lies."""

    week: str
    row: int
    vector: Vector


def take_in_branches(log: Database, schema: str, week: str, seen: int) -> None:
    """Take in the rows after `seen` of the log of `week`; before the heads of the catalogue do."""
    for (key,) in log.all(
        # Where all versions come from one node, each was written with the last one known.
        f"SELECT new.key FROM main.log_entries AS new JOIN {schema}.heads AS old ON old.key = new.key"
        " WHERE new.id > ?1 AND new.origin <> old.origin"
        f" UNION SELECT new.key FROM main.log_entries AS new JOIN {schema}.branches AS old ON old.key = new.key"
        " WHERE new.id > ?1"
        " UNION SELECT key FROM main.log_entries WHERE id > ?1 GROUP BY key HAVING min(origin) <> max(origin)",
        (seen,),
    ):
        known = _rows(log, f"SELECT week, row, version FROM {schema}.branches WHERE key = ?", key)
        known = known or _rows(log, f"SELECT week, row, version FROM {schema}.heads WHERE key = ?", key)
        new = log.all("SELECT ?, id, version FROM main.log_entries WHERE id > ? AND key = ?", (week, seen, key))
        log.run(f"DELETE FROM {schema}.branches WHERE key = ?", (key,))
        left = _newest([*known, *map(_branch, new)])
        if len(left) > 1:
            log.many(
                f"INSERT INTO {schema}.branches (key, week, row, version) VALUES (?, ?, ?, ?)",
                ((key, branch.week, branch.row, write_vector(branch.vector)) for branch in left),
            )


def branch_vectors(database: Database, schema: str, keys: str) -> dict[str, list[Vector]]:
    """The vectors of the newest versions of those of `keys`, a JSON array, that have several."""
    found: dict[str, list[Vector]] = {}
    sql = f"SELECT key, version FROM {schema}.branches WHERE key IN (SELECT value FROM json_each(?))"
    for key, vector in database.all(sql, (keys,)):
        found.setdefault(key, []).append(read_vector(vector))
    return found


def forked_keys(database: Database, schema: str) -> list[str]:
    """The keys that have several newest versions, in order."""
    return [str(key) for (key,) in database.all(f"SELECT DISTINCT key FROM {schema}.branches ORDER BY key")]


def _newest(branches: Iterable[Branch]) -> Sequence[Branch]:
    """Those that no other covers; of one version in several logs the last."""
    places = {frozenset(branch.vector.items()): branch for branch in sorted(branches, key=lambda branch: branch[:2])}
    return newest(list(places.values()), lambda branch: branch.vector)


def _rows(database: Database, sql: str, key: str) -> list[Branch]:
    return [_branch(row) for row in database.all(sql, (key,))]


def _branch(row: tuple[str, int, str]) -> Branch:
    return Branch(row[0], row[1], read_vector(row[2]))
