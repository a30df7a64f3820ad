"""SQLite as memory uses it: one driver for clear and encrypted files, its failures told as ours."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import sqlcipher3.dbapi2 as _sqlite

from cis_tui.core.errors import FULL_HINT, CisError, Invalid, Refused, Unavailable, cannot_write
from cis_tui.core.paths import sync_dir

_CACHE = 16_384
"""KiB of pages that each open file may keep: an encrypted page costs as much to open as to look through."""
_ROOM = 128 * 1024
"""Bytes: more than SQLite asks for at once beside a file."""
DAMAGED_HINT = "cis doctor checks every file of memory; cis doctor --repair salvages what can be read"
BUSY_SECONDS = 10.0
"""How long a write waits for other processes."""
sqlite: Any = _sqlite  # the driver has no type stubs
_DAMAGES = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_FAILURES: tuple[type[Exception], ...] = (sqlite.Error, UnicodeEncodeError)
Row = tuple[Any, ...]


class Reading(Protocol):
    """A database that is asked: the log of an open week, or an archive."""

    path: Path

    @property
    def in_place(self) -> bool:
        """Whether the file that is open here is still the one at `path`."""
        ...

    def all(self, sql: str, args: Sequence[object] = ()) -> list[Row]:
        """Every row of the answer."""
        ...

    def one(self, sql: str, args: Sequence[object] = ()) -> Row | None:
        """The first row of the answer."""
        ...

    def value(self, sql: str, args: Sequence[object] = ()) -> Any:
        """The first column of the first row, or None."""
        ...

    def close(self) -> None:
        """Let go of the file; may be called again."""
        ...


class Database:
    """One open SQLite file in WAL mode; not for two threads at once."""

    def __init__(self, path: Path, key: str | None = None, *, durable: bool = False) -> None:
        """Open the file at `path`, which exists.

        `key`: 64 hexadecimal digits, None for a clear file. `durable`: a commit is on the disk when it returns;
        otherwise a loss of power, but no crash of the process, may take the last ones.

        Raises:
            Invalid: the file is no database, or `key` is not its key (CIS-MEM-032).
            Unavailable: other processes are in the way (CIS-MEM-030).
            Refused: the file may not be opened (CIS-MEM-033).
        """
        self.path = path
        try:
            self._inode = inode(path)
            self._connection = _connect(f"{path.as_uri()}?mode=rw")
            if key is not None:
                self._connection.execute("PRAGMA cipher_log_level=NONE")
                self._connection.set_key(raw_key(key))
            self._connection.execute("PRAGMA journal_mode=WAL").fetchone()
            self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._connection.execute(f"PRAGMA cache_size=-{_CACHE}")
        except _FAILURES as error:
            raise failure(error, path) from error

    @classmethod
    def nothing(cls) -> Database:
        """A connection without a file of its own, to attach others to."""
        database = cls.__new__(cls)
        database.path = Path(":memory:")
        database._inode = 0
        database._connection = _connect(":memory:")
        return database

    def attach(self, path: Path, schema: str, key: str | None) -> None:
        """Make the file at `path` known as `schema` on this connection too."""
        self.run("PRAGMA cipher_log_level=NONE")
        try:
            name = f"{path.as_uri()}?mode=rw"
            self._connection.execute(f"ATTACH DATABASE ? AS {schema} KEY ?", (name, raw_key(key) if key else ""))
        except _FAILURES as error:
            raise failure(error, path) from error
        try:
            self._connection.execute(f"PRAGMA {schema}.synchronous=NORMAL")
            self._connection.execute(f"PRAGMA {schema}.cache_size=-{_CACHE}")
            self._connection.execute(f"PRAGMA {schema}.journal_mode=WAL").fetchone()
        except _FAILURES as error:
            self._connection.execute(f"DETACH DATABASE {schema}")
            raise failure(error, path) from error

    def all(self, sql: str, args: Sequence[object] = ()) -> list[Row]:
        """Every row of the answer."""
        try:
            return self._connection.execute(sql, args).fetchall()
        except _FAILURES as error:
            raise self._failure(error) from error

    def one(self, sql: str, args: Sequence[object] = ()) -> Row | None:
        """The first row of the answer."""
        try:
            return self._connection.execute(sql, args).fetchone()
        except _FAILURES as error:
            raise self._failure(error) from error

    def value(self, sql: str, args: Sequence[object] = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.one(sql, args)
        return None if row is None else row[0]

    def run(self, sql: str, args: Sequence[object] = ()) -> None:
        """Execute one statement."""
        try:
            self._connection.execute(sql, args)
        except _FAILURES as error:
            raise self._failure(error) from error

    def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Execute one statement for each of `rows`."""
        try:
            self._connection.executemany(sql, rows)
        except _FAILURES as error:
            raise self._failure(error) from error

    def begin(self, *, seconds: float = BUSY_SECONDS) -> None:
        """Begin to write, after waiting at most `seconds` for other processes.

        Raises:
            Unavailable: they did not let go (CIS-MEM-030).
        """
        self._connection.set_busy_timeout(seconds)
        try:
            self.run("BEGIN IMMEDIATE")
        finally:
            self._connection.set_busy_timeout(BUSY_SECONDS)

    def commit(self) -> None:
        """Make what was written since `begin` lasting."""
        self.run("COMMIT")

    def rollback(self) -> None:
        """Take back what was written since `begin`, if anything was begun."""
        if self._connection.in_transaction:
            self.run("ROLLBACK")

    @property
    def in_place(self) -> bool:
        """Whether the file that is open here is still the one at `path`."""
        return inode(self.path) == self._inode

    def _failure(self, error: Exception) -> CisError:
        """What went wrong, told of the file that it went wrong with: that may be an attached one."""
        if not str(getattr(error, "sqlite_errorname", "")).startswith(_DAMAGES):
            return failure(error, self.path)
        with suppress(sqlite.Error):
            for _, schema, file in self._connection.execute("PRAGMA database_list").fetchall():
                if file and not self._is_whole(schema):
                    return failure(error, Path(file))
        return failure(error, self.path)

    def _is_whole(self, schema: str) -> bool:
        try:
            return self._connection.execute(f"PRAGMA {schema}.quick_check(1)").fetchone() == ("ok",)
        except sqlite.Error:
            return False

    def close(self) -> None:
        """Let go of the file; may be called again."""
        self._connection.close()


def create(path: Path, key: str | None, prepare: Callable[[Database], None]) -> None:
    """Make the database at `path` (0600) with what `prepare` puts into it; the caller keeps others out of the folder.

    It appears complete or not at all, whenever the process is killed.

    Raises:
        Unavailable: the disk is full (CIS-CORE-012, CIS-MEM-031).
        Refused: the folder cannot be written (CIS-CORE-013).
    """
    temporary = path.with_name(".new.db")
    try:
        remove(temporary)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            _fill(temporary, key, prepare)
            temporary.rename(path)
        except BaseException:
            remove(temporary)
            raise
        sync_dir(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def _fill(path: Path, key: str | None, prepare: Callable[[Database], None]) -> None:
    """Let `prepare` make the database at `path`, and have all of it in this one file."""
    database = Database(path, key, durable=True)
    try:
        prepare(database)
        # To close a database does this too, but says nothing when it fails.
        database.one("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        database.close()


def reencrypt(source: Path, target: Path, old: str, new: str) -> None:
    """Write what the file `source`, which the key `old` opens, holds to `target` (0600), durably, under the key `new`.

    Nobody else may have `source` open. All of both files is read and checked, and nothing passes the disk in clear.

    Raises:
        Invalid: `source` is damaged, or `old` is not its key (CIS-MEM-032).
        CisError: `target` cannot be written.
    """
    with _told_of(target):
        remove(target)
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(_open(source, old)) as before, closing(_open(target, new)) as after:
        with _told_of(source):
            _check_pages(before, source)
            # What is in the log beside the file goes into the file, so that the file alone is all of it.
            before.execute("PRAGMA journal_mode=DELETE").fetchone()
        with _told_of(target):
            before.backup(after)
            _check_pages(after, target)
    with _told_of(target), target.open("rb") as file:
        os.fsync(file.fileno())


def remove(path: Path) -> None:
    """Remove a database that can be made again, with what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Keep other processes, and other threads, that ask the same out of `folder` meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def raw_key(key: str) -> str:
    """`key`, 64 hexadecimal digits, as SQLCipher takes a key that is not to be derived from a passphrase.

    Raises:
        Invalid: `key` is something else (CIS-MEM-022); SQLCipher would take it for a passphrase.
    """
    if len(key) != 64 or not all(digit in "0123456789abcdef" for digit in key):
        raise Invalid("CIS-MEM-022", "the key of private memory is not 64 hexadecimal digits")
    return f"x'{key}'"


def failure(error: Exception, path: Path) -> CisError:
    """What went wrong with the database at `path`, in words that a person can act on."""
    if isinstance(error, UnicodeEncodeError):
        return Invalid("CIS-MEM-001", "a key, or the beginning of one, is text that UTF-8 can express")
    kind = str(getattr(error, "sqlite_errorname", ""))
    if kind.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Unavailable(
            "CIS-MEM-030", f"{path} is in use by another process", hint="try again when it has finished writing"
        )
    if kind.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        full = kind.startswith("SQLITE_FULL") or _is_full(path)
        reason, hint = ("the disk is full", FULL_HINT) if full else (str(error), "see what is wrong with the disk")
        return Unavailable("CIS-MEM-031", f"cannot write {path}: {reason}", hint=hint)
    if kind.startswith(_DAMAGES):
        return Invalid("CIS-MEM-032", f"{path} is damaged ({error})", hint=DAMAGED_HINT)
    if kind.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return Refused("CIS-MEM-033", f"cannot open {path}: {error}", hint="check that the file is there and is yours")
    return CisError("CIS-MEM-039", f"{path}: {error}")


def _is_full(path: Path) -> bool:
    """Whether there is no room for what SQLite keeps beside a file, of which it says no more than that it failed."""
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _ROOM


def inode(path: Path) -> int:
    """What tells a file from another of the same name; 0 when there is none."""
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


def _connect(uri: str) -> Any:
    return sqlite.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)


def _open(path: Path, key: str) -> Any:
    """An encrypted file as it is, in no particular mode."""
    with _told_of(path):
        connection = _connect(f"{path.as_uri()}?mode=rw")
        connection.execute("PRAGMA cipher_log_level=NONE")
        connection.set_key(raw_key(key))
        return connection


def _check_pages(connection: Any, path: Path) -> None:
    """See that every page was written with the key and not changed since."""
    problems = connection.execute("PRAGMA cipher_integrity_check").fetchall()
    if problems:
        raise Invalid("CIS-MEM-032", f"{path} is damaged ({problems[0][0]})", hint="cis doctor checks every file")


@contextmanager
def _told_of(path: Path) -> Generator[None]:
    """Tell failures as those of the file at `path`."""
    try:
        yield
    except _FAILURES as error:
        raise failure(error, path) from error
    except OSError as error:
        raise cannot_write(path, error) from error
