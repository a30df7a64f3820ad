"""Moves a week of one domain into the archive (spec, Weekly Archive Flow), and drops the oldest archives.

The steps, and what the next run makes of what a kill leaves after each:

1. `carried`: entries that are needed are copied into the log of the current week. The next run knows them.
2. `written`: the archive, under a temporary name, is on the disk and verified. It is removed.
3. `named`: the archive has its name. What the log may hold beyond it is carried forward, and the log removed.
4. `removed`: the log is gone, but perhaps not what SQLite keeps beside it. That is removed.
5. `forgotten`: the catalogue knows no place any more that is empty. Else it says a place too many, which costs a look.
6. `unlinked`: an archive beyond the limit is gone, and the catalogue had noted that it goes. It is made anew.
7. `dropped`: the catalogue knows nothing of it any more.

Nobody writes the log meanwhile, for its lock is held, nor later, for who waited for the lock sees that there is an
archive (`Appender.begin`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from cis_tui.core.clock import Instant, iso_week
from cis_tui.core.errors import Invalid, Unavailable
from cis_tui.core.paths import private_dir, sync_dir
from cis_tui.memory import catalogue
from cis_tui.memory.appender import Appender
from cis_tui.memory.archive_file import ArchiveFile
from cis_tui.memory.blocks import Clear, Envelope, write_blocks
from cis_tui.memory.database import Database, Row, locked, remove
from cis_tui.memory.epochs import Epochs
from cis_tui.memory.frozen import FrozenLog
from cis_tui.memory.image import image_of, verify
from cis_tui.memory.log import ENTRY, fitted
from cis_tui.memory.records import ArchiveReport
from cis_tui.memory.vault import Vault

_CHUNK = 200
_SHIELDS = (
    "SELECT row FROM kept.heads AS h WHERE week = ?1"
    " AND EXISTS (SELECT 1 FROM kept.places AS p WHERE p.key = h.key AND p.week <> ?1)"
)


class Archiver:
    """Archives weeks of one domain; any number of processes take turns."""

    def __init__(
        self,
        vault: Vault,
        epochs: Epochs,
        *,
        total_weeks: int,
        now: Instant,
        on_step: Callable[[str], None] = lambda step: None,
    ) -> None:
        """`total_weeks`: archives that are kept, at least one. `on_step` is told the name of each step that is done."""
        self._vault = vault
        self._epochs = epochs
        self._total = max(total_weeks, 1)
        self._now = now
        self._done = on_step
        self._folder = vault.archive("").parent

    def archive(self, week: str) -> ArchiveReport | None:
        """Archive `week`; None when nothing is to be archived, perhaps because another process was faster.

        Raises:
            CisError: it could not be done; the next call goes on where this one ended.
        """
        with self._alone():
            if not self._vault.path(week).exists():
                return None
            with FrozenLog(self._vault, week) as log:
                if not log.count("log_entries"):
                    _remove(log.path)
                    return None
                report = self._archive(log)
                empty = log.keys_elsewhere()
                view = log.thaw()
                self._change(view, lambda: catalogue.forget_places(view, "kept", week, empty))
            self._done("forgotten")
            return replace(report, archives_deleted=self._drop_oldest())

    def drop_oldest(self) -> int:
        """Delete the archives beyond the limit, oldest first; gives how many there were.

        Raises:
            CisError: one could not be deleted.
        """
        with self._alone():
            return self._drop_oldest()

    def _archive(self, log: FrozenLog) -> ArchiveReport:
        before, vectors = _size(log.path) + _size(Path(f"{log.path}-wal")), log.count("vectors")
        carried, vectors_carried = self._carry(log, log.lasting(self._now))
        self._done("carried")
        log.look()
        path = self._vault.archive(log.week)
        lacking = self._lacking(log, path)
        if lacking is None:
            self._write(log, path)
        else:
            carried += self._carry(log, lacking)[0]
        self._done("named")
        _remove(log.path)
        self._done("removed")
        return ArchiveReport(
            week=log.week,
            domain=self._vault.domain,
            size_before=before,
            size_after=_size(path),
            entries=log.count("log_entries") - len(log.elsewhere),
            carried=carried,
            index_entries_removed=vectors - vectors_carried,
        )

    def _carry(self, log: FrozenLog, rows: Sequence[int]) -> tuple[int, int]:
        """Copy rows into the log of the current week; gives how many, and how many vectors."""
        vectors_carried = 0
        for start in range(0, len(rows), _CHUNK):
            versions, vectors = log.chosen(rows[start : start + _CHUNK])
            self._append(versions, vectors)
            vectors_carried += len(vectors)
        return len(rows), vectors_carried

    def _append(self, versions: Sequence[Row], vectors: dict[int, Row]) -> None:
        appender = Appender(self._vault, self._epochs)
        try:
            appender.begin(iso_week(self._now))
            appender.carry(versions, vectors)
            appender.commit()
        finally:
            appender.close()

    def _lacking(self, log: FrozenLog, path: Path) -> list[int] | None:
        """What an archive lacks that a run wrote which did not come to its end; None when there is none to rely on."""
        if not path.exists():
            return None
        try:
            archive = self._vault.open_archive(log.week)
        except Invalid:
            if log.count("log_entries"):
                return None
            raise
        try:
            return log.lacking(archive)
        finally:
            archive.close()

    def _write(self, log: FrozenLog, path: Path) -> None:
        key = self._vault.key()
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            with open(temporary, "xb", opener=_private) as file:
                write_blocks(file, image_of(log.rows()), _envelope(key, log.week))
                file.flush()
                os.fsync(file.fileno())
            archive = ArchiveFile(temporary, log.week, key)
            try:
                verify(archive, log.rows())
            finally:
                archive.close()
            self._done("written")
            temporary.rename(path)
            sync_dir(path.parent)
        finally:
            temporary.unlink(missing_ok=True)

    def _drop_oldest(self) -> int:
        surplus = self._vault.archives()[: -self._total]
        for week in surplus:
            while not self._drop(week):
                pass
            self._done("dropped")
        return len(surplus)

    def _drop(self, week: str) -> bool:
        """Delete the archive of `week`, and let the catalogue forget it; False when that was just made anew.

        A current version that hides older ones in other logs, where a clock that was set back or a late arrival has put
        them, is carried forward first: they must not come back.
        """
        view = Database.nothing()
        try:
            kept = self._vault.attach_catalogue(view, "kept")
            with suppress(Invalid):
                # Of an archive that is damaged nothing can be carried.
                self._carry_from_archive(week, [row for (row,) in view.all(_SHIELDS, (week,))])
            lost = bool(view.all(_SHIELDS, (week,)))
            # Who sees that the archive is gone waits for this lock before it makes the catalogue anew.
            with locked(self._vault.folder):
                if not kept.exists():
                    return False
                catalogue.let_go(view, "kept", week)
                self._vault.archive(week).unlink()
                sync_dir(self._folder)
                self._done("unlinked")
                if not lost:
                    self._change(view, lambda: catalogue.forget_week(view, "kept", week))
            return True
        finally:
            view.close()

    def _change(self, view: Database, change: Callable[[], None]) -> None:
        """Change the catalogue, which is attached to `view`, and let every process know."""
        view.begin()
        number = self._epochs.begin(self._vault.domain)
        try:
            change()
            view.commit()
        finally:
            view.rollback()
            self._epochs.end(self._vault.domain, number)

    def _carry_from_archive(self, week: str, rows: Sequence[int]) -> None:
        if not rows:
            return
        archive = self._vault.open_archive(week)
        try:
            for row in rows:
                columns = fitted(archive, ENTRY)
                self._append(archive.all(f"SELECT id, {columns} FROM log_entries WHERE id = ?", (row,)), {})
        finally:
            archive.close()

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Keep other archivers of the domain out, and tidy away what a killed one left.

        Raises:
            Unavailable: the disk does not take what is written, or a folder cannot be used (CIS-MEM-062).
        """
        try:
            private_dir(self._folder.parent)
            private_dir(self._folder)
            with locked(self._folder):
                for path in self._folder.glob(".*.tmp"):
                    path.unlink()
                for path in self._vault.folder.glob("memory-*.db-*"):
                    if not path.with_name(path.name.rpartition("-")[0]).exists():
                        path.unlink(missing_ok=True)
                yield
        except OSError as error:
            raise Unavailable(
                "CIS-MEM-062",
                f"cannot archive: {error.filename or self._folder}: {error.strerror}",
                hint="make room on the disk, then try again; nothing is lost",
            ) from error


def _remove(log: Path) -> None:
    remove(log)
    sync_dir(log.parent)


def _envelope(key: str | None, week: str) -> Envelope:
    if key is None:
        return Clear()
    from cis_tui.memory.seal import Sealed

    return Sealed.new(key, week)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_CLOEXEC, 0o600)


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
