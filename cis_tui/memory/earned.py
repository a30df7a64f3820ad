"""FrequentlyQueried, the kind that no entry is given: one in use earns it, and loses it (contract, "Index types")."""

from __future__ import annotations

from cis_tui.core.clock import Instant
from cis_tui.memory.records import IndexType, MemoryItem, altered

NO_REASON = "nothing says otherwise"
"""The reason of an entry for whose kind nothing in particular speaks."""
EARNED_BY = 10
"""Uses by which an entry becomes FrequentlyQueried."""
EARNED_FOR = 4 * 7 * 86_400
"""Seconds after its last use for which it stays so."""


def earned(
    index_type: IndexType,
    reason: str,
    access_count: int,
    last_accessed_at: Instant | None,
    now: Instant,
    *,
    classed: bool = False,
) -> IndexType:
    """The kind that counts at the moment `now`: FrequentlyQueried for an entry in use that is nothing in particular.

    Args:
        index_type: The kind stored with the entry.
        reason: Why it was taken as that kind.
        access_count: How often it was used.
        last_accessed_at: When it was last used; None when never.
        now: The present moment.
        classed: A person said what kind it is: that stays.
    """
    if classed or index_type is IndexType.SENSITIVE or last_accessed_at is None:
        return index_type
    if index_type is not IndexType.TEMPORARY and reason != NO_REASON:
        return index_type
    in_use = access_count >= EARNED_BY and now - last_accessed_at <= EARNED_FOR
    return IndexType.FREQUENTLY_QUERIED if in_use else index_type


def standing(item: MemoryItem, now: Instant) -> MemoryItem:
    """`item`, of the kind that counts at the moment `now`, with the reason."""
    if item.uses < EARNED_BY or item.deleted:
        return item
    kind = earned(item.index_type, item.reason, item.uses, item.last_accessed_at, now, classed=item.classed)
    if kind is item.index_type:
        return item
    return altered(item, index_type=kind, reason=f"it was used {item.uses} times, lately too")
