"""A weekly log at rest: nobody can write it, and the catalogue has taken it in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from types import TracebackType

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Unavailable
from cis_tui.memory import catalogue
from cis_tui.memory.database import Database, Reading, Row
from cis_tui.memory.earned import earned
from cis_tui.memory.log import ENTRY, entries, last_row
from cis_tui.memory.records import IndexType
from cis_tui.memory.vault import Vault

_CURRENT = (
    "SELECT e.id, e.pinned, e.index_type, e.reason, e.uses, e.last_accessed_at, e.classed FROM old.log_entries e WHERE"
    " EXISTS (SELECT 1 FROM kept.heads h WHERE h.key = e.key AND h.week = ?1 AND h.row = e.id AND NOT h.deleted)"
    " OR EXISTS (SELECT 1 FROM kept.branches b WHERE b.key = e.key AND b.week = ?1 AND b.row = e.id)"
)
_ELSEWHERE = (
    "SELECT e.id FROM old.log_entries e WHERE"
    " EXISTS (SELECT 1 FROM kept.heads h WHERE h.key = e.key AND h.week <> ?1 AND h.hlc = e.hlc"
    " AND h.origin = e.origin AND h.version = e.version AND h.deleted = e.tombstone)"
    " OR EXISTS (SELECT 1 FROM kept.branches b WHERE b.key = e.key AND b.week <> ?1 AND b.version = e.version)"
)
_ATTEMPTS = 5
_IDENTITY = "id, key, hlc, origin"


class FrozenLog:
    """The log of `week`, locked until it is closed."""

    def __init__(self, vault: Vault, week: str) -> None:
        """Lock the log.

        Raises:
            CisError: the log, the catalogue or the key cannot be opened, or others keep writing (CIS-MEM-030).
        """
        self.week = week
        self.path = vault.path(week)
        self.elsewhere: frozenset[int] = frozenset()
        """Rows whose version is current and lies in another log: see `look`."""
        self._vault = vault
        for _ in range(_ATTEMPTS):
            if self._lock():
                return
        raise Unavailable("CIS-MEM-030", f"{self.path} is in use by another process", hint="try again later")

    def __enter__(self) -> FrozenLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def look(self) -> None:
        """See which versions were carried forward by now."""
        self.elsewhere = frozenset(row for (row,) in self._view.all(_ELSEWHERE, (self.week,)))

    def lasting(self, now: Instant) -> list[int]:
        """The rows that are carried forward at the moment `now` (contract, Memory, "Weeks").

        They are current, or concurrent with what is and not yet settled; and pinned, or of a kind that lasts.
        """
        return [
            row
            for row, pinned, kind, reason, uses, last_used, classed in self._view.all(_CURRENT, (self.week,))
            if pinned
            or earned(IndexType(kind), reason, uses, last_used, now, classed=bool(classed)) is not IndexType.TEMPORARY
        ]

    def rows(self) -> Iterator[Row]:
        """The versions that lie nowhere else, in the order of their rows: its number, and `log.ENTRY`."""
        return (row for row in entries(self._log) if row[0] not in self.elsewhere)

    def chosen(self, rows: Sequence[int]) -> tuple[list[Row], dict[int, Row]]:
        """The versions of some rows, as `rows` gives them, and by row the model and vector of those that have one."""
        numbers = (json.dumps(rows),)
        where = "IN (SELECT value FROM json_each(?))"
        versions = self._log.all(f"SELECT id, {ENTRY} FROM log_entries WHERE id {where} ORDER BY id", numbers)
        vectors = self._log.all(f"SELECT row, model, vector FROM vectors WHERE row {where}", numbers)
        return versions, {row: (model, vector) for row, model, vector in vectors}

    def lacking(self, archive: Reading) -> list[int]:
        """The rows whose versions lie neither in `archive` nor elsewhere."""
        there = set(entries(archive, _IDENTITY))
        return [row[0] for row in entries(self._log, _IDENTITY) if row not in there and row[0] not in self.elsewhere]

    def count(self, table: str) -> int:
        """The rows of `log_entries` or `vectors`."""
        return int(self._log.value(f"SELECT count(*) FROM {table}"))

    def keys_elsewhere(self) -> list[str]:
        """The keys all of whose versions lie elsewhere."""
        away, here = set[str](), set[str]()
        for row, key in entries(self._log, "id, key"):
            (away if row in self.elsewhere else here).add(key)
        return sorted(away - here)

    def thaw(self) -> Database:
        """Let others write; gives the catalogue, attached as `kept`, until this is closed."""
        self._unlock()
        self._view.run("DETACH DATABASE old")
        return self._view

    def close(self) -> None:
        """Let go of everything; may be called again."""
        self._unlock()
        self._view.close()

    def _unlock(self) -> None:
        if self._locked:
            self._locked = False
            self._log.rollback()
            self._log.close()

    def _lock(self) -> bool:
        """Lock the log; False, and it is open to others again, when it was written since the catalogue took it in."""
        self._view = Database.nothing()
        try:
            self._vault.attach_catalogue(self._view, "kept")
            self._log = self._vault.open_log(self.week)
        except BaseException:
            self._view.close()
            raise
        self._locked = True
        try:
            # Whoever opens the file while it is removed shall find everything in it, and not in the log beside it.
            self._log.run("PRAGMA wal_checkpoint(PASSIVE)")
            self._log.begin()
            self._view.attach(self.path, "old", self._vault.key())
            if catalogue.taken_in(self._view, "kept").get(self.week, 0) == last_row(self._log):
                return True
        except BaseException:
            self.close()
            raise
        self.close()
        return False
