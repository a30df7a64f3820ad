"""The files that make up a folder of code, and their hashes; no link out of the folder is ever followed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cis_tui.core.document import open_regular

MAX_FILES = 5_000
"""In one folder; one with more has no digest."""
MAX_FILE = 64 * 1024 * 1024
"""Bytes of one file."""
COMPILED = "__pycache__"
MAX_HEAD = 64 * 1024
"""Bytes that are kept of the beginning of a file."""


@dataclass(frozen=True, slots=True)
class HashedFile:
    """One regular file as it was when it was read."""

    digest: str
    """SHA-256 of its content, of whether it may be executed, and of where it leads if it is a link."""
    head: bytes
    """Its first 64 kB."""
    size: int
    executable: bool = False


def walk_files(folder: Path) -> Iterator[Path]:
    """Everything below `folder` that is no folder, by name. A link is given as itself and never entered.

    What Python compiled (`__pycache__`) is passed over: it comes by itself, and is never run.
    """
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name != COMPILED:
                yield from walk_files(Path(entry.path))
        else:
            yield Path(entry.path)


def hash_file(path: Path, within: Path, copy: BinaryIO | None = None) -> HashedFile | None:
    """Read a regular file that really lies inside `within`, which has to be a resolved path.

    `copy` gets the very bytes that the digest is of.

    None for pipes, devices, files over 64 MB, links that lead out, and what cannot be read.
    """
    digest = hashlib.sha256()
    try:
        if path.is_symlink():
            digest.update(b"link to " + os.fsencode(os.readlink(path)) + b"\0")
        real = path.resolve(strict=True)
        if not real.is_relative_to(within):
            return None
        with open_regular(real, os.O_NOFOLLOW) as file:
            status = os.fstat(file.fileno())
            if status.st_size > MAX_FILE:
                return None
            digest.update(b"x" if status.st_mode & stat.S_IXUSR else b"-")
            head = file.read(MAX_HEAD)
            digest.update(head)
            if copy is not None:
                copy.write(head)
            size = len(head)
            while size <= MAX_FILE and (chunk := file.read(1 << 20)):
                size += len(chunk)
                digest.update(chunk)
                if copy is not None:
                    copy.write(chunk)
    except (OSError, RuntimeError):
        return None
    if size > MAX_FILE:
        return None
    return HashedFile(digest.hexdigest(), head, size, bool(status.st_mode & stat.S_IXUSR))


def folder_digest(folder: Path) -> str:
    """SHA-256 over names and contents of all files below `folder`; empty if one of them cannot be hashed."""
    digests = folder_files(folder)
    return digest_of(digests) if all(digests.values()) else ""


def folder_files(folder: Path, within: Path | None = None) -> dict[str, str]:
    """The digest of each file below `folder` by its path in it; empty for what cannot be hashed, or is too much.

    `within`: where a link may lead; without it, nowhere but into the folder.
    """
    try:
        inside = (within or folder).resolve(strict=True)
    except (OSError, RuntimeError):
        return {"": ""}
    digests: dict[str, str] = {}
    for path in walk_files(folder):
        if len(digests) >= MAX_FILES:
            digests[""] = ""
            break
        file = hash_file(path, inside)
        digests[os.fsdecode(path.relative_to(folder))] = file.digest if file else ""
    return digests


def digest_of(digests: Mapping[str, str]) -> str:
    """One SHA-256 over the names and digests of files."""
    whole = hashlib.sha256()
    for name, digest in sorted(digests.items()):
        whole.update(os.fsencode(name) + b"\0" + digest.encode() + b"\n")
    return whole.hexdigest()
