"""The writing side of one domain: the log of a week, with the catalogue attached, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

from cis_tui.core.errors import CisError
from cis_tui.memory import catalogue
from cis_tui.memory.catalogue import Head
from cis_tui.memory.database import Database, Row
from cis_tui.memory.dots import last_seq, take_in_dots
from cis_tui.memory.epochs import Epochs
from cis_tui.memory.log import ENTRY, epoch_of, last_row, note_runs
from cis_tui.memory.plan import Version
from cis_tui.memory.records import IndexType
from cis_tui.memory.vault import Archived, Vault
from cis_tui.memory.versions import Vector, write_vector

_SCHEMA = "catalogue"
_LATELY = 64
"""Rows of a log."""
_INSERT = (
    "INSERT INTO main.log_entries"
    " (key, value, category, index_type, version, origin, hlc, created_at, pinned, tombstone, number, reason, classed,"
    " undoes, epoch, seq, signature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UNDOTTED = "SELECT id FROM main.log_entries WHERE seq = 0 AND origin = ? AND index_type <> 'Sensitive' ORDER BY id"


class Appender:
    """Adds versions to the logs of one domain, in transactions that any number of processes take in turns.

    SQLite commits the main file, which is the log, before an attached one: a crash in between leaves the catalogue
    behind, never ahead, and the next transaction on that week lets it catch up.
    """

    def __init__(self, vault: Vault, epochs: Epochs) -> None:
        self.vault = vault
        self._epochs = epochs
        self._change = 0
        """The number of the change that is under way, 0 when nothing was appended."""
        self._added: tuple[int, Version] | None = None
        """The last version that was appended, after the number of its row."""
        self._week = ""
        self._log: Database | None = None
        self._catalogue: Path | None = None

    def begin(self, week: str) -> None:
        """Begin a transaction on the log where versions of `week` go now; every other writer of that log waits."""
        log = self._begin(week)
        while not self._in_place(log):
            # While we waited somebody has archived or replaced the log, or made another catalogue.
            self.close()
            log = self._begin(week)
        catalogue.catch_up(log, _SCHEMA, self._week, last_row(log))

    def heads(self, keys: Sequence[str]) -> dict[str, Head]:
        """The current versions of those of `keys` that were ever written."""
        return catalogue.heads(self._begun, _SCHEMA, keys)

    def last_time(self, node: str) -> int:
        """The hybrid time of the last version that `node` wrote into this log lately; 0 for none."""
        sql = "SELECT hlc FROM main.log_entries WHERE id > ? AND origin = ? ORDER BY id DESC LIMIT 1"
        return int(self._begun.value(sql, (last_row(self._begun) - _LATELY, node)) or 0)

    def lost_vectors(self, keys: Sequence[str]) -> dict[str, list[Vector]]:
        """The vectors of versions of `keys` whose log is gone: no other version may have them."""
        return catalogue.lost_vectors(self._begun, _SCHEMA, keys)

    def known(self, keys: Sequence[str]) -> set[tuple[str, int, str]]:
        """Key, number and origin, which tell a version, of all versions of `keys` in this log."""
        sql = "SELECT key, number, origin FROM main.log_entries WHERE key IN (SELECT value FROM json_each(?))"
        return {(row[0], row[1], row[2]) for row in self._begun.all(sql, (json.dumps(keys),))}

    def dotted(self, versions: Sequence[Version]) -> list[Version]:
        """`versions`, which this node has made, each with the dot by which other nodes know it; Sensitive ones, which
        no other node ever sees, without."""
        log = self._begun
        epoch = epoch_of(log) if versions else ""
        last = last_seq(log, _SCHEMA, versions[0].origin, epoch) if versions else 0
        numbers = count(last + 1)
        return [
            version if version.index_type is IndexType.SENSITIVE else version._replace(epoch=epoch, seq=next(numbers))
            for version in versions
        ]

    def dot_old(self, node: str) -> int:
        """Give dots to what `node` wrote into this log before there were any; how many there were."""
        log = self._begun
        rows = log.all(_UNDOTTED, (node,))
        if rows:
            self._change = self._change or self._epochs.begin(self.vault.domain)
            epoch = epoch_of(log)
            first = last_seq(log, _SCHEMA, node, epoch) + 1
            numbered = ((epoch, seq, row) for seq, (row,) in enumerate(rows, first))
            log.many("UPDATE main.log_entries SET epoch = ?, seq = ? WHERE id = ?", numbered)
            take_in_dots(log, _SCHEMA, self._week, 0)
        return len(rows)

    def append(self, versions: Sequence[Version]) -> None:
        """Add versions of this week."""
        if versions:
            self._change = self._change or self._epochs.begin(self.vault.domain)
            self._begun.many(_INSERT, map(_row, versions))
            last = last_row(self._begun)
            first = last - len(versions) + 1
            note_runs(self._begun, {row: version.run for row, version in enumerate(versions, first) if version.run})
            self._added = last, versions[-1]
            catalogue.catch_up(self._begun, _SCHEMA, self._week, last)

    def carry(self, entries: Iterable[Row], vectors: Mapping[int, Row]) -> int:
        """Add versions of another log, each a row's number and `log.ENTRY`, with what `vectors` has for that row.

        Returns:
            How many there were.
        """
        first = last_row(self._begun) + 1
        numbered = [(number, row) for number, row in enumerate(entries, first)]
        if numbered:
            insert = f"INSERT INTO main.log_entries (id, {ENTRY}) VALUES ({', '.join('?' * len(numbered[0][1]))})"
            self._begun.many(insert, ((number, *row[1:]) for number, row in numbered))
            moved = ((number, *vectors[row[0]]) for number, row in numbered if row[0] in vectors)
            self._begun.many("INSERT INTO main.vectors (row, model, vector) VALUES (?, ?, ?)", moved)
            catalogue.catch_up(self._begun, _SCHEMA, self._week, last_row(self._begun))
        return len(numbered)

    def commit(self) -> None:
        """Make the transaction durable.

        Raises:
            CisError: it is not, and was undone.
        """
        try:
            self._begun.commit()
        except CisError:
            # The log commits first: when it is the catalogue that failed, as on a full disk, what was added is durable.
            if not self._kept():
                raise
        self._end()

    def rollback(self) -> None:
        """Undo the transaction, if one was begun."""
        if self._log is not None:
            self._log.rollback()
        self._end()

    def close(self) -> None:
        """Let go of the files; the next transaction opens them again."""
        self.rollback()
        if self._log is not None:
            self._log.close()
        self._log = None

    def _kept(self) -> bool:
        """Whether the log has what was added, after a commit that failed."""
        if self._added is None:
            return False
        last, version = self._added
        with suppress(CisError):
            self._begun.rollback()
            row = self._begun.one("SELECT key, hlc, origin FROM main.log_entries WHERE id = ?", (last,))
            return row == (version.key, version.hlc, version.origin)
        return False

    def _end(self) -> None:
        self._added = None
        if self._change:
            self._epochs.end(self.vault.domain, self._change)
            self._change = 0

    @property
    def _begun(self) -> Database:
        assert self._log is not None, "no transaction was begun"
        return self._log

    def _begin(self, week: str) -> Database:
        while True:
            with suppress(Archived):
                log = self._open(self.vault.log_week(week))
                log.begin()
                return log

    def _in_place(self, log: Database) -> bool:
        there = self._catalogue is not None and self._catalogue.exists()
        return there and log.in_place and not self.vault.archive(self._week).exists()

    def _open(self, week: str) -> Database:
        if self._log is not None and self._week == week:
            return self._log
        self.close()
        log = self.vault.open_log(week, durable=True)
        try:
            self._catalogue = self.vault.attach_catalogue(log, _SCHEMA)
        except BaseException:
            log.close()
            raise
        self._log, self._week = log, week
        return log


def _row(version: Version) -> tuple[object, ...]:
    return (
        version.key,
        version.value,
        version.category,
        version.index_type.value,
        write_vector(version.vector),
        version.origin,
        version.hlc,
        version.created_at,
        version.pinned,
        version.value is None,
        sum(version.vector.values()),
        version.reason,
        version.classed,
        version.undoes,
        version.epoch,
        version.seq,
        version.signature,
    )
