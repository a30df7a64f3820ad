"""The reading side: both catalogues on one connection, and the few logs that were read last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from heapq import merge
from pathlib import Path
from typing import NamedTuple

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Unavailable
from cis_tui.memory import catalogue
from cis_tui.memory.branches import MemoryTree, after_prefix, read_tree
from cis_tui.memory.cache import Place
from cis_tui.memory.database import Database, Reading, locked
from cis_tui.memory.epochs import Epoch
from cis_tui.memory.forks import forked_keys
from cis_tui.memory.log import (
    Change,
    count_accesses,
    count_kinds,
    read_changes,
    read_records,
    read_row,
    read_rows,
    read_versions,
    read_written,
)
from cis_tui.memory.records import LOCKED, UNDOING, Domain, IndexType, MemoryItem, MemoryPage, MemoryRecord
from cis_tui.memory.vault import Archived, Vault, missing
from cis_tui.memory.versions import Rank, Vector

_FIND = {domain: f"SELECT week, row FROM {domain.value}.heads WHERE key = ? AND deleted = 0" for domain in Domain}
_PUBLIC = "SELECT key, 'public', week, row FROM public.heads WHERE deleted = 0 AND key >= ?1 AND key < ?2"
_PRIVATE = "SELECT key, 'private', week, row FROM private.heads AS own WHERE deleted = 0 AND key >= ?1 AND key < ?2"
_KEYS = {
    domain: f"SELECT key FROM {domain.value}.heads WHERE deleted = 0 AND key >= ?1 AND key < ?2" for domain in Domain
}
_NOT_PUBLIC = " AND NOT EXISTS (SELECT 1 FROM public.heads AS other WHERE other.key = own.key AND other.deleted = 0)"
"""Of two live versions the public one decides: see `plan`."""
_IN_BOTH = (
    "SELECT own.key FROM private.heads AS own JOIN public.heads AS other ON other.key = own.key"
    " WHERE own.deleted = 0 AND other.deleted = 0"
)
_HEAD_ROWS = (
    "SELECT id, key, CASE typeof(value) WHEN 'text' THEN substr(value, 1, ?1) END, category, index_type, tombstone"
    " FROM main.log_entries WHERE id > ?2 AND id <= ?3 ORDER BY id"
)


class Written(NamedTuple):
    """A version that a run wrote, or what took that run back."""

    key: str
    vector: Vector
    run: str


class HeadRow(NamedTuple):
    """A version that is current, as an index takes it in."""

    row: int
    key: str
    text: str | None
    """None: bytes."""
    category: str
    index_type: IndexType
    deleted: bool


class Reader:
    """Finds and reads entries; opens a domain's files when a question first needs them. One thread at a time."""

    def __init__(self, vaults: Mapping[Domain, Vault], *, open_logs: int) -> None:
        self._vaults = vaults
        self._open_logs = open_logs
        self._database: Database | None = None
        self._attached: dict[Domain, Path] = {}
        self._absent: set[Domain] = set()
        self._epoch: Epoch | None = None
        self._logs: OrderedDict[tuple[Domain, str], Reading] = OrderedDict()
        self._closed = False

    def refresh(self, epoch: Epoch | None) -> None:
        """Let go of files that others have replaced or removed; they only do so with a new epoch."""
        if epoch is not None and epoch == self._epoch:
            return
        self._epoch = epoch
        self._absent.clear()
        for domain, path in list(self._attached.items()):
            if not path.exists():
                self._catalogues.run(f"DETACH DATABASE {domain.value}")
                del self._attached[domain]
        for place, log in list(self._logs.items()):
            if not log.in_place:
                self._logs.pop(place).close()

    def find(self, key: str) -> Place | None:
        """Where the current version of `key` lies; None when there is no such entry. Touches no log.

        Raises:
            CisError: the key is not in public memory, and private memory cannot be opened.
        """
        for domain in (Domain.PUBLIC, Domain.PRIVATE):
            if self._use(domain):
                row = self._catalogues.one(_FIND[domain], (key,))
                if row is not None:
                    return Place(domain, row[0], row[1])
        return None

    def find_again(self, key: str, domain: Domain) -> Place | None:
        """Where the current version of `key` lies, once nobody is about to remove a file of `domain`."""
        with locked(self._vaults[domain].folder):
            pass
        return self.find(key)

    def archived(self, place: Place) -> bool:
        """Whether what was read at `place` lies in an archive."""
        log = self._logs.get((place.domain, place.week))
        return log is not None and not isinstance(log, Database)

    def read(self, place: Place) -> MemoryItem:
        """The version at `place`.

        Raises:
            CisError: its log cannot be read.
        """
        item = read_row(self._log(place.domain, place.week), place.domain, place.row)
        if item is None:
            self.refresh(None)
            item = read_row(self._log(place.domain, place.week), place.domain, place.row)
        if item is None:
            raise missing(self._vaults[place.domain].path(place.week))
        return item

    def page(self, prefix: str, domain: Domain | None, *, limit: int, offset: int, cut: int = 0) -> MemoryPage:
        """The current entries whose key begins with `prefix`, by key; the public ones where private memory is locked
        and `domain` does not insist on it.

        `cut`: as `MemoryService.list`.

        Raises:
            CisError: a domain, or a log, cannot be opened.
        """
        keys, locked = self._open_keys(domain)
        if not keys:
            return MemoryPage((), 0, locked)
        bounds = (prefix, after_prefix(prefix))
        total = self._catalogues.value(f"SELECT count(*) FROM ({keys})", bounds)
        rows = self._catalogues.all(f"SELECT key FROM ({keys}) LIMIT ?3 OFFSET ?4", (*bounds, limit, offset))
        places = self._places([str(key) for (key,) in rows], Domain.PUBLIC if locked else domain)
        return MemoryPage(self._read_all(places, cut), int(total), locked)

    def tree(self, prefix: str, domain: Domain | None) -> MemoryTree:
        """How the keys that begin with `prefix` go on; of the entries that `page` would give.

        Raises:
            CisError: a domain cannot be opened.
        """
        keys, _ = self._open_keys(domain)
        return read_tree(self._catalogues, keys, prefix) if keys else MemoryTree(prefix, 0, (), True)

    def following(self, prefix: str, after: str, domain: Domain | None, *, limit: int) -> Iterator[MemoryItem]:
        """The first `limit` current entries whose key begins with `prefix` and comes after `after`, by key.

        Each is read when it is asked for, so that no more than one value is held.

        Raises:
            CisError: a domain, or a log, cannot be opened.
        """
        sql = self._live(domain)
        if sql:
            # No key holds a NUL: nothing lies between a key and the key with a NUL after it.
            bounds = (f"{after}\0" if after else prefix, after_prefix(prefix))
            for _, where, week, row in self._catalogues.all(f"{sql} ORDER BY 1 LIMIT ?3", (*bounds, limit)):
                yield self.read(Place(Domain(where), week, row))

    def versions(self, key: str) -> list[tuple[Rank, MemoryItem]]:
        """Every version of `key` in either domain, each after its rank, in no order.

        Raises:
            CisError: there is none in public memory, and private memory cannot be opened; or a log cannot be.
        """
        found = self._versions_in(Domain.PUBLIC, key)
        try:
            return found + self._versions_in(Domain.PRIVATE, key)
        except Unavailable:
            if found:
                return found
            raise

    def shared_versions(self, key: str) -> list[tuple[Rank, MemoryItem]]:
        """Every version of `key` in public memory, each after its rank, in no order.

        Raises:
            CisError: a log cannot be opened.
        """
        return self._versions_in(Domain.PUBLIC, key)

    def public_catalogue(self) -> Database | None:
        """The catalogues, of which that of public memory is attached as `public`; None when nothing was ever public."""
        return self._catalogues if self._use(Domain.PUBLIC) else None

    def public_name(self) -> str:
        """What tells the catalogue of public memory, which is in use, from any other."""
        return self._attached[Domain.PUBLIC].stem.rpartition("-")[2]

    def public_records(self, places: Sequence[tuple[str, int]]) -> Iterator[MemoryRecord]:
        """The versions at weeks and rows of public memory, in their order; those that are gone are left out."""
        found: dict[tuple[str, int], MemoryRecord] = {}
        for week in {week for week, _ in places}:
            with self._unless_dropped(Domain.PUBLIC, week):
                rows = [row for where, row in places if where == week]
                read = read_records(self._log(Domain.PUBLIC, week), rows)
                found.update(((week, row), record) for row, record in read.items())
        yield from (found[place] for place in places if place in found)

    def changes(self, origin: str) -> Generator[Change]:
        """The versions in the open logs that a node wrote, newest first.

        Raises:
            CisError: a log, or private memory, cannot be opened.
        """
        logs: list[Database] = []
        try:
            for vault in (self._vaults[domain] for domain in Domain if self._use(domain)):
                for week in vault.weeks():
                    with suppress(Archived):
                        logs.append(vault.open_log(week))
            yield from merge(*(read_changes(log, origin) for log in logs), key=lambda change: -change.hlc)
        finally:
            for log in logs:
                log.close()

    def written_by(self, run: str, since: str) -> tuple[list[Written], bool]:
        """The versions that `run`, and what took it back, wrote in the week `since` or later.

        Returns:
            They, and whether that is all: an archive does not tell who wrote what.

        Raises:
            CisError: a log, or private memory, cannot be opened.
        """
        found: list[Written] = []
        vaults = [self._vaults[domain] for domain in Domain if self._use(domain)]
        for vault in vaults:
            for week in vault.weeks():
                with suppress(Archived):
                    log = vault.open_log(week)
                    try:
                        found += (Written(*row) for row in read_written(log, run, run + UNDOING))
                    finally:
                        log.close()
        return found, not any(week >= since for vault in vaults for week in vault.archives())

    def disputed(self) -> tuple[str, ...]:
        """The keys that may have several newest versions, in order; of a domain that cannot be opened, none."""
        public = self._use(Domain.PUBLIC)
        keys = set(forked_keys(self._catalogues, Domain.PUBLIC.value) if public else ())
        with suppress(Unavailable):
            if public and self._use(Domain.PRIVATE):
                keys.update(key for (key,) in self._catalogues.all(_IN_BOTH))
        return tuple(sorted(keys))

    def count(self, domain: Domain) -> int:
        """The current entries of `domain`."""
        keys = self._keys(domain)
        return int(self._catalogues.value(f"SELECT count(*) FROM ({keys})", ("", after_prefix("")))) if keys else 0

    def kinds(self, domain: Domain, week: str) -> dict[str, int]:
        """How many current entries of `domain` the log of `week` holds, by their kind."""
        if not self._use(domain):
            return {}
        sql = f"SELECT json_group_array(row) FROM {domain.value}.heads WHERE week = ? AND deleted = 0"
        return count_kinds(self._log(domain, week), str(self._catalogues.value(sql, (week,))))

    def count_accesses(self, domain: Domain, week: str, hits: Iterable[tuple[int, int, Instant]]) -> None:
        """Write uses of entries down: row, times and last moment. Those of an archived week are not kept.

        Raises:
            CisError: the log cannot be written now.
        """
        vault = self._vaults[domain]
        log = self._log(domain, week) if vault.path(week).exists() else None
        if isinstance(log, Database) and not vault.archive(week).exists():
            count_accesses(log, hits)

    def taken_in(self, domain: Domain) -> Mapping[str, int]:
        """The weeks of `domain` that the catalogue knows, and the last row that it has seen of each."""
        return catalogue.taken_in(self._catalogues, domain.value) if self._use(domain) else {}

    def head_rows(self, domain: Domain, week: str, after: int, upto: int, characters: int) -> list[HeadRow]:
        """Those rows of a log, after one and up to another, that are current, with the beginnings of their texts.

        Raises:
            CisError: the domain, or the log, cannot be opened.
        """
        if not self._use(domain):
            return []
        rows = self.log(domain, week).all(_HEAD_ROWS, (characters, after, upto))
        heads = catalogue.heads(self._catalogues, domain.value, {row[1] for row in rows})
        return [
            HeadRow(row[0], row[1], row[2], row[3], IndexType(row[4]), bool(row[5]))
            for row in rows
            if row[1] in heads and (heads[row[1]].week, heads[row[1]].row) == (week, row[0])
        ]

    def log(self, domain: Domain, week: str) -> Database:
        """The open log of a week that is not archived.

        Raises:
            CisError: it cannot be opened; it was archived meanwhile (CIS-MEM-051).
        """
        log = self._log(domain, week)
        if not isinstance(log, Database):
            raise Unavailable("CIS-MEM-051", f"the week {week} of {domain.value} memory was archived meanwhile")
        return log

    def close_private(self) -> None:
        """Let go of the files of private memory; the next question opens them again."""
        for place in [place for place in self._logs if place[0] is Domain.PRIVATE]:
            self._logs.pop(place).close()
        if self._attached.pop(Domain.PRIVATE, None) is not None:
            self._catalogues.run(f"DETACH DATABASE {Domain.PRIVATE.value}")

    def close(self) -> None:
        """Let go of every file."""
        self._closed = True
        for log in self._logs.values():
            log.close()
        self._logs.clear()
        if self._database is not None:
            self._database.close()
        self._attached.clear()

    @property
    def _catalogues(self) -> Database:
        if self._closed:
            raise Unavailable("CIS-MEM-040", "memory is closed", retryable=False)
        if self._database is None:
            self._database = Database.nothing()
        return self._database

    def _use(self, domain: Domain) -> bool:
        """Have the catalogue of `domain` at hand, complete; False when nothing was ever written to the domain."""
        if domain in self._attached:
            return True
        if domain in self._absent:
            return False
        vault = self._vaults[domain]
        if vault.exists():
            self._attached[domain] = vault.attach_catalogue(self._catalogues, domain.value)
        else:
            self._absent.add(domain)
        return domain in self._attached

    def _versions_in(self, domain: Domain, key: str) -> list[tuple[Rank, MemoryItem]]:
        weeks = catalogue.weeks_of(self._catalogues, domain.value, key) if self._use(domain) else []
        found: list[tuple[Rank, MemoryItem]] = []
        for week in weeks:
            with self._unless_dropped(domain, week):
                found += read_versions(self._log(domain, week), domain, key)
        return found

    def _live(self, domain: Domain | None) -> str:
        """The question for the current entries of `domain`, or of both; empty when there are none."""
        public = self._use(Domain.PUBLIC)
        private = domain is not Domain.PUBLIC and self._use(Domain.PRIVATE)
        parts: list[str] = []
        if public and domain is not Domain.PRIVATE:
            parts.append(_PUBLIC)
        if private:
            parts.append(_PRIVATE + (_NOT_PUBLIC if public else ""))
        return " UNION ALL ".join(parts)

    def _open_keys(self, domain: Domain | None) -> tuple[str, bool]:
        """As `_keys`, but of public memory alone where the other one is locked and `domain` does not insist on it; and
        whether that is so."""
        try:
            return self._keys(domain), False
        except Unavailable as error:
            if domain is Domain.PRIVATE or error.code != LOCKED:
                raise
            return self._keys(Domain.PUBLIC), True

    def _keys(self, domain: Domain | None) -> str:
        """The question for the keys of the current entries of `domain`, or of both, in order; empty for none.

        To merge two lists of keys costs a fraction of asking for each private one whether it is public too.
        """
        public = self._use(Domain.PUBLIC)
        private = domain is not Domain.PUBLIC and self._use(Domain.PRIVATE)
        if private and public:
            how = "UNION" if domain is None else "EXCEPT"
            own, other = _KEYS[Domain.PRIVATE], _KEYS[Domain.PUBLIC]
            return f"SELECT key FROM ({own} {how} {other}) ORDER BY key"
        if private:
            return f"{_KEYS[Domain.PRIVATE]} ORDER BY key"
        return f"{_KEYS[Domain.PUBLIC]} ORDER BY key" if public and domain is not Domain.PRIVATE else ""

    def _places(self, keys: Sequence[str], domain: Domain | None) -> list[Place]:
        """Where the entries `keys`, each of which there is, lie."""
        found: dict[str, Place] = {}
        for where in (Domain.PRIVATE, Domain.PUBLIC):
            if domain in (None, where) and where in self._attached:
                for key, head in catalogue.heads(self._catalogues, where.value, keys).items():
                    if not head.deleted:
                        found[key] = Place(where, head.week, head.row)
        return list(found.values())

    def _read_all(self, places: Sequence[Place], cut: int = 0) -> tuple[MemoryItem, ...]:
        """The versions at `places`, by key; each log is read once."""
        by_log: dict[tuple[Domain, str], list[int]] = {}
        for place in places:
            by_log.setdefault((place.domain, place.week), []).append(place.row)
        items: dict[str, MemoryItem] = {}
        for (domain, week), rows in by_log.items():
            with self._unless_dropped(domain, week):
                items.update((item.key, item) for item in read_rows(self._log(domain, week), domain, rows, cut=cut))
        return tuple(sorted(items.values(), key=lambda item: item.key))

    @contextmanager
    def _unless_dropped(self, domain: Domain, week: str) -> Generator[None]:
        """Leave out what lies in an archive that was dropped since the catalogue was asked what it holds."""
        try:
            yield
        except Unavailable:
            with locked(self._vaults[domain].folder):
                pass
            if week in catalogue.taken_in(self._catalogues, domain.value):
                raise

    def _log(self, domain: Domain, week: str) -> Reading:
        log = self._logs.get((domain, week))
        if log is None:
            log = self._logs[domain, week] = self._vaults[domain].open_week(week)
            if len(self._logs) > self._open_logs:
                self._logs.popitem(last=False)[1].close()
        self._logs.move_to_end((domain, week))
        return log
