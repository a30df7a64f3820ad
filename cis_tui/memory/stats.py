"""What memory holds, where it lies, and how its layers do, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cis_tui.memory.layers import LayerStats
from cis_tui.memory.records import Domain, KeyState


@dataclass(frozen=True, slots=True)
class LogStats:
    """One weekly log."""

    week: str
    entries: int | None
    """Current entries that lie in it; None when it cannot be looked into."""
    bytes: int
    """Of its file, with what SQLite keeps beside it."""


@dataclass(frozen=True, slots=True)
class DomainStats:
    """One domain."""

    domain: Domain
    entries: int | None
    """Current ones, also those in archives; None when that is not known."""
    kinds: Mapping[str, int]
    """Current entries of the open logs by what they were classed as."""
    logs: tuple[LogStats, ...]
    """Oldest first."""
    archives: int
    archive_bytes: int
    problem: str = ""
    """Why the rest is not known: private memory is locked, or a file cannot be read."""


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """All of memory at one glance."""

    domains: tuple[DomainStats, ...]
    layers: tuple[LayerStats, ...]
    """Since the process that answers began."""
    cached: int
    """Entries in the cache."""
    private_key: KeyState
