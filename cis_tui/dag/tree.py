"""Files below a folder, by paths relative to it. No link on the way is followed, so that nothing outside is touched."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple

MARK = ".cis-undo"
"""How the names of files end that are being put back."""
Keep = Callable[[BinaryIO, int], str]
"""Takes the content of a file and its size, gives what is to be known of it."""


class Kind(StrEnum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


class Entry(NamedTuple):
    """One file, folder or symbolic link."""

    path: str
    kind: Kind
    mode: int = 0
    """The permission bits; those of a link say nothing."""
    content: str = ""
    """What `Keep` gave for a file; where a link leads to."""


class Tree:
    """What lies below `root`. Methods raise `OSError` where the system does."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def missing_above(self, path: str) -> tuple[str, ...]:
        """The folders above `path` that are not there, the outermost first."""
        parents = [f"{parent}" for parent in reversed(Path(path).parents) if parent.name]
        return tuple(parent for parent in parents if self.status(parent) is None)

    def status(self, path: str) -> os.stat_result | None:
        """What the system says of `path` itself; None if nothing is there, or only behind a link."""
        try:
            with self._parent(path) as (folder, name):
                return os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return None
            raise

    def entry(self, path: str, keep: Keep) -> Entry | None:
        """What lies at `path`; None if nothing does.

        Raises:
            OSError: it cannot be read, or is no file, folder or link (EINVAL).
        """
        info = self.status(path)
        if info is None:
            return None
        mode = stat.S_IMODE(info.st_mode)
        with self._parent(path) as (folder, name):
            if stat.S_ISLNK(info.st_mode):
                return Entry(path, Kind.LINK, 0, os.readlink(name, dir_fd=folder))
            if stat.S_ISDIR(info.st_mode):
                return Entry(path, Kind.FOLDER, mode)
            if not stat.S_ISREG(info.st_mode):
                raise OSError(errno.EINVAL, "it is no file, folder or link", path)
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                return Entry(path, Kind.FILE, mode, keep(file, info.st_size))

    def entries(self, path: str, keep: Keep) -> Iterator[Entry]:
        """What lies at `path` and below it, each folder before what it holds."""
        open = [path]
        while open:
            entry = self.entry(current := open.pop(), keep)
            if entry is None:
                continue
            yield entry
            if entry.kind is Kind.FOLDER:
                with self._folder(current) as folder:
                    names = sorted(os.listdir(folder), reverse=True)
                open += [f"{current}/{name}" for name in names]

    def remove(self, entry: Entry) -> None:
        """Remove `entry`, which lies there; a folder has to be empty."""
        with self._parent(entry.path) as (folder, name):
            os.rmdir(name, dir_fd=folder) if entry.kind is Kind.FOLDER else os.unlink(name, dir_fd=folder)

    def put(self, entry: Entry, content: Path | None = None) -> None:
        """Let `entry` lie there, with the content of the file `content`: whole or not at all, and durable."""
        with self._parent(entry.path) as (folder, name):
            if entry.kind is Kind.FOLDER:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=folder)
                return
            temporary = _temporary(name)
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            if entry.kind is Kind.LINK:
                os.symlink(entry.content, temporary, dir_fd=folder)
            else:
                assert content is not None
                _copy(content, temporary, folder, entry.mode)
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)

    def chmod(self, entry: Entry) -> None:
        """Give the folder `entry` its permission bits."""
        with self._folder(entry.path) as folder:
            os.fchmod(folder, entry.mode)

    def sync(self, path: str) -> None:
        """Make what was done in the folder of `path` durable, if it is there."""
        with suppress(FileNotFoundError, NotADirectoryError), self._parent(path) as (folder, _):
            os.fsync(folder)

    def sweep(self, path: str) -> None:
        """Remove what a killed `put` may have left at `path`, and below it."""
        with suppress(FileNotFoundError, NotADirectoryError), self._parent(path) as (folder, name), suppress(OSError):
            os.unlink(_temporary(name), dir_fd=folder)
        open = [path]
        while open:
            info = self.status(current := open.pop())
            if info is None or not stat.S_ISDIR(info.st_mode):
                continue
            with self._folder(current) as folder:
                for name in os.listdir(folder):
                    if name.startswith(".") and name.endswith(MARK):
                        os.unlink(name, dir_fd=folder)
                    else:
                        open.append(f"{current}/{name}")

    @contextmanager
    def _parent(self, path: str) -> Generator[tuple[int, str]]:
        above, _, name = path.rpartition("/")
        with self._folder(above) as folder:
            yield folder, name

    @contextmanager
    def _folder(self, path: str) -> Generator[int]:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        folder = os.open(self.root, flags)
        try:
            for part in filter(None, path.split("/")):
                inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)


def _temporary(name: str) -> str:
    return f".{name[:200]}{MARK}"


def _copy(content: Path, name: str, folder: int, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with content.open("rb") as source, os.fdopen(os.open(name, flags, 0o600, dir_fd=folder), "wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
