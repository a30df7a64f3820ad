"""What is sent to a worker: one attempt as plain data, and the files of the skill that it calls."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cis_tui.core.codec import decode, dumps
from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.paths import real
from cis_tui.skills.digest import walk_files
from cis_tui.skills.model import SkillManifest

MAX_PACKAGE = 16 * 1024 * 1024
"""Bytes of all files of a skill that is sent."""
MAX_FILES = 2_000


@dataclass(frozen=True, slots=True)
class Invocation:
    """One attempt. It travels as JSON, never as a pickle of our code."""

    key: str
    """Its own: what has begun under it, or was ended, never begins again."""
    session: str
    """The executor that asks."""
    hands: str
    """The worker process for which it is; see `Hands.id`."""
    run: str
    task: str
    attempt: int
    skill: str
    line: str = ""
    """For the shell."""
    manifest: SkillManifest | None = None
    """The native skill."""
    package: str = ""
    """Digest of the skill's files, which the worker has by then."""
    args: tuple[str, ...] = ()
    input: Mapping[str, object] = field(default_factory=dict[str, object])
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is added to the worker's own environment."""
    project: str = ""
    """The project's folder, if the worker has the same one; else it works in a new one, which is removed."""
    work_dir: str = "."
    """Relative to that."""
    timeout: float | None = None

    def dumps(self) -> bytes:
        """Itself as JSON."""
        return dumps(self).encode()

    @classmethod
    def loads(cls, data: bytes) -> Invocation:
        """What `dumps` wrote.

        Raises:
            Invalid: it has another shape.
        """
        return decode(cls, _parsed(data))


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One file of a package."""

    path: str
    """Relative to the skill's folder."""
    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Package:
    """All files of a skill."""

    files: tuple[PackedFile, ...]


def digest_of(data: bytes) -> str:
    """What a package is known by."""
    return hashlib.sha256(data).hexdigest()


def pack(manifest: SkillManifest) -> bytes:
    """The files of a skill as one document, the same for the same files.

    Raises:
        Refused: they are too many or too large to be sent, or a link leads out of the folder (CIS-DAG-169).
    """
    folder = real(manifest.folder)
    files: list[PackedFile] = []
    room = MAX_PACKAGE
    for path in walk_files(folder):
        name = str(path.relative_to(folder))
        try:
            target = real(path)
            status = target.stat()
            if not target.is_relative_to(folder) or not stat.S_ISREG(status.st_mode):
                raise _unsendable(manifest, f"{name} is no file of its folder")
            room -= status.st_size
            if room < 0 or len(files) >= MAX_FILES:
                raise _unsendable(manifest, f"more than {MAX_PACKAGE >> 20} MB, or {MAX_FILES} files")
            name.encode()
            files.append(PackedFile(name, target.read_bytes(), bool(status.st_mode & stat.S_IXUSR)))
        except (OSError, UnicodeError) as error:
            raise _unsendable(manifest, f"{name!r} cannot be read: {error}") from error
    return dumps(Package(tuple(files))).encode()


def sent(manifest: SkillManifest) -> SkillManifest:
    """The manifest without what it says of this machine."""
    return replace(manifest, folder=Path(), file=manifest.name)


def unpack(data: bytes, digest: str, folder: Path) -> None:
    """Write the files of a package into `folder`, which is made; blocks.

    Raises:
        Invalid: it is not what `digest` says, or no package (CIS-DAG-169).
        OSError: a file cannot be written.
    """
    if digest_of(data) != digest:
        raise Invalid("CIS-DAG-169", "the files of the skill are not those that were sent")
    package = decode(Package, _parsed(data))
    folder.mkdir(parents=True)
    for file in package.files:
        path = folder / file.path
        inside = Path(os.path.normpath(path)).is_relative_to(folder)
        if not inside or "\0" in file.path or Path(file.path).is_absolute():
            raise Invalid("CIS-DAG-169", f"the files of the skill hold {file.path!r}, which leaves its folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(0o700 if file.executable else 0o600)


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data)
    except ValueError as error:
        raise Invalid("CIS-CORE-020", f"unexpected data: {error}") from error


def _unsendable(manifest: SkillManifest, why: str) -> Refused:
    return Refused(
        "CIS-DAG-169",
        f"the skill {manifest.name} cannot be sent to a worker: {why}",
        hint="keep what it needs small and inside its folder, or use --executor local",
    )
