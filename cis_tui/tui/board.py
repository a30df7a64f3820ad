"""The tasks of one run as rows: what stands in what, what is folded, what is looked for. No widget in here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cis_tui.core.document import is_list
from cis_tui.dag.state import RunState
from cis_tui.dag.views import Decision, DecisionStatus, TaskStatus, TaskView
from cis_tui.tui.folding import MANY, Graph, Group, Groups, find_groups, first_of, only, quotient
from cis_tui.tui.lanes import MAX_LANES, LaneRow, draw_lanes
from cis_tui.tui.relatives import Relatives
from cis_tui.tui.task_filter import TaskFilter

FEW = 8
"""Tasks for which one stands that are shown without being asked for."""

FOLDS, FOLDS_ROOM = 50, 900
"""How many folds are kept for the next time, and characters of them."""


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One task, or a folded group of them: where its mark stands among the lanes, and whether others stand in it."""

    id: str
    before: str = ""
    after: str = ""
    below: str = ""
    """The lanes that are open under the row."""
    label: str = ""
    """Its name, without that of the task above it."""
    group: bool = False
    open: bool = False
    context: bool = False
    """It is not looked for itself, but stands around what is."""

    @property
    def width(self) -> int:
        """Cells of its lanes, with the mark."""
        return len(self.before) + 1 + len(self.after)


class _Shape:
    """What of a run does not change while its tasks go on."""

    def __init__(self, tasks: Mapping[str, TaskView]) -> None:
        self._tasks = tasks
        self.inside: dict[str, list[str]] = {}
        """The tasks for which each one stands, in the order of the file; those of the run itself under the empty id."""
        for task in tasks.values():
            self.inside.setdefault(task.parent if task.parent in tasks else "", []).append(task.id)
        self._graphs: dict[str, Graph] = {}
        self._groups: dict[str, Groups] = {}

    def graph(self, parent: str) -> Graph:
        """The tasks for which one stands."""
        if parent not in self._graphs:
            tasks = [self._tasks[id] for id in self.inside.get(parent, ())]
            calls = {task.id: (task.on_failure,) for task in tasks if task.on_failure}
            self._graphs[parent] = Graph({task.id: task.deps for task in tasks}, calls)
        return self._graphs[parent]

    def groups(self, parent: str) -> Groups:
        """What can be folded of them."""
        if parent not in self._groups:
            self._groups[parent] = find_groups(self.graph(parent))
        return self._groups[parent]

    @cached_property
    def relatives(self) -> Relatives:
        """Who comes before whom."""
        return Relatives(self._tasks, self.inside)


class Board:
    """The tasks of the run that is shown."""

    def __init__(self) -> None:
        self.state: RunState | None = None
        self.lanes = MAX_LANES
        """Lanes beside each other; what has no room is drawn as one."""
        self._filter = TaskFilter()
        self._zoom: frozenset[str] | None = None
        self.zoomed = ""
        """What of the run is shown, in words; empty for all of it."""
        self._folds: dict[tuple[str, str], bool] = {}
        """What somebody opened or folded, by run and task or group."""
        self._details: dict[str, int] = {}
        """By run, how many levels more are open than by themselves."""
        self.peeked = ""
        """The task that is shown for a while, wherever it is folded."""
        self._shape = _Shape({})
        self._shape_key: object = None
        self._drawn: dict[tuple[str, int], list[LaneRow]] = {}
        self._cut: frozenset[str] | None = None
        self._fits: dict[str, int] = {}

    @property
    def tasks(self) -> Mapping[str, TaskView]:
        """All tasks of the run by id."""
        return self.state.tasks if self.state is not None else {}

    def take(self, state: RunState | None) -> None:
        """Show another run, or this one with tasks that have come since."""
        if self.state is not None and (state is None or state.id != self.state.id or state.dag != self.state.dag):
            self._zoom, self.zoomed, self.peeked = None, "", ""
        self.state = state
        shape = None if state is None else _shape(state)
        if shape != self._shape_key:
            self._shape_key = shape
            self._shape = _Shape(self.tasks)
        self._again()

    @property
    def current(self) -> bool:
        """Whether the run still has the tasks that it had when it was taken."""
        return self.state is None or _shape(self.state) == self._shape_key

    @property
    def relatives(self) -> Relatives:
        """Who comes before whom."""
        return self._shape.relatives

    def _again(self) -> None:
        self._drawn = {}
        self._fits = {}
        self._cut = self._wanted()

    # What is left out

    @property
    def filter(self) -> TaskFilter:
        """What is looked for."""
        return self._filter

    @filter.setter
    def filter(self, filter: TaskFilter) -> None:
        self._filter = filter
        self._again()

    def zoom(self, tasks: Iterable[str], words: str) -> None:
        """Show only these, with what stands around them; with no words all again."""
        shown = set(tasks)
        shown |= {above for task in shown for above in self._parents(task)}
        self._zoom, self.zoomed = (frozenset(shown), words) if words else (None, "")
        self._again()

    def fits(self, task: TaskView) -> bool:
        """Whether a task is looked for."""
        return (self._zoom is None or task.id in self._zoom) and self._filter.fits(task)

    @property
    def narrowed(self) -> bool:
        """Whether tasks are left out."""
        return self._zoom is not None or self._filter.narrows

    def _wanted(self) -> frozenset[str] | None:
        if not self._filter.narrows:
            return self._zoom
        found = {task.id for task in self.tasks.values() if self.fits(task)}
        return frozenset(found | {above for task in found for above in self._parents(task)})

    # Folding

    def inside(self, task: str) -> Sequence[str]:
        """The tasks for which `task` stands."""
        return self._shape.inside.get(task, ()) if task else ()

    def group(self, id: str) -> Group | None:
        """The group that has this id, of those in which a task can stand."""
        return self._groups(self._parent_of(id)).by_id.get(id) if id.startswith("\0") else None

    def stands_for(self, id: str) -> Sequence[str]:
        """The tasks for which a task or a group stands; none if it is only itself."""
        group = self.group(id)
        return group.tasks if group else self.inside(id)

    def is_open(self, id: str) -> bool:
        """Whether those are shown: by themselves only if they are few."""
        if self._filter.narrows or (self.peeked and id in self.above(self.peeked)):
            return True
        folded = self._folds.get((self._run, id))
        return self._opens_itself(id) if folded is None else folded

    def _opens_itself(self, id: str) -> bool:
        detail = self._details.get(self._run, 0)
        if not id.startswith("\0"):
            return detail > 0 or (detail == 0 and len(self.inside(id)) <= FEW)
        parent = self._parent_of(id)
        return self._groups(parent).depth(id) < self._fitting(parent) + detail

    def _fitting(self, parent: str) -> int:
        """How many levels of groups can be opened before there are many rows."""
        if parent not in self._fits:
            tasks = [id for id in self._shape.inside.get(parent, ()) if self._cut is None or id in self._cut]
            levels = self._groups(parent).levels(tasks)
            self._fits[parent] = max((level for level, rows in enumerate(levels) if rows <= MANY), default=0)
        return self._fits[parent]

    @property
    def _run(self) -> str:
        return self.state.id or self.state.dag if self.state else ""

    def fold(self, id: str, *, open: bool) -> bool:
        """Show those for which a task or group stands, or not; whether that is anything new."""
        if self.state is None or not self.stands_for(id) or self.is_open(id) == open:
            return False
        self._folds[self._run, id] = open
        self._again()
        return True

    def more(self, step: int) -> bool:
        """Open everything one level further, or fold it; whether that changed anything."""
        if self.state is None:
            return False
        before = [row.id for row in self.rows()]
        own = {key: open for key, open in self._folds.items() if key[0] == self._run}
        for key in own:
            del self._folds[key]
        detail = self._details.get(self._run, 0)
        self._details[self._run] = detail + step
        self._again()
        if [row.id for row in self.rows()] != before:
            return True
        self._folds |= own
        self._details[self._run] = detail
        self._again()
        return False

    def folds(self) -> str:
        """What somebody opened and folded, the newest of it, for `fold_as`."""
        rows: list[tuple[str, str, int]] = [(run, "", levels) for run, levels in self._details.items()]
        rows += [(run, id, int(open)) for (run, id), open in self._folds.items()]
        rows = rows[-FOLDS:]
        while len(text := json.dumps(rows, separators=(",", ":"))) > FOLDS_ROOM:
            del rows[0]
        return text

    def fold_as(self, folds: str) -> None:
        """Fold as it was left, but for what was folded since; what does not read so is left out."""
        try:
            found: object = json.loads(folds)
        except (ValueError, RecursionError):
            return
        for row in found if is_list(found) else ():
            match row:
                case [str(run), "", int(levels)]:
                    self._details.setdefault(run, levels)
                case [str(run), str(id), int(open)]:
                    self._folds.setdefault((run, id), bool(open))
                case _:
                    continue
        self._again()

    def peek(self, task: str) -> bool:
        """Show `task` wherever it is folded, until another one is peeked at; whether that moves rows."""
        before, hidden = self.peeked, self.shown_for(task) != task
        self.peeked = task
        if not hidden and self.shown_for(before) == before:
            return False
        self._again()
        return True

    def unfold_above(self, task: str) -> bool:
        """Show `task`, wherever it stands; whether something was folded."""
        unfolded = [above for above in self.above(task) if self.fold(above, open=True)]
        return bool(unfolded)

    def above(self, id: str) -> Iterator[str]:
        """The groups and tasks in which a task or group stands, the innermost first."""
        parent = self._parent_of(id)
        yield from self._groups(parent).above(id)
        if parent:
            yield parent
            yield from self.above(parent)

    def shown_for(self, task: str) -> str:
        """`task`, or what it is folded into."""
        shown = task
        for above in self.above(task):
            if not self.is_open(above):
                shown = above
        return shown

    def _parents(self, task: str) -> Iterator[str]:
        while parent := self._parent_of(task):
            yield parent
            task = parent

    def _parent_of(self, id: str) -> str:
        task = self.tasks.get(first_of(id))
        return task.parent if task is not None and task.parent in self.tasks else ""

    def _groups(self, parent: str) -> Groups:
        return self._shape.groups(parent)

    # Rows

    def rows(self) -> list[BoardRow]:
        """The rows of the tree with their lanes; of what is looked for, those with what stands around them."""
        found: list[BoardRow] = []
        self._tree("", "", found)
        return found

    def flat(self) -> list[TaskView]:
        """All tasks that are looked for, in their order."""
        return [task for task in self.tasks.values() if self.fits(task)]

    def level(self, parent: str = "") -> Graph:
        """The tasks for which `parent` stands, and the groups of those that are folded."""
        graph = self._shape.graph(parent)
        if self._cut is not None:
            graph = only(graph, self._cut)
        return quotient(graph, self._place(parent, graph))

    def _place(self, parent: str, graph: Graph) -> Mapping[str, str]:
        groups = self._groups(parent)
        opened = {id: self.is_open(id) for id in groups.by_id}
        place: dict[str, str] = {}
        for id in graph.deps:
            place[id] = id
            for above in groups.above(id):
                if not opened[above]:
                    place[id] = above
        return place

    def _tree(self, parent: str, prefix: str, found: list[BoardRow]) -> None:
        for lane in self._lanes(parent, max(1, self.lanes - len(prefix) // 2)):
            group = bool(self.stands_for(lane.id))
            open = bool(self.inside(lane.id)) and self.is_open(lane.id)
            before, below = prefix + lane.before, prefix + lane.below
            context = self._filter.narrows and lane.id in self.tasks and not self.fits(self.tasks[lane.id])
            found.append(
                BoardRow(lane.id, before, lane.after, below, self.label(lane.id, parent), group, open, context)
            )
            if open:
                self._tree(lane.id, below.ljust(len(before) + 2 - len(before) % 2), found)

    def label(self, id: str, parent: str = "") -> str:
        """What a task or group is called, in the rows of `parent`."""
        group = self.group(id)
        name = group.label if group else id
        return name.removeprefix(parent).removeprefix("/") if parent else name

    def _lanes(self, parent: str, lanes: int) -> list[LaneRow]:
        drawn = self._drawn.get((parent, lanes))
        if drawn is None:
            graph = self.level(parent)
            drawn = self._drawn[parent, lanes] = draw_lanes(graph.deps, graph.calls, lanes)
        return drawn

    # What is to be known

    def counts(self, id: str) -> Counter[TaskStatus]:
        """How those stand for which a task or group stands."""
        return Counter(self.tasks[task].status for task in self.stands_for(id) if task in self.tasks)

    def tally(self, id: str) -> str:
        """How far those are for which a task or group stands: `12 of 40 done, 1 failed`."""
        counts = self.counts(id)
        urgent = [f"{counts[status]} {_TOLD[status]}" for status in told(counts) if status in _TOLD]
        return ", ".join([f"{counts[TaskStatus.COMPLETED]} of {counts.total()} done", *urgent])

    def status(self, id: str) -> TaskStatus:
        """How a task stands, or the one of a group that is to be known first."""
        if id in self.tasks:
            return self.tasks[id].status
        counts = self.counts(id)
        if counts[TaskStatus.COMPLETED] and counts[TaskStatus.PENDING]:
            counts[TaskStatus.READY] += 1
        return next((status for status in _FIRST if counts[status]), TaskStatus.PENDING)

    def decisions(self) -> dict[str, Decision]:
        """The open decisions, by the task that they are about."""
        if self.state is None or self.state.outcome is not None:
            return {}
        pending = DecisionStatus.PENDING
        return {each.task: each for each in self.state.decisions.values() if each.status is pending}

    def next_of(self, task: str, *statuses: TaskStatus, back: bool = False) -> str:
        """The next task after `task`, round the end, that stands so and stands for no other; empty if there is none."""
        ids = list(self.tasks)[:: -1 if back else 1]
        start = ids.index(task) + 1 if task in self.tasks else 0
        for id in (*ids[start:], *ids[:start]):
            if self.tasks[id].status in statuses and not self.inside(id):
                return id
        return ""


def told(counts: Mapping[TaskStatus, int]) -> list[TaskStatus]:
    """What is to be said of a group, that which matters most first."""
    return [status for status in (*_TOLD, TaskStatus.COMPLETED) if counts[status]]


_TOLD = {
    TaskStatus.FAILED: "failed",
    TaskStatus.WAITING: "asks",
    TaskStatus.RUNNING: "running",
    TaskStatus.DEBT: "in debt",
    TaskStatus.SKIPPED: "skipped",
    TaskStatus.CANCELLED: "cancelled",
    TaskStatus.ROLLED_BACK: "undone",
}
_FIRST = (
    TaskStatus.FAILED,
    TaskStatus.WAITING,
    TaskStatus.DEBT,
    TaskStatus.RUNNING,
    TaskStatus.READY,
    TaskStatus.PENDING,
    TaskStatus.CANCELLED,
    TaskStatus.SKIPPED,
    TaskStatus.ROLLED_BACK,
    TaskStatus.COMPLETED,
)
"""States by how much they say of a group in which one task stands so."""


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
