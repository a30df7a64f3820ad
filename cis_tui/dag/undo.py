"""What a rollback needs to know of a run, and in which order it goes: plain values, folded from the run's events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from typing import cast

from cis_tui.core.codec import decode
from cis_tui.core.events import Event, EventType
from cis_tui.dag.views import UndoItem, UndoKind, UndoStatus

OPEN = (UndoStatus.PENDING, UndoStatus.RUNNING, UndoStatus.FAILED)
"""Items of which something is left to do."""
Key = tuple[UndoKind, str]
_SIGNALS = 64


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One path of `creates`: how it was before the run, and what the run made of it."""

    path: str
    """Relative to the root of the run."""
    task: str
    """The first task that names it."""
    before: str
    """The image of what lay there, see `checkpoint`."""
    made: tuple[str, ...] = ()
    """The images of what attempts left there."""
    open: bool = False
    """An attempt had begun whose end nobody saw: what lies there may be its work."""


@dataclass(slots=True)
class UndoState:
    """What a run did that can be taken back, and how far that is. `apply` takes its events in order."""

    effects: dict[str, bool] = field(default_factory=dict[str, bool])
    """The tasks that did something, the latest last: whether they completed, or nobody saw their end."""
    files: dict[str, KeptFile] = field(default_factory=dict[str, KeptFile])
    """By path, in the order in which they were kept."""
    items: dict[Key, UndoItem] = field(default_factory=dict[Key, UndoItem])
    rolling: bool = False
    """A rollback has begun and has not ended."""
    skipped: frozenset[str] = frozenset()
    """Tasks whose steps somebody has left out."""
    reason: str = ""
    """Why the run had failed before it was rolled back."""

    def apply(self, event: Event) -> None:
        """Take one event of the run."""
        change = _CHANGES.get(event.type)
        if change is not None:
            change(self, event)

    def of(self, task: str) -> Sequence[UndoItem]:
        """What is taken back of one task alone; what the run wrote into memory is not told apart by task."""
        return [item for item in self.items.values() if item.task == task]

    def copy(self) -> UndoState:
        """The same, which later events do not change."""
        return replace(self, effects=dict(self.effects), files=dict(self.files), items=dict(self.items))


def undo_order(effects: Iterable[str], needs: Mapping[str, Iterable[str]]) -> list[str]:
    """`effects`, the latest last, such that every task comes before those that it needs, and else the latest first."""
    place = {id: index for index, id in enumerate(effects)}
    waiting = dict.fromkeys(place, 0)
    for id in place:
        for dep in set(needs.get(id, ())) & place.keys():
            waiting[dep] += 1
    ready = [-place[id] for id, count in waiting.items() if not count]
    heapify(ready)
    ids = list(place)
    found: list[str] = []
    while ready:
        found.append(id := ids[-heappop(ready)])
        for dep in set(needs.get(id, ())) & place.keys():
            waiting[dep] -= 1
            if not waiting[dep]:
                heappush(ready, -place[dep])
    return found


def _started(undo: UndoState, event: Event) -> None:
    task = str(event.data["task"])
    undo.effects.setdefault(task, False)
    for path, before in cast("Mapping[str, str]", event.data.get("keeps", {})).items():
        kept = undo.files.get(path) or KeptFile(path, task, before)
        undo.files[path] = replace(kept, open=True)


def _completed(undo: UndoState, event: Event) -> None:
    task = str(event.data["task"])
    undo.effects.pop(task, None)
    undo.effects[task] = True
    _made(undo, event)


def _failed(undo: UndoState, event: Event) -> None:
    """What failed has said so itself by its exit code, and is not taken back.

    When its time was up, a signal ended it, or somebody refused to run it again, nobody knows what it has done.
    """
    task = str(event.data["task"])
    if undo.effects.get(task) is False and not event.data.get("refused") and _said_so(event.data.get("exit_code")):
        del undo.effects[task]
    _made(undo, event)


def _said_so(code: object) -> bool:
    """Whether a process ended by itself; 128 and a number is what a signal leaves, as a shell says it."""
    return isinstance(code, int) and not 128 < code <= 128 + _SIGNALS


def _made(undo: UndoState, event: Event) -> None:
    for path, image in cast("Mapping[str, str]", event.data.get("made", {})).items():
        kept = undo.files.get(path)
        if kept is not None:
            undo.files[path] = replace(kept, made=(*kept.made, image), open=False)


def _resumed(undo: UndoState, event: Event) -> None:
    for task in cast("Iterable[str]", event.data.get("dropped", ())):
        undo.effects.pop(task, None)


def _rolling(undo: UndoState, event: Event) -> None:
    undo.rolling = True
    undo.reason = str(event.data.get("error", "")) or undo.reason
    undo.skipped |= frozenset(cast("Iterable[str]", event.data.get("skip", ())))


def _planned(undo: UndoState, event: Event) -> None:
    for item in decode(list[UndoItem], event.data["items"]):
        known = undo.items.get(item.key)
        if known is None or known.status in OPEN:
            undo.items[item.key] = item


def _undo_started(undo: UndoState, event: Event) -> None:
    for item in decode(list[UndoItem], event.data["items"]):
        undo.items[item.key] = replace(item, status=UndoStatus.RUNNING, started_at=event.at, ended_at=None)


def _undo_ended(undo: UndoState, event: Event) -> None:
    for item in decode(list[UndoItem], event.data["items"]):
        known = undo.items.get(item.key)
        undo.items[item.key] = replace(item, started_at=known.started_at if known else None, ended_at=event.at)


def _rolled_back(undo: UndoState, event: Event) -> None:
    undo.effects.pop(str(event.data["task"]), None)


def _ended(undo: UndoState, event: Event) -> None:
    undo.rolling = False


_CHANGES: Mapping[str, Callable[[UndoState, Event], None]] = {
    EventType.RUN_STARTED: _resumed,
    EventType.TASK_STARTED: _started,
    EventType.TASK_COMPLETED: _completed,
    EventType.TASK_FAILED: _failed,
    EventType.TASK_RETRIED: _failed,
    EventType.ROLLBACK_STARTED: _rolling,
    EventType.UNDO_PLANNED: _planned,
    EventType.UNDO_STARTED: _undo_started,
    EventType.UNDO_ENDED: _undo_ended,
    EventType.TASK_ROLLED_BACK: _rolled_back,
    EventType.RUN_FAILED: _ended,
}
