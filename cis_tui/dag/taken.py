"""What a new run takes over from one that has ended, when it is to begin with a certain task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cis_tui.core.codec import encode
from cis_tui.core.events import EventType
from cis_tui.dag.begin import task_expanded
from cis_tui.dag.carried import Carried, fact_of
from cis_tui.dag.journal import Change
from cis_tui.dag.model import LevelKind, Policy
from cis_tui.dag.state import RunState
from cis_tui.dag.views import TaskStatus, TaskView


@dataclass(frozen=True, slots=True)
class TakenOver:
    """The part of the old run that is not run again."""

    tasks: tuple[str, ...]
    """Those whose results are taken over, each after the task that stands for it."""
    opened: tuple[str, ...]
    """Those that stand for others, of which only some run again."""


def taken_over(state: RunState, start: str) -> TakenOver:
    """What a rerun of `state` that begins with the task `start` takes over.

    That is what completed and has nothing before it that runs again. What runs again is `start`, whatever did not
    complete, and all behind them. Of a list or another DAG, those of its tasks that completed are kept, unless somebody
    decides about the whole: who said yes to it did so in the old run, and is asked again.
    """
    inside: dict[str, list[TaskView]] = {}
    for task in state.tasks.values():
        inside.setdefault(task.parent, []).append(task)
    start = _decided_whole(state, start)
    above = {start, *_above(state, start)}
    taken: list[str] = []
    opened: list[str] = []
    scopes = [""]
    while scopes:
        tasks = inside.get(scopes.pop(), ())
        begin = {task.id for task in tasks if task.status is not TaskStatus.COMPLETED or task.id in above}
        if state.policy == Policy.FIRST_SUCCESS:
            begin |= _last(tasks)
        behind = _behind(tasks, begin)
        for task in tasks:
            if task.id not in begin | behind:
                taken += _whole(task.id, inside)
            elif inside.get(task.id) and _can_be_opened(task, start) and task.id not in behind:
                opened.append(task.id)
                scopes.append(task.id)
    return TakenOver(tuple(taken), tuple(opened))


def taking(run: str, state: RunState, over: TakenOver) -> list[Change]:
    """The events by which the new run `run` takes over from `state`."""
    changes: list[Change] = []
    ids = {*over.tasks, *over.opened}
    inside: dict[str, list[TaskView]] = {}
    for task in state.tasks.values():
        inside.setdefault(task.parent, []).append(task)
    for id in state.tasks:  # a task stands before those for which it stands
        if id in ids and id in state.expansions:
            views = [_fresh(view) for view in inside.get(id, ())]
            changes.append((EventType.TASK_EXPANDED, task_expanded(run, id, state.expansions[id], views)))
    for id in over.tasks:
        view = state.tasks[id]
        source = view.taken or state.id
        changes.append((EventType.TASK_TAKEN, {"run": run, "task": id, "from": source, "view": encode(view)}))
    return changes


def carried_over(state: RunState, over: TakenOver) -> Carried:
    """What the runner of the new run knows from the beginning."""
    return Carried(
        ended={id: state.tasks[id].status for id in over.tasks},
        facts={id: fact_of(state.tasks[id]) for id in over.tasks},
        expansions={id: state.expansions[id] for id in over.opened},
    )


def _decided_whole(state: RunState, start: str) -> str:
    """The outermost task around `start` about which somebody decides; `start` itself if there is none."""
    decided = [id for id in _above(state, start) if state.tasks[id].level is not LevelKind.MECHANICAL]
    return decided[-1] if decided else start


def _above(state: RunState, task: str) -> list[str]:
    """The tasks that stand for `task`, the innermost first."""
    found: list[str] = []
    while parent := state.tasks[task].parent:
        found.append(task := parent)
    return found


def _can_be_opened(task: TaskView, start: str) -> bool:
    return task.id != start and task.level is LevelKind.MECHANICAL


def _behind(tasks: Sequence[TaskView], begin: Iterable[str]) -> set[str]:
    """Of tasks that are scheduled together, those that need one of `begin`, or are called when it fails, and so on."""
    after: dict[str, set[str]] = {task.id: {task.on_failure} if task.on_failure else set() for task in tasks}
    for task in tasks:
        for dep in task.deps:
            after[dep].add(task.id)
    found: set[str] = set()
    open = list(begin)
    while open:
        fresh = after[open.pop()] - found
        found |= fresh
        open += fresh
    return found


def _last(tasks: Sequence[TaskView]) -> set[str]:
    """Those that no other one needs."""
    return {task.id for task in tasks} - {dep for task in tasks for dep in task.deps}


def _whole(task: str, inside: dict[str, list[TaskView]]) -> list[str]:
    """A task, and all for which it stands."""
    found = [task]
    for id in found:
        found += [each.id for each in inside.get(id, ())]
    return found


def _fresh(view: TaskView) -> TaskView:
    """A task as it was before it ran."""
    return replace(
        TaskView(view.id, TaskStatus.PENDING, view.level),
        name=view.name,
        deps=view.deps,
        on_failure=view.on_failure,
        command=view.command,
    )
