"""Private copies of skills' folders: what runs is what was hashed, whatever happens to the folder meanwhile."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from cis_tui.core.errors import Refused, cannot_write
from cis_tui.core.paths import private_dir, real
from cis_tui.skills.digest import MAX_FILES, digest_of, hash_file, walk_files

MAX_SIZE = 256 * 1024 * 1024
"""Bytes of all files of one skill."""
_SETTLED = 0.1
"""Seconds after which a change would have another time than the one before it."""
_Stamp = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of a folder."""

    folder: Path
    digest: str
    """See `digest_of`."""
    files: Mapping[str, str]
    """Path in the folder to digest, see `HashedFile`."""


class Snapshots:
    """The copies that one engine runs skills from. Its methods block, and may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        """`folder` is this engine's alone; what an earlier one left there is removed."""
        self._folder = folder
        self._known: dict[Path, tuple[_Stamp, Snapshot]] = {}
        self._taken: dict[str, Snapshot] = {}
        self._lock = Lock()
        self.clear()

    def clear(self) -> None:
        """Remove all copies; only while nothing runs from them."""
        with self._lock:
            self._known.clear()
            self._taken.clear()
            if self._folder.exists():
                _remove(self._folder)

    def take(self, source: Path, within: Path) -> Snapshot:
        """A copy of the folder `source` as it is now; the same one as before if nothing changed.

        A link is followed to a file inside `within`, and becomes a file.

        Raises:
            Refused: a file of it cannot be hashed, or there are too many or too large ones (CIS-SKILL-085); the home
                cannot be written.
            Unavailable: the disk is full.
        """
        with self._lock:
            stamp = _stamp(source)
            known = self._known.get(source)
            if known is not None and stamp and known[0] == stamp:
                return known[1]
            try:
                snapshot = self._take(source, within)
            except OSError as error:
                raise cannot_write(self._folder, error) from error
            self._known[source] = (stamp, snapshot)
            return snapshot

    def _take(self, source: Path, within: Path) -> Snapshot:
        private_dir(self._folder)
        fresh = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            files = _copy(source, real(within), fresh)
        except BaseException:
            _remove(fresh)
            raise
        digest = digest_of(files)
        known = self._taken.get(digest)
        if known is not None:
            _remove(fresh)
            return known
        self._taken[digest] = Snapshot(fresh, digest, files)
        return self._taken[digest]


def _stamp(folder: Path) -> _Stamp:
    """Says whether something in `folder` was written; empty when that cannot be said.

    The time at which a file's state changed cannot be set back by hand; what happened just now has the time of what may
    happen next.
    """
    found: list[tuple[str, int, int, int, int]] = []
    newest = time.time_ns() - int(_SETTLED * 1e9)
    for path in walk_files(folder):
        try:
            status = path.stat()
        except OSError:
            return ()
        found.append((str(path), status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino))
        if status.st_ctime_ns > newest or len(found) > MAX_FILES:
            return ()
    return tuple(found)


def _copy(source: Path, within: Path, target: Path) -> dict[str, str]:
    """Copy every file, and give the digests of what was copied."""
    files: dict[str, str] = {}
    size = 0
    for path in walk_files(source):
        name = os.fsdecode(path.relative_to(source))
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as copy:
            hashed = hash_file(path, within, copy)
            size += hashed.size if hashed else 0
            if hashed is None or size > MAX_SIZE or len(files) >= MAX_FILES:
                raise _refused(path, source, whole=hashed is not None)
            os.fchmod(copy.fileno(), 0o500 if hashed.executable else 0o400)
        files[name] = hashed.digest
    return files


def _refused(path: Path, source: Path, *, whole: bool) -> Refused:
    if whole:
        hint = "move what is no part of the skill out of it"
        return Refused("CIS-SKILL-085", f"{source} is larger than a skill may be", hint=hint)
    message = f"{path} is not a regular file of at most 64 MB that lies inside"
    return Refused("CIS-SKILL-085", message, hint="put the file itself into the folder of the skill")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
