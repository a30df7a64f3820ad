"""The history of one key, put in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cis_tui.memory.records import Domain, MemoryItem
from cis_tui.memory.versions import Rank, concurrent


def newest_first(versions: Iterable[tuple[Rank, MemoryItem]]) -> tuple[MemoryItem, ...]:
    """Versions, given after their ranks, newest first; each once, concurrent ones marked.

    A move to the other domain is one version in two logs, an entry there and a tombstone here: only the entry shows.
    """
    ordered = [item for _, item in sorted(versions, key=lambda found: (found[0], not found[1].deleted), reverse=True)]
    if not ordered:
        return ()
    current = _current(ordered)
    once = {frozenset(item.version.items()): item for item in reversed(ordered)}
    return tuple(
        replace(item, concurrent=concurrent(item.version, current.version)) for item in reversed(once.values())
    )


def _current(ordered: Sequence[MemoryItem]) -> MemoryItem:
    """The version that `get` answers with: the newest of its domain, and of two live ones the public one."""
    for domain in (Domain.PUBLIC, Domain.PRIVATE):
        newest = next((item for item in ordered if item.domain is domain), None)
        if newest is not None and not newest.deleted:
            return newest
    return ordered[0]
