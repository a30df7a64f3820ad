"""The log of one attempt of a task: kept whole up to a limit, beyond it only its beginning and its end.

The beginning lies in `NAME.log`. What comes when that has half of the limit goes into the folder `NAME.log.more`, in
files that are named by the place in the whole output at which they begin; the oldest of them is removed whenever they
would become more than the other half. So a place in the output never moves, nothing is written twice, and a kill at any
moment leaves a log that can be read.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cis_tui.core.paths import private_dir

_PARTS = 4
"""Of the end; one of them is what is lost at once."""
_NAME = re.compile(r"\d{16}")


class LogFile:
    """Writes one log. What cannot be written is told once, by `failure`, and the rest is left."""

    def __init__(self, path: Path, limit: int) -> None:
        """Begin the log at `path` anew; `limit`: bytes that it may take.

        Raises:
            OSError: the file cannot be made.
        """
        private_dir(path.parent)
        self._more = more_folder(path)
        if self._more.exists():
            shutil.rmtree(self._more)
        self._file = _make(path)
        self._head = max(limit // 2, 1)
        self._part = max(limit // 2 // _PARTS, 1)
        self._size = 0
        self._parts: list[Path] = []
        self.failure: OSError | None = None
        """Why the file lacks what came after."""

    def write(self, data: bytes) -> None:
        """Append `data`."""
        if self.failure is not None:
            return
        view = memoryview(data)
        try:
            while view:
                room = self._room()
                written = os.write(self._file, view[:room])
                self._size += written
                view = view[written:]
        except OSError as error:
            self.failure = error

    def close(self) -> None:
        os.close(self._file)

    def _room(self) -> int:
        """Bytes that fit into the present file; begins the next one if there are none."""
        beyond = self._size - self._head
        if beyond < 0:
            return -beyond
        if beyond % self._part == 0:
            self._next()
        return self._part - beyond % self._part

    def _next(self) -> None:
        private_dir(self._more)
        part = self._more / f"{self._size:016d}"
        if part in self._parts:
            return
        file = _make(part)
        os.close(self._file)
        self._file = file
        self._parts.append(part)
        if len(self._parts) > _PARTS:
            self._parts.pop(0).unlink()


def _make(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)


def more_folder(path: Path) -> Path:
    """Where the end of the log at `path` lies, if it is too long to be kept whole."""
    return path.with_name(f"{path.name}.more")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an output as it lies in a file."""

    path: Path
    start: int
    """Its place in the whole output."""
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size


def pieces(path: Path) -> list[Piece]:
    """What there is of the log at `path`, in order; between two of them something may be missing. Blocks.

    Raises:
        FileNotFoundError: there is no log.
    """
    found = [Piece(path, 0, path.stat().st_size)]
    with suppress(FileNotFoundError):
        for entry in sorted(os.listdir(more_folder(path))):
            if _NAME.fullmatch(entry):
                with suppress(FileNotFoundError):  # removed since, as newer ones came
                    part = more_folder(path) / entry
                    found.append(Piece(part, int(entry), part.stat().st_size))
    return found


def read_bytes(found: Sequence[Piece], offset: int, limit: int) -> tuple[int, int, bytes]:
    """Bytes from the place `offset` on, at most `limit`, until some are missing: how many are before, place, bytes."""
    begin = place = min(offset, found[-1].end)
    data = bytearray()
    for piece in found:
        if place >= piece.end or len(data) >= limit:
            continue
        if piece.start > place:
            if data:
                break
            begin = place = piece.start
        with suppress(FileNotFoundError), piece.path.open("rb") as file:  # removed since, as newer ones came
            file.seek(place - piece.start)
            data += file.read(limit - len(data))
            place = begin + len(data)
    return max(begin - offset, 0), begin, bytes(data)
