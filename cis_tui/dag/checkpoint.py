"""Before-images: what lay at the paths of `creates` before a task began, kept in the home beside the run's output."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cis_tui.core.errors import CisError, Invalid, Refused, cannot_write
from cis_tui.core.paths import private_dir, real, replacing, sync_dir
from cis_tui.core.text import clean_line
from cis_tui.dag.tree import Entry, Keep, Kind, Tree

log = logging.getLogger(__name__)
MAX_BYTES = 256 * 1024 * 1024
"""Of the files that are kept for one path."""
MAX_RUN = 1024 * 1024 * 1024
"""Bytes that are kept for one run."""
MAX_ENTRIES = 20_000
"""Files and folders that are kept for one path."""
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Image:
    """What lay at a path."""

    entries: tuple[Entry, ...] = ()
    """Each folder before what it holds; empty if nothing lay there."""
    missing: tuple[str, ...] = ()
    """The folders above it that were not there."""


class Checkpoints:
    """The images of one run. Its methods block."""

    def __init__(self, folder: Path, root: Path) -> None:
        """`folder`: where they are kept; `root`: what their paths are relative to."""
        self._folder = folder
        self._size = sum(file.stat().st_size for file in folder.iterdir()) if folder.is_dir() else 0
        self.tree = Tree(root)

    def keep(self, path: str) -> str:
        """Keep what lies at `path`, with its content; durable when this returns. The name of the image.

        Raises:
            Refused: it is more than can be kept (CIS-DAG-121), or cannot be read (CIS-DAG-122).
            CisError: it cannot be written down.
        """
        size = 0

        def keep(file: BinaryIO, length: int) -> str:
            nonlocal size
            size += length
            if size > MAX_BYTES or self._size + length > MAX_RUN:
                limit = f"{MAX_BYTES // 1024 // 1024} MB, or the run {MAX_RUN // 1024 // 1024} MB in all"
                raise _too_much(path, f"more than {limit}")
            self._size += length
            return self._add(file)

        return self._write(self._image(path, keep))

    def look(self, path: str) -> str:
        """The name of an image of what lies at `path`, without the contents of files.

        Raises:
            CisError: as `keep`.
        """
        return self._write(self._image(path, fingerprint))

    def keep_all(self, paths: Iterable[str]) -> dict[str, str]:
        """The images of what lies at `paths`, kept as `keep` does."""
        return {path: self.keep(path) for path in paths}

    def look_all(self, paths: Iterable[str]) -> dict[str, str]:
        """The images of what lies at `paths`; none of what cannot be looked at, which a rollback sets aside."""
        found: dict[str, str] = {}
        for path in paths:
            try:
                found[path] = self.look(path)
            except CisError as error:
                log.warning("what was made at %s is not known: %s", path, error.message)
        return found

    def image(self, name: str) -> Image:
        """The image called `name`.

        Raises:
            Invalid: it is gone or damaged (CIS-DAG-123).
        """
        try:
            text = self.content(name).read_bytes()
            if hashlib.sha256(text).hexdigest() != name:
                raise ValueError("it was changed")
            data = json.loads(text)
            entries = tuple(Entry(path, Kind(kind), mode, content) for path, kind, mode, content in data["entries"])
            return Image(entries, tuple(data["missing"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise Invalid("CIS-DAG-123", f"a before-image in {self._folder} cannot be read: {error}") from error

    def content(self, name: str) -> Path:
        """Where the content called `name` lies."""
        return self._folder / name

    def intact(self, name: str) -> bool:
        """Whether the content called `name` is there as it was kept."""
        try:
            with self.content(name).open("rb") as file:
                return _digest(file) == name
        except OSError:
            return False

    def drop(self) -> None:
        """Remove all that was kept."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _image(self, path: str, keep: Keep) -> Image:
        entries: list[Entry] = []
        try:
            for entry in self.tree.entries(path, keep):
                entries.append(entry)
                if len(entries) > MAX_ENTRIES:
                    raise _too_much(path, f"more than {MAX_ENTRIES} files")
            return Image(tuple(entries), self.tree.missing_above(path))
        except OSError as error:
            where = clean_line(str(error.filename or path))
            message = f'what lies at "{clean_line(path)}" cannot be kept: {where}: {error.strerror}'
            raise Refused("CIS-DAG-122", message, hint='take it out of "creates", or make it readable') from error

    def _add(self, file: BinaryIO) -> str:
        """Keep a content; it is durable once the folder is."""
        try:
            self._make_folder()
            temporary = self._folder / f"{os.getpid()}.{id(file)}.tmp"
            hashed = hashlib.sha256()
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as copy:
                    while piece := file.read(_PIECE):
                        hashed.update(piece)
                        copy.write(piece)
                    copy.flush()
                    os.fsync(copy.fileno())
                os.replace(temporary, self.content(hashed.hexdigest()))
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        return hashed.hexdigest()

    def _write(self, image: Image) -> str:
        text = json.dumps({"entries": image.entries, "missing": image.missing}, separators=(",", ":")).encode()
        name = hashlib.sha256(text).hexdigest()
        try:
            self._make_folder()
            if not self.intact(name):
                with replacing(self.content(name)) as file:
                    file.write(text)
            else:
                sync_dir(self._folder)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        return name

    def _make_folder(self) -> None:
        if not self._folder.is_dir():
            private_dir(self._folder)
            for folder in list(self._folder.parents)[:2]:
                sync_dir(folder)


def fingerprint(file: BinaryIO, size: int) -> str:
    """What tells the content of a file from any other: its digest; of one too large to be kept, when it was written."""
    if size <= MAX_BYTES:
        return _digest(file)
    info = os.fstat(file.fileno())
    return f"{info.st_size}.{info.st_mtime_ns}.{info.st_ino}"


def _digest(file: BinaryIO) -> str:
    hashed = hashlib.sha256()
    while piece := file.read(_PIECE):
        hashed.update(piece)
    return hashed.hexdigest()


def place(root: Path, folder: Path, path: str, task: str) -> str:
    """`path`, which a task that runs in `folder` names, relative to `root`.

    Raises:
        Refused: it is not inside of it (CIS-DAG-120).
    """
    named = Path(os.path.normpath(folder / path))
    found = real(named.parent) / named.name
    if not named.name or found == root or not found.is_relative_to(root):
        message = f'"{clean_line(path)}", which "{task}" creates, does not lie in {root}'
        raise Refused("CIS-DAG-120", message, hint="a rollback removes and restores files of the project only")
    return str(found.relative_to(root))


def _too_much(path: str, much: str) -> Refused:
    return Refused(
        "CIS-DAG-121",
        f'"{clean_line(path)}" holds {much}, too much to be kept for a rollback',
        hint='take it out of "creates", or name less of it',
    )


def undo_folder(runs: Path, run: str) -> Path:
    """Where the images of a run are kept."""
    return runs / run / "undo"
