"""The tree that keys make: their parts end at `/`."""

from __future__ import annotations

from dataclasses import dataclass

from cis_tui.memory.database import Database

MOST = 1_000
"""Branches that are told of one level."""


@dataclass(frozen=True, slots=True)
class MemoryBranch:
    """The entries whose keys begin alike."""

    prefix: str
    """How they begin, up to and with a `/`."""
    entries: int


@dataclass(frozen=True, slots=True)
class MemoryTree:
    """One level of the tree: what begins with a prefix, and how that goes on."""

    prefix: str
    entries: int
    """Current ones below `prefix`, also those that are on no branch."""
    branches: tuple[MemoryBranch, ...]
    """In the order of their keys."""
    complete: bool
    """Whether these are all branches, and not the first thousand."""


def read_tree(database: Database, keys: str, prefix: str) -> MemoryTree:
    """The level below `prefix`. `keys` is the question for the keys between two bounds, without doubles.

    It goes from branch to branch, so that each key is looked at once and no more than the branches are held.
    """
    end = after_prefix(prefix)
    bounds: tuple[object, object] = (prefix, end)
    entries = _count(database, keys, bounds)
    found: list[MemoryBranch] = []
    next_key = f"SELECT key FROM ({keys}) WHERE instr(substr(key, ?3), '/') LIMIT 1"
    while len(found) <= MOST:
        row = database.one(next_key, (*bounds, len(prefix) + 1))
        if row is None:
            break
        branch = str(row[0])[: str(row[0]).index("/", len(prefix)) + 1]
        past = after_prefix(branch)
        found.append(MemoryBranch(branch, _count(database, keys, (branch, past))))
        bounds = (past, end)
    return MemoryTree(prefix, entries, tuple(found[:MOST]), len(found) <= MOST)


def _count(database: Database, keys: str, bounds: tuple[object, object]) -> int:
    return int(database.value(f"SELECT count(*) FROM ({keys})", bounds))


def after_prefix(prefix: str) -> str | bytes:
    """What comes after every key that begins with `prefix`, in SQLite's order."""
    while prefix:
        last = ord(prefix[-1]) + 1
        if last == 0xD800:
            last = 0xE000  # surrogates are no characters
        if last <= 0x10FFFF:
            return prefix[:-1] + chr(last)
        prefix = prefix[:-1]
    return b""  # any BLOB comes after any TEXT
