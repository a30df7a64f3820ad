"""The files of one domain: where its weekly logs and its catalogue lie, and the key that opens them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

from cis_tui.core.clock import next_week
from cis_tui.core.errors import CisError, Invalid, Refused, Unavailable
from cis_tui.core.paths import Home, private_dir
from cis_tui.memory import catalogue
from cis_tui.memory.database import Database, Reading, create, locked, remove
from cis_tui.memory.log import check_log, index_rows, last_row, prepare_log
from cis_tui.memory.records import Domain

_LOG, _CATALOGUE, _SUFFIX, _ARCHIVE = "memory-", "catalogue-", ".db", ".db.gz"


class Archived(Unavailable):
    """The log that was to be opened was archived meanwhile, or removed because it held nothing."""


class Vault:
    """Opens the files of one domain; keeps none open itself."""

    def __init__(self, home: Home, domain: Domain, key: Callable[[], str] | None = None) -> None:
        """`key` gives the 64 hexadecimal digits that open the files, None for a domain in clear; asked when needed."""
        self.domain = domain
        self.folder = home.memory / domain.value
        self._home = home
        self._key = key

    def weeks(self) -> list[str]:
        """The weeks that have a log, oldest first."""
        return [name.removeprefix(_LOG).removesuffix(_SUFFIX) for name in self._names(_LOG)]

    def exists(self) -> bool:
        """Whether anything was ever written to the domain, also when all logs are gone."""
        return bool(self.weeks() or self.archives() or self.catalogues())

    def archives(self) -> list[str]:
        """The weeks that have an archive, oldest first. One that was just archived may have its log still."""
        names = _listed(self.archive("").parent)
        return sorted(name.removesuffix(_ARCHIVE) for name in names if name.endswith(_ARCHIVE) and name[0] != ".")

    def catalogues(self) -> list[Path]:
        """The files of the catalogue; the last one serves."""
        return [self.folder / name for name in self._names(_CATALOGUE)]

    def path(self, week: str) -> Path:
        """The log of `week`, which need not exist."""
        return self.folder / f"{_LOG}{week}{_SUFFIX}"

    def archive(self, week: str) -> Path:
        """The archive of `week`, which need not exist; where it does, the log of the week takes nothing more."""
        return self._home.memory / "archives" / self.domain.value / f"{week}{_ARCHIVE}"

    def log_week(self, week: str) -> str:
        """The week whose log takes versions of `week` now: itself, or the next one that is not archived."""
        while self.archive(week).exists():
            week = next_week(week)
        return week

    def key(self) -> str | None:
        """What opens the files, None when they are in clear.

        Raises:
            CisError: the key is not to be had (see `keys.load_key`).
        """
        return self._key() if self._key else None

    def open_log(self, week: str, *, durable: bool = False) -> Database:
        """The log of `week`; made when there is none and it is to be written (`durable`).

        Raises:
            Archived: there is none any more (CIS-MEM-064), and a writer takes another one.
            CisError: the log, or the key, cannot be opened.
        """
        key, path = self.key(), self.path(week)
        if durable and not path.exists():
            self.prove_key(key)
            self.make_folder()
            with locked(self.folder):
                # In this order: a log goes only when its archive is there.
                if not path.exists() and self.archive(week).exists():
                    raise _archived(path)
                if not path.exists():
                    if week in self._known_weeks(key):
                        # It must not take the rows of the new log for those that it has seen.
                        self.renew_catalogue()
                    create(path, key, prepare_log)
        try:
            return self._open_existing(week, durable=durable)
        except Invalid:
            if durable:
                self.prove_key(key)
            raise

    def _open_existing(self, week: str, *, durable: bool = False) -> Database:
        path = self.path(week)
        try:
            log = Database(path, self.key(), durable=durable)
            try:
                check_log(log)
            except BaseException:
                log.close()
                raise
            return log
        except (Refused, Unavailable) as error:
            # An archiver that takes the file away takes what SQLite needs beside it too.
            if not path.exists():
                raise _archived(path) from error
            raise

    def open_week(self, week: str) -> Reading:
        """The log of `week`, or its archive, for reading.

        Raises:
            Unavailable: there is neither (CIS-MEM-035).
            CisError: it, or the key, cannot be opened.
        """
        if self.path(week).exists():
            with suppress(Archived):
                return self.open_log(week)
        if not self.archive(week).exists():
            raise missing(self.path(week))
        return self.open_archive(week)

    def open_archive(self, week: str) -> Reading:
        """The archive of `week`, for reading.

        Raises:
            CisError: it, or the key, cannot be opened.
        """
        from cis_tui.memory.archive_file import ArchiveFile

        archive = ArchiveFile(self.archive(week), week, self.key())
        try:
            check_log(archive)
        except BaseException:
            archive.close()
            raise
        return archive

    def attach_catalogue(self, database: Database, schema: str) -> Path:
        """Make the catalogue, up to date with the logs, known to `database` as `schema`.

        It is made anew when it is missing, damaged, or knows a log that is gone; then it goes on to tell of what was in
        that.

        Returns:
            Its file. When that is no longer there, another catalogue has taken its place.

        Raises:
            CisError: the catalogue, a log that it may lag behind, or the key cannot be opened.
        """
        key = self.key()
        path = self._attach(database, schema, key) or self._replace_catalogue(database, schema, key)
        try:
            self._catch_up(catalogue.taken_in(database, schema), path, key)
        except BaseException:
            database.run(f"DETACH DATABASE {schema}")
            raise
        return path

    def _attach(self, database: Database, schema: str, key: str | None) -> Path | None:
        """Attach the catalogue and give its file; None, and nothing is attached, when there is none that can serve."""
        paths = self.catalogues()
        # Of two, one is about to be removed, or was to be by a process that was killed.
        if len(paths) != 1:
            return None
        path = paths[0]
        try:
            database.attach(path, schema, key)
        except Invalid:
            return None
        # In this order: a log goes only when its archive is there.
        if catalogue.usable(database, schema, {*self.weeks(), *self.archives()}):
            return path
        database.run(f"DETACH DATABASE {schema}")
        return None

    def _replace_catalogue(self, database: Database, schema: str, key: str | None) -> Path:
        """Attach a new catalogue, or the one that another process has made meanwhile."""
        self.make_folder()
        with locked(self.folder):
            for path in self.catalogues()[:-1]:
                remove(path)
            there = self._attach(database, schema, key)
            if there:
                return there
            self.prove_key(key)
            path = self.renew_catalogue()
            database.attach(path, schema, key)
            return path

    def renew_catalogue(self) -> Path:
        """Put a new catalogue, which knows only what no log can tell it, in the place of the one there is; gives its
        file. The caller has locked the folder.

        Each has a name of its own: SQLite keeps a log beside an open file by name, and two files of one name, one of
        them removed but still open, would share it.
        """
        key, old = self.key(), self.catalogues()
        losses = self._losses(key)
        number = max(time.time_ns(), *(_number(path) + 1 for path in old), 0)
        path = self.folder / f"{_CATALOGUE}{number:016x}{_SUFFIX}"
        create(path, key, lambda database: catalogue.prepare(database, losses))
        for path_before in old:
            remove(path_before)
        return path

    def losses(self) -> list[catalogue.Loss]:
        """What the catalogue knows of and no log holds, by week and key, unless a person was told of it; nothing when
        it cannot be read.

        Raises:
            CisError: the key is not to be had.
        """
        if not self.folder.is_dir():
            return []
        view = Database.nothing()
        try:
            # What came back is taken in first, unless a damaged log keeps the catalogue from it.
            with suppress(CisError):
                self.attach_catalogue(view, "kept")
        finally:
            view.close()
        with locked(self.folder):
            return [loss for loss in self._losses(self.key()) if not loss.told]

    def _losses(self, key: str | None) -> list[catalogue.Loss]:
        for path in self.catalogues()[-1:]:
            with suppress(Invalid), closing(Database(path, key)) as database:
                return catalogue.losses(database, [*self.weeks(), *self.archives()])
        return []

    def _known_weeks(self, key: str | None) -> Mapping[str, int]:
        for path in self.catalogues()[-1:]:
            with suppress(Invalid), closing(Database(path, key)) as database:
                return catalogue.taken_in(database, "main")
        return {}

    def _catch_up(self, known: Mapping[str, int], path: Path, key: str | None) -> None:
        """Let the catalogue at `path`, which has taken in the rows `known`, take in what it has missed.

        Its commit follows the log's, so a crash can leave it behind; then the log's WAL is still there. The newest
        log is always looked at, in case somebody else tidied the WAL away.
        """
        weeks = self.weeks()
        for week in weeks:
            if week in known and week != weeks[-1] and not _has_wal(self.path(week)):
                continue
            # What is damaged cannot have got anything new; it is named when something is read from it.
            with suppress(Archived, Invalid) if week in known else suppress(Archived):
                self._catch_up_with(week, known.get(week, 0), path, key)
        for week in self.archives():
            # An archive that is damaged is left out, and `cis doctor` names it: the other weeks still serve.
            if week not in known and week not in weeks:
                with suppress(Invalid):
                    self._take_in(week, path, key)

    def _catch_up_with(self, week: str, known: int, path: Path, key: str | None) -> None:
        log = self.open_log(week, durable=True)
        try:
            if last_row(log) > known:
                log.attach(path, "kept", key)
                log.begin()
                catalogue.catch_up(log, "kept", week, last_row(log))
                log.commit()
        finally:
            log.close()

    def _take_in(self, week: str, path: Path, key: str | None) -> None:
        """Let the catalogue at `path`, which knows nothing of the archive of `week`, take it in."""
        archive, copy = self.open_archive(week), Database.nothing()
        try:
            index_rows(archive, copy)
            copy.attach(path, "kept", key)
            copy.begin()
            catalogue.catch_up(copy, "kept", week, last_row(copy))
            catalogue.know(copy, "kept", week)
            copy.commit()
        finally:
            copy.close()
            archive.close()

    def prove_key(self, key: str | None) -> None:
        """See that the key opens a log, before a file is made with it, or taken as damaged because it does not open.

        Raises:
            Unavailable: there are logs, and it opens none of them, nor what is derived from them (CIS-MEM-024).
        """
        problem: CisError | None = None
        tried = ((open, week) for open, weeks in self._all_files() for week in reversed(weeks))
        for open, week in tried if key is not None else ():
            try:
                with suppress(Archived):
                    open(week).close()
                    return
            except Invalid as error:
                problem = error
        if problem is not None and not self.opens_catalogue():
            raise Unavailable(
                "CIS-MEM-024",
                f"nothing in {self.folder} opens with the key in {self._home.keys}: it was written with another one",
                hint="restore the keys folder that belongs to it; nothing was changed",
                retryable=False,
            ) from problem

    def opens_catalogue(self) -> bool:
        """Whether the key opens what is derived from the logs, so that it is the right one, and they are damaged."""
        for path in self.catalogues():
            with suppress(CisError, OSError):
                if path.stat().st_size:  # an empty file opens with any key
                    Database(path, self.key()).close()
                    return True
        return False

    def _all_files(self) -> tuple[tuple[Callable[[str], Reading], list[str]], ...]:
        return (self._open_existing, self.weeks()), (self.open_archive, self.archives())

    def _names(self, kind: str) -> list[str]:
        """The files of one kind, in the order of their names."""
        return sorted(name for name in _listed(self.folder) if name.startswith(kind) and name.endswith(_SUFFIX))

    def make_folder(self) -> None:
        """Have the folder of the domain's files there, private to its owner."""
        if self.folder.is_dir():
            return
        try:
            private_dir(self._home.ensure().memory)
            private_dir(self.folder)
        except OSError as error:
            raise _not_a_folder(self.folder, error) from error


def missing(path: Path) -> Unavailable:
    """The error for a log that is gone, and is not archived."""
    return Unavailable(
        "CIS-MEM-035",
        f"{path} is missing, or was shortened",
        hint="restore it from a backup; cis doctor says what is affected",
        retryable=False,
    )


def _archived(path: Path) -> Archived:
    return Archived("CIS-MEM-064", f"{path} was archived", hint="try again")


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _not_a_folder(folder, error) from error


def _not_a_folder(folder: Path, error: OSError) -> Refused:
    return Refused(
        "CIS-MEM-033", f"cannot use {folder}: {error.strerror}", hint="it is a folder that you can read and write"
    )


def _number(path: Path) -> int:
    """What the names of catalogues are in the order of; 0 for one that no program gave."""
    with suppress(ValueError):
        return int(path.stem.removeprefix(_CATALOGUE), 16)
    return 0


def _has_wal(path: Path) -> bool:
    try:
        return os.stat(f"{path}-wal").st_size > 0
    except FileNotFoundError:
        return False
