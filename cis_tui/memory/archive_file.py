"""An archived week: a SQLite database, read through its blocks (see `blocks`) and never unpacked.

A look-up touches a few pages, so it decompresses a few blocks. SQLite reads them through a VFS that can do nothing but
read; its driver is apsw, since the one of the open logs knows no VFS written in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import apsw

from cis_tui.core.errors import CisError, Invalid
from cis_tui.memory.blocks import BlockFile, Clear, Envelope
from cis_tui.memory.database import Row, inode

_NAME = "cis-archive"
# What a question has to sort must not reach the disk either.
_GUARDS = ("PRAGMA temp_store=MEMORY", "PRAGMA query_only=1", "PRAGMA trusted_schema=0", "PRAGMA cell_size_check=1")


class ArchiveFile:
    """The log of an archived week, open for reading; see `database.Reading`. Not for two threads at once."""

    def __init__(self, path: Path, week: str, key: str | None) -> None:
        """Open the archive of `week` at `path`; `key` is the data key, None for a public week.

        Raises:
            CisError: it cannot be read, is damaged, or was written with another key (CIS-MEM-060 to 063).
        """
        self.path = path
        self._inode = inode(path)
        self._blocks = BlockFile(path, envelope_of(path, week, key))
        try:
            self._connection: Any = _vfs().connect(self._blocks)  # what it takes and gives is not fully typed
        except BaseException:
            self._blocks.close()
            raise
        try:
            for guard in _GUARDS:
                self.value(guard)
        except BaseException:
            self.close()
            raise

    def all(self, sql: str, args: Sequence[object] = ()) -> list[Row]:
        """Every row of the answer."""
        try:
            return self._connection.execute(sql, args).fetchall()
        except (apsw.Error, UnicodeDecodeError) as error:
            raise _damaged(self.path, error) from error

    def one(self, sql: str, args: Sequence[object] = ()) -> Row | None:
        """The first row of the answer."""
        found = self.all(sql, args)
        return found[0] if found else None

    def value(self, sql: str, args: Sequence[object] = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.one(sql, args)
        return None if row is None else row[0]

    @property
    def in_place(self) -> bool:
        """Whether the file that is open here is still the one at `path`."""
        return inode(self.path) == self._inode

    def close(self) -> None:
        """Let go of the file; may be called again."""
        self._connection.close(True)
        self._blocks.close()


def envelope_of(path: Path, week: str, key: str | None) -> Envelope:
    """What the archive of `week` at `path` is wrapped in.

    Raises:
        CisError: it does not open with `key` (see `seal.Sealed.of`).
    """
    if key is None:
        return Clear()
    from cis_tui.memory.seal import Sealed

    return Sealed.of(path, key, week)


class _ReadOnly(apsw.VFS):
    """Lets SQLite see block files under names that are used once."""

    def __init__(self) -> None:
        super().__init__(_NAME, "")
        self._numbers = count(1)
        self._files: dict[str, BlockFile] = {}

    def connect(self, file: BlockFile) -> apsw.Connection:
        """A connection to the database in `file`."""
        name = f"archive-{next(self._numbers)}"
        self._files[name] = file
        try:
            return apsw.Connection(name, vfs=_NAME, flags=apsw.SQLITE_OPEN_READONLY)
        except apsw.Error as error:
            raise _damaged(file.path, error) from error
        finally:
            del self._files[name]

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        """See SQLite, "The SQLite OS Interface or VFS"."""
        shown = name.filename() if isinstance(name, apsw.URIFilename) else name
        file = self._files.get(shown or "")
        if file is None:
            raise apsw.CantOpenError(f"{shown} is not open")
        opened: Any = _Pages(file)
        return opened

    def xFullPathname(self, name: str) -> str:
        """See `xOpen`."""
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:
        """See `xOpen`: there is no journal."""
        return False


class _Pages:
    """A block file as SQLite's VFS wants a file: complete, never written, never locked."""

    def __init__(self, file: BlockFile) -> None:
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:
        return self._file.read(offset, amount)

    def xFileSize(self) -> int:
        return self._file.size

    def xLock(self, level: int) -> None: ...
    def xUnlock(self, level: int) -> None: ...
    def xClose(self) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, ptr: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return 4096

    def xDeviceCharacteristics(self) -> int:
        return apsw.SQLITE_IOCAP_IMMUTABLE


@cache
def _vfs() -> _ReadOnly:
    return _ReadOnly()


def _damaged(path: Path, error: Exception) -> CisError:
    return Invalid(
        "CIS-MEM-060",
        f"{path} is damaged ({error})",
        hint="restore it from a backup; the other weeks are not affected",
    )
