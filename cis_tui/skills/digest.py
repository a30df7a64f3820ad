"""The files that make up a folder of code, and their hashes; no link out of the folder is ever followed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cis_tui.core.document import open_regular

MAX_FILES = 5_000
"""In one folder; one with more has no digest."""
MAX_FILE = 64 * 1024 * 1024
"""Bytes of one file."""
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


def walk_files(folder: Path) -> Iterator[Path]:
    """Everything below `folder` that is no folder, by name. A link is given as itself and never entered."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from walk_files(Path(entry.path))
        else:
            yield Path(entry.path)


def hash_file(path: Path, within: Path) -> HashedFile | None:
    """Read a regular file that really lies inside `within`, which has to be a resolved path.

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
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except (OSError, RuntimeError):
        return None
    return HashedFile(digest.hexdigest(), head, status.st_size)


def folder_digest(folder: Path) -> str:
    """SHA-256 over names and contents of all files below `folder`; empty if one of them cannot be hashed."""
    try:
        within = folder.resolve(strict=True)
    except (OSError, RuntimeError):
        return ""
    whole = hashlib.sha256()
    for count, path in enumerate(walk_files(folder)):
        file = hash_file(path, within) if count < MAX_FILES else None
        if file is None:
            return ""
        whole.update(os.fsencode(path.relative_to(folder)) + b"\0" + file.digest.encode() + b"\n")
    return whole.hexdigest()
