"""The tasks of one run as rows: what stands in what, what is folded, what is looked for. No widget in here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cis_tui.dag.state import RunState
from cis_tui.dag.views import Decision, DecisionStatus, TaskStatus, TaskView
from cis_tui.tui.lanes import LaneRow, draw_lanes
from cis_tui.tui.task_filter import TaskFilter

FEW = 8
"""Tasks for which one stands that are shown without being asked for."""


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One task: where its mark stands among the lanes, and whether others stand in it."""

    id: str
    before: str = ""
    after: str = ""
    below: str = ""
    """The lanes that are open under the row."""
    parent: str = ""
    group: bool = False
    open: bool = False

    @property
    def width(self) -> int:
        """Cells of its lanes, with the mark."""
        return len(self.before) + 1 + len(self.after)

    @property
    def label(self) -> str:
        """Its id, without that of the task above it."""
        return self.id.removeprefix(self.parent).removeprefix("/") if self.parent else self.id


class Board:
    """The tasks of the run that is shown."""

    def __init__(self) -> None:
        self.state: RunState | None = None
        self.filter = TaskFilter()
        self._inside: dict[str, list[str]] = {}
        """The tasks for which each one stands, in the order of the file; those of the run itself under the empty id."""
        self._drawn: dict[str, list[LaneRow]] = {}
        self._folds: dict[tuple[str, str], bool] = {}
        """What somebody opened or folded, by run and task."""
        self._shape: object = None

    @property
    def tasks(self) -> Mapping[str, TaskView]:
        """All tasks of the run by id."""
        return self.state.tasks if self.state is not None else {}

    def take(self, state: RunState | None) -> None:
        """Show another run, or this one with tasks that have come since."""
        self.state = state
        shape = None if state is None else _shape(state)
        if shape == self._shape:
            return
        self._shape = shape
        self._drawn = {}
        self._inside = {}
        for task in self.tasks.values():
            self._inside.setdefault(task.parent if task.parent in self.tasks else "", []).append(task.id)

    @property
    def current(self) -> bool:
        """Whether the run still has the tasks that it had when it was taken."""
        return self.state is None or _shape(self.state) == self._shape

    # Folding

    def inside(self, task: str) -> Sequence[str]:
        """The tasks for which `task` stands."""
        return self._inside.get(task, ()) if task else ()

    def is_open(self, task: str) -> bool:
        """Whether those are shown: by themselves only if they are few."""
        run = self.state.id if self.state else ""
        return self._folds.get((run, task), len(self.inside(task)) <= FEW)

    def fold(self, task: str, *, open: bool) -> bool:
        """Show those for which `task` stands, or not; whether that is anything new."""
        if self.state is None or not self.inside(task) or self.is_open(task) == open:
            return False
        self._folds[self.state.id, task] = open
        return True

    def unfold_above(self, task: str) -> bool:
        """Show `task`, wherever it stands; whether something was folded."""
        unfolded = [above for above in self.above(task) if self.fold(above, open=True)]
        return bool(unfolded)

    def above(self, task: str) -> Iterator[str]:
        """The tasks that stand for `task`, the innermost first."""
        known = self.tasks.get(task)
        while known is not None and known.parent in self.tasks:
            yield known.parent
            known = self.tasks[known.parent]

    def shown_for(self, task: str) -> str:
        """`task`, or the task in which it is folded away."""
        shown = task
        for above in self.above(task):
            if not self.is_open(above):
                shown = above
        return shown

    # Rows

    def rows(self) -> list[BoardRow]:
        """The rows of the tree with their lanes; of what is looked for, those without."""
        if self.filter.narrows:
            return [BoardRow(task.id) for task in self.tasks.values() if self.filter.fits(task)]
        found: list[BoardRow] = []
        self._tree("", "", found)
        return found

    def flat(self) -> list[TaskView]:
        """All tasks that are looked for, in their order."""
        return [task for task in self.tasks.values() if self.filter.fits(task)]

    def _tree(self, parent: str, prefix: str, found: list[BoardRow]) -> None:
        for lane in self._lanes(parent):
            group = bool(self.inside(lane.id))
            open = group and self.is_open(lane.id)
            before, below = prefix + lane.before, prefix + lane.below
            found.append(BoardRow(lane.id, before, lane.after, below, parent, group, open))
            if open:
                self._tree(lane.id, below.ljust(len(before) + 2 - len(before) % 2), found)

    def _lanes(self, parent: str) -> list[LaneRow]:
        drawn = self._drawn.get(parent)
        if drawn is None:
            tasks = [self.tasks[id] for id in self._inside.get(parent, ())]
            handlers = {task.id: task.on_failure for task in tasks if task.on_failure}
            drawn = self._drawn[parent] = draw_lanes({task.id: task.deps for task in tasks}, handlers)
        return drawn

    # What is to be known

    def tally(self, task: str) -> str:
        """How far those are for which `task` stands: `12 of 40 done, 1 failed`."""
        counts = Counter(self.tasks[id].status for id in self.inside(task))
        parts = [f"{counts[TaskStatus.COMPLETED]} of {counts.total()} done"]
        for status, word in _TOLD:
            if counts[status]:
                parts.append(f"{counts[status]} {word}")
        return ", ".join(parts)

    def decisions(self) -> dict[str, Decision]:
        """The open decisions, by the task that they are about."""
        if self.state is None or self.state.outcome is not None:
            return {}
        pending = DecisionStatus.PENDING
        return {each.task: each for each in self.state.decisions.values() if each.status is pending}

    def next_of(self, task: str, *statuses: TaskStatus) -> str:
        """The next task after `task`, round the end, that stands so and stands for no other; empty if there is none."""
        ids = list(self.tasks)
        start = ids.index(task) + 1 if task in self.tasks else 0
        for id in (*ids[start:], *ids[:start]):
            if self.tasks[id].status in statuses and not self.inside(id):
                return id
        return ""


_TOLD = (
    (TaskStatus.FAILED, "failed"),
    (TaskStatus.WAITING, "asks"),
    (TaskStatus.RUNNING, "running"),
    (TaskStatus.DEBT, "in debt"),
    (TaskStatus.SKIPPED, "skipped"),
    (TaskStatus.CANCELLED, "cancelled"),
    (TaskStatus.ROLLED_BACK, "undone"),
)


def first_interesting(tasks: Iterable[TaskView]) -> str:
    """The task that the cursor starts on: one that asks, failed or runs, else the first."""
    found: dict[TaskStatus, str] = {}
    for task in tasks:
        found.setdefault(task.status, task.id)
    order = (TaskStatus.WAITING, TaskStatus.FAILED, TaskStatus.RUNNING)
    return next((found[status] for status in order if status in found), "")


def _shape(state: RunState) -> object:
    """What the rows depend on."""
    if state.id:
        return state.id, len(state.tasks), next(reversed(state.tasks), "")
    return "", tuple((task.id, task.deps, task.on_failure) for task in state.tasks.values())
