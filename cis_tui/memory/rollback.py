"""Takes back what a run wrote into memory: the versions before become current again, as new versions.

Each log notes beside a version which run wrote it, in the transaction that adds it. What a rollback writes is noted as
the run's undoing, so that one that was interrupted sees what it has done already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Refused
from cis_tui.memory.plan import CHANGED
from cis_tui.memory.reader import Written
from cis_tui.memory.records import UNDOING, Domain, MemoryItem
from cis_tui.memory.versions import Vector, covers

_THEIRS = "somebody else has written it since; that is kept"
_ARCHIVED = "it is not known any more what the run wrote in them; that is kept"
_BETWEEN = "somebody else had written it in between; that is back"


class Restored(NamedTuple):
    """What became of one entry that the run wrote."""

    key: str
    """Empty for one that is, or was, private."""
    done: bool
    """False: somebody else has written it, and that is what is read now."""
    detail: str = ""


class Way(NamedTuple):
    """From the last version of a run to the one that becomes current again."""

    made: Vector
    before: Vector
    """Empty for none."""
    between: bool
    """Somebody else wrote that after the run had begun with the entry."""


class Done(Enum):
    """Why there is no way to go."""

    ALREADY = "already"
    THEIRS = "theirs"


class _Revisions(Protocol):
    def restore(self, key: str, *, made: Vector, before: Vector) -> MemoryItem: ...


class _Memory(Protocol):
    """What a rollback needs of memory; see `MemoryService`."""

    def written_by(self, run: str, since: Instant) -> tuple[Sequence[Written], bool]: ...
    def history(self, key: str) -> tuple[MemoryItem, ...]: ...
    def revising(self, run: str) -> _Revisions: ...


def roll_back(memory: _Memory, run: str, since: Instant) -> list[Restored]:
    """Bring every entry that `run`, which began at `since`, wrote back to the version before; durable on return.

    Raises:
        CisError: private memory is locked, or a log cannot be read or written; to do it again goes on.
    """
    found, whole = memory.written_by(run, since)
    by_key: dict[str, list[Written]] = {}
    for written in found:
        by_key.setdefault(written.key, []).append(written)
    archived = () if whole else (Restored("weeks that were archived since", False, _ARCHIVED),)
    by_run = [each for each in sorted(by_key.items()) if any(written.run == run for written in each[1])]
    return [*(_roll_back(memory, run, key, written) for key, written in by_run), *archived]


def entries_to_roll_back(memory: _Memory, run: str, since: Instant) -> list[str]:
    """The keys of the entries that `run`, which began at `since`, wrote; empty for one that is, or was, private.

    Raises:
        CisError: private memory is locked, or a log cannot be read.
    """
    found, _ = memory.written_by(run, since)
    keys = sorted({written.key for written in found if written.run == run})
    return [_public_name(key, memory.history(key)) for key in keys]


def _public_name(key: str, history: Iterable[MemoryItem]) -> str:
    return key if all(item.domain is Domain.PUBLIC for item in history) else ""


def _roll_back(memory: _Memory, run: str, key: str, written: Iterable[Written]) -> Restored:
    history = memory.history(key)
    way = way_back(history, written)
    name = _public_name(key, history)
    if way is Done.ALREADY:
        return Restored(name, True)
    if isinstance(way, Done):
        return Restored(name, False, _THEIRS)
    try:
        memory.revising(run + UNDOING).restore(key, made=way.made, before=way.before)
    except Refused as error:
        if error.code != CHANGED:
            raise
        return Restored(name, False, _THEIRS)
    return Restored(name, not way.between, _BETWEEN if way.between else "")


def way_back(history: Sequence[MemoryItem], written: Iterable[Written]) -> Way | Done:
    """How the entry with this `history`, newest first, of which a run wrote the versions `written`, goes back."""
    written = list(written)
    own = {_name(each.vector) for each in written if not each.run.endswith(UNDOING)}
    back = {_name(each.vector) for each in written if each.run.endswith(UNDOING)}
    made = [item for item in history if _name(item.version) in own]
    if not made or any(covers(item.version, made[0].version) for item in history if _name(item.version) in back):
        return Done.ALREADY
    if not all(covers(made[0].version, item.version) for item in history):
        return Done.THEIRS
    before = next((item for item in history if _name(item.version) not in own | back), None)
    between = before is not None and not covers(made[-1].version, before.version)
    return Way(made[0].version, before.version if before else {}, between)


def _name(vector: Vector) -> frozenset[tuple[str, int]]:
    return frozenset(vector.items())
