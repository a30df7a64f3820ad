"""What is done to entries that are there: pins, classes, undo, rollback, conflicts (see `changes` for the rules)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Protocol, TypeVar

from cis_tui.core.clock import Clock
from cis_tui.core.errors import NotFound, Refused
from cis_tui.memory.changes import (
    classing,
    conflict_of,
    last_change,
    pinning,
    resolving,
    restoring,
    undoing,
    version_of_change,
)
from cis_tui.memory.log import Change
from cis_tui.memory.plan import CHANGED, Entry
from cis_tui.memory.records import IndexType, MemoryConflict, MemoryItem, MemoryUndo
from cis_tui.memory.versions import Vector

_ATTEMPTS = 5
T = TypeVar("T")


class Memory(Protocol):
    """What revisions need of memory; see `MemoryService`."""

    def current(self, key: str) -> MemoryItem | None: ...
    def history(self, key: str) -> tuple[MemoryItem, ...]: ...
    def disputed(self) -> tuple[str, ...]: ...
    def own_changes(self, take: Callable[[Iterator[Change]], Change | None]) -> tuple[str, Change | None]: ...
    def revise(self, entry: Entry) -> MemoryItem: ...


class Revisions:
    """Every method looks, decides and writes, again if something else was written in between; durable on return.

    Each may raise `CisError` like `MemoryService`.
    """

    def __init__(self, memory: Memory, clock: Clock, run: str = "") -> None:
        """`run`: the run that makes these revisions."""
        self._memory = memory
        self._clock = clock
        self._run = run

    def pin(self, key: str, *, pinned: bool = True) -> MemoryItem:
        """Keep an entry when its week is archived, or no longer.

        Returns:
            Its new version, or the present one if it is so already.

        Raises:
            NotFound: there is no such entry (CIS-MEM-001).
        """
        return self._revise(key, lambda item: pinning(item, self._clock(), pinned=pinned))

    def classify(self, key: str, kind: IndexType, *, declassify: bool = False) -> MemoryItem:
        """Overrule what an entry was taken as. What becomes Sensitive becomes private; nothing becomes public.

        Raises:
            NotFound: there is no such entry (CIS-MEM-001).
            Invalid: that kind is earned (CIS-MEM-100).
            Refused: it is Sensitive, and would no longer be, without `declassify` (CIS-MEM-084).
        """
        return self._revise(key, lambda item: classing(item, self._clock(), kind, declassify=declassify))

    def undo(self) -> MemoryUndo:
        """Take back the last change of this node that is not taken back yet, as a new version.

        Raises:
            NotFound: there is none in the open logs (CIS-MEM-082).
            Refused: another node has changed the same key since (CIS-MEM-083).
        """

        def attempt() -> MemoryUndo:
            node, change = self._memory.own_changes(last_change)
            if change is None:
                hint = "cis memory history KEY shows every version of a key"
                raise NotFound("CIS-MEM-082", "there is nothing to undo", hint=hint)
            history = self._memory.history(change.key)
            item = self._write(undoing(change, history, node, self._clock()))
            return MemoryUndo(item, version_of_change(change, history, node))

        return _again(attempt)

    def restore(self, key: str, *, made: Vector, before: Vector) -> MemoryItem:
        """Bring `key` back to its version `before`, empty for none, if `made` is still its newest.

        This is how a rollback takes back what a run wrote: `before` is the version that the first write of the run
        found, `made` the one that the last one left.

        Raises:
            Refused: somebody has written since; that is kept (CIS-MEM-083).
            NotFound: there are no such versions (CIS-MEM-088).
        """
        history = self._memory.history(key)
        return self._write(restoring(key, history, made, before, self._clock()))

    def conflicts(self, *, limit: int = 100) -> tuple[MemoryConflict, ...]:
        """Keys of which versions were written without knowing each other, by key; at most `limit`."""
        found = (conflict_of(self._memory.history(key)) for key in self._memory.disputed())
        return tuple(islice((conflict for conflict in found if conflict is not None), limit))

    def resolve(self, key: str, *, keep: str = "") -> MemoryItem:
        """Settle the conflict of `key`: keep the version that is called `keep` (see `version_name`), or the winner.

        Raises:
            NotFound: there is no conflict (CIS-MEM-089), or no such version (CIS-MEM-088).
        """
        return _again(lambda: self._write(resolving(key, self._memory.history(key), keep, self._clock())))

    def _write(self, entry: Entry) -> MemoryItem:
        return self._memory.revise(entry._replace(run=self._run))

    def _revise(self, key: str, make: Callable[[MemoryItem], Entry | None]) -> MemoryItem:
        """Write what `make` gives for the current version of `key`; when it gives None, that version stays."""

        def attempt() -> MemoryItem:
            item = self._memory.current(key)
            if item is None:
                raise NotFound("CIS-MEM-001", f'there is no memory "{key}"', hint="cis memory list shows all keys")
            entry = make(item)
            return item if entry is None else self._write(entry)

        return _again(attempt)


def _again(attempt: Callable[[], T]) -> T:
    """The result of `attempt`, tried again when something was written between its look and its write."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return attempt()
        except Refused as error:
            if error.code != CHANGED:
                raise
    return attempt()
