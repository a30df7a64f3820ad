"""Revisions: pins, classes, what is taken back, what settles a conflict. Each is a new version, and syncs as any does.

Pure: from the history of a key to the entry that is to be written, which says what it has seen (`Entry.expects`), so
that nothing written meanwhile is overwritten unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cis_tui.core.clock import Instant
from cis_tui.core.errors import NotFound
from cis_tui.memory.inherit import SAID, Kind, check_class, check_given
from cis_tui.memory.log import Change
from cis_tui.memory.plan import Entry, changed
from cis_tui.memory.records import Domain, IndexType, MemoryConflict, MemoryItem
from cis_tui.memory.versions import Vector, covers, join, newest, version_name


def pinning(item: MemoryItem, at: Instant, *, pinned: bool) -> Entry | None:
    """What pins the current version `item`, or ends its pin; None when it is so already."""
    return None if item.pinned is pinned else revision(replace(item, pinned=pinned), item.version, at)


def classing(item: MemoryItem, at: Instant, kind: IndexType, *, declassify: bool) -> Entry | None:
    """What makes the current version `item` one of another kind; None when a person said so already.

    What becomes Sensitive becomes private; what is no longer Sensitive stays where it is.

    Raises:
        Invalid: that kind is earned (CIS-MEM-100).
        Refused: it is Sensitive, and would no longer be, without `declassify` (CIS-MEM-084).
    """
    check_given(kind)
    if item.classed and item.index_type is kind:
        return None
    if not declassify:
        check_class(item.key, Kind(item.index_type, item.reason, item.classed), kind)
    domain = Domain.PRIVATE if kind is IndexType.SENSITIVE else item.domain
    new = replace(item, index_type=kind, reason=SAID, classed=True, domain=domain)
    return revision(new, item.version, at)


def last_change(changes: Iterable[Change]) -> Change | None:
    """The last of a node's changes, given newest first, that is not taken back and takes nothing back itself."""
    seen: set[tuple[str, int]] = set()
    for change in changes:
        if (change.key, change.hlc) in seen:
            continue
        seen.add((change.key, change.hlc))
        if not change.undoes:
            return change
        seen.add((change.key, change.undoes))
    return None


def undoing(change: Change, history: Sequence[MemoryItem], node: str, at: Instant) -> Entry:
    """What takes a change of `node` back: a version equal to the one before it.

    Raises:
        Refused: another node has changed the key since, or at the same time (CIS-MEM-083).
    """
    undone = version_of_change(change, history, node)
    if any(item.origin != node and not covers(undone.version, item.version) for item in history):
        raise changed(change.key)
    before = next((item for item in history if _strictly_covers(undone.version, item.version)), None)
    expects = join(*(item.version for item in history))
    return _back_to(before, undone, expects, at)._replace(undoes=change.hlc)


def version_of_change(change: Change, history: Sequence[MemoryItem], node: str) -> MemoryItem:
    """The version in `history` that a change of `node` made."""
    return next(item for item in history if item.origin == node and sum(item.version.values()) == change.number)


def restoring(key: str, history: Sequence[MemoryItem], made: Vector, before: Vector, at: Instant) -> Entry:
    """What brings `key` back to its version `before`, empty for none, from `made`, the last one of what is rolled back.

    Raises:
        Refused: there are versions that `made` does not cover; they are kept (CIS-MEM-083).
        NotFound: one of the two is not in the history (CIS-MEM-088).
    """
    if not all(covers(made, item.version) for item in history):
        raise changed(key)
    known = {frozenset(item.version.items()): item for item in history}
    last, first = known.get(frozenset(made.items())), known.get(frozenset(before.items()))
    if last is None or (before and first is None):
        raise NotFound("CIS-MEM-088", f"the version of {key} to go back from, or to, is not in its history")
    return _back_to(first, last, made, at)


def conflict_of(history: Sequence[MemoryItem]) -> MemoryConflict | None:
    """The newest versions in the history of a key, if there are several."""
    left = newest(history, lambda item: item.version)
    if len(left) < 2:
        return None
    winner = next((item for item in left if not item.concurrent), left[0])
    others = tuple(item for item in left if item is not winner)
    return MemoryConflict(winner.key, winner, others)


def resolving(key: str, history: Sequence[MemoryItem], keep: str, at: Instant) -> Entry:
    """What settles the conflict of `key`: a version equal to the one called `keep`, or to the winner, that covers all.

    Raises:
        NotFound: there is no conflict (CIS-MEM-089), or no such version (CIS-MEM-088).
    """
    conflict = conflict_of(history)
    if conflict is None:
        raise NotFound("CIS-MEM-089", f"{key} has no conflict", hint="cis memory conflicts lists all there are")
    kept = conflict.winner
    if keep:
        named = [item for item in history if version_name(item.version, item.origin) == keep]
        if not named:
            hint = "cis memory history shows what each is called"
            raise NotFound("CIS-MEM-088", f"{key} has no version {keep!a:.80}", hint=hint)
        kept = named[0]
    return revision(kept, join(*(item.version for item in history)), at)


def revision(item: MemoryItem, expects: Vector, at: Instant) -> Entry:
    """A version equal to `item`, written only if nothing was written since `expects`."""
    return Entry(
        key=item.key,
        value=None if item.deleted else item.value,
        domain=item.domain,
        default_domain=None,
        category=item.category,
        index_type=item.index_type,
        pinned=item.pinned,
        at=at,
        reason=item.reason,
        classed=item.classed,
        expects=expects,
    )


def _back_to(before: MemoryItem | None, undone: MemoryItem, expects: Vector, at: Instant) -> Entry:
    gone = replace(undone, deleted=True, pinned=False, classed=False)
    return revision(before or gone, expects, at)


def _strictly_covers(newer: Vector, older: Vector) -> bool:
    return newer != older and covers(newer, older)
