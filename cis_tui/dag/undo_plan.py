"""What a rollback of a run would take back, in which order: read off its definition and its state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from cis_tui.core.errors import CisError
from cis_tui.core.text import clean_line
from cis_tui.dag.calls import Calls
from cis_tui.dag.carried import edit_of, fact_of
from cis_tui.dag.editing import standing
from cis_tui.dag.groups import Groups
from cis_tui.dag.model import TaskSpec, UndoStep
from cis_tui.dag.record import RunRecord
from cis_tui.dag.state import RunState
from cis_tui.dag.undo import undo_order
from cis_tui.dag.views import TaskStatus, UndoItem, UndoKind, UndoStatus

_UNDONE = {TaskStatus.ROLLED_BACK: TaskStatus.COMPLETED}


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """The steps and files of one rollback; what the run wrote into memory, memory itself knows."""

    groups: Groups
    """The tasks of the run, with those for which others stood."""
    order: tuple[str, ...]
    """The tasks that did something, in the order in which they are taken back."""
    items: tuple[UndoItem, ...]
    """Everything that there is to do, in that order, as if nothing of it had been done yet."""


def undo_plan(record: RunRecord, calls: Calls, state: RunState) -> UndoPlan:
    """The plan for the run in `state`. Blocks: a template may read memory."""
    groups, broken = _open_groups(record, calls, state)
    order = tuple(undo_order(state.undo.effects, _needs(state)))
    return UndoPlan(groups, order, tuple(_items(groups, order, state, broken)))


def has_steps(task: TaskSpec) -> bool:
    """Whether steps take the task itself back; each of those for which a list stands has its own."""
    return bool(task.rollback) and task.for_each is None


def facts_at_end(state: RunState) -> dict[str, Mapping[str, object]]:
    """What templates see of the tasks that have ended, as it was when the run ended."""
    return {
        task.id: fact_of(replace(task, status=_UNDONE.get(task.status, task.status)))
        for task in state.tasks.values()
        if task.status.ended
    }


def _open_groups(record: RunRecord, calls: Calls, state: RunState) -> tuple[Groups, dict[str, str]]:
    """The groups, and the tasks that stand for others which cannot be found again, with the reason."""
    groups = Groups(record.spec, calls, {}, max_parallel=None)
    broken: dict[str, str] = {}
    facts = facts_at_end(state)
    for id, items in state.expansions.items():
        task = groups.tasks.get(id)
        if task is None:
            continue
        try:
            of = groups.of(id).calls
            groups.open(task, standing(task, of.again(task, facts, items), edit_of(state, id), of.dags))
        except CisError as error:
            broken[id] = error.message
    return groups, broken


def _items(groups: Groups, order: tuple[str, ...], state: RunState, broken: Mapping[str, str]) -> Iterator[UndoItem]:
    for id in order:
        if id in groups.tasks:
            yield from _step_items(groups.tasks[id])
        else:
            yield _lost(id, state, broken)
    for kept in state.undo.files.values():
        yield UndoItem(UndoKind.FILE, kept.path, task=kept.task)


def _lost(id: str, state: RunState, broken: Mapping[str, str]) -> UndoItem:
    """A task of which nobody knows any more what takes it back."""
    above = state.tasks[id].parent if id in state.tasks else ""
    why = broken.get(above, "its definition cannot be found again")
    return UndoItem(UndoKind.COMMAND, f"{id}#1", UndoStatus.FAILED, id, detail=clean_line(why))


def _step_items(task: TaskSpec) -> list[UndoItem]:
    if not has_steps(task):
        return []
    return [
        UndoItem(UndoKind.COMMAND, f"{task.id}#{number}", task=task.id, command=clean_line(_written(step)))
        for number, step in enumerate(task.rollback, 1)
    ]


def _written(step: UndoStep) -> str:
    return step.command or " ".join((step.skill, *step.args))


def _needs(state: RunState) -> Mapping[str, tuple[str, ...]]:
    """What each task needs; what others stand for comes after them, as they end last."""
    inside: dict[str, list[str]] = {}
    for task in state.tasks.values():
        if task.parent:
            inside.setdefault(task.parent, []).append(task.id)
    return {task.id: (*task.deps, *inside.get(task.id, ())) for task in state.tasks.values()}
