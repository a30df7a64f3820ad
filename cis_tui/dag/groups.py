"""The tasks of a run in groups, each with its own schedule: those of its DAG, and those for which a task stands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cis_tui.core.errors import Invalid
from cis_tui.dag.calls import Calls
from cis_tui.dag.expansion import Expansion, inner_spec
from cis_tui.dag.model import MAX_TASKS, DagSpec, TaskSpec
from cis_tui.dag.schedule import Schedule
from cis_tui.dag.views import TaskStatus


@dataclass(slots=True, eq=False)
class Group:
    """Tasks that are scheduled together."""

    task: TaskSpec | None
    """The task that stands for them; None for those of the run's own DAG."""
    spec: DagSpec
    """Them, with the ids that they have in the run."""
    calls: Calls
    schedule: Schedule
    slots: tuple[asyncio.Semaphore, ...]
    """What an attempt of one of them holds, in the order in which it is taken."""
    limits: Mapping[str, asyncio.Semaphore]
    """What it holds besides, by the name of its limit."""
    above: Group | None
    """The group of `task`."""
    below: list[Group] = field(default_factory=list["Group"])
    """The groups of its tasks that stand for others."""
    timer: asyncio.TimerHandle | None = None
    """Ends it when its time is up."""
    closed: bool = False
    """Nothing of it starts any more."""

    def slots_of(self, task: TaskSpec) -> tuple[asyncio.Semaphore, ...]:
        """What an attempt of `task` holds, in the order in which it is taken: a slot of the run is the last."""
        return self.slots if task.limit is None else (self.limits[task.limit], *self.slots)

    def lies_in(self, other: Group) -> bool:
        """Whether it is `other`, or lies anywhere in it."""
        group: Group | None = self
        while group is not None and group is not other:
            group = group.above
        return group is other


class Groups:
    """All groups of a run that were opened."""

    def __init__(
        self, spec: DagSpec, calls: Calls, ended: Mapping[str, TaskStatus], *, max_parallel: int | None
    ) -> None:
        """`ended`: the tasks that have ended already, for a run that is resumed."""
        self.tasks: dict[str, TaskSpec] = {}
        """Every task by id."""
        self._ended = ended
        self._of: dict[str, Group] = {}
        self._limits: dict[str, dict[str, asyncio.Semaphore]] = {}
        """Those of each DAG, which all its tasks in the run share."""
        self.root = self._add(None, spec, calls, _slots(max_parallel), None)

    def of(self, task: str) -> Group:
        """The group in which `task` is scheduled."""
        return self._of[task]

    def open(self, task: TaskSpec, expansion: Expansion) -> Group:
        """The group of the tasks for which `task` stands.

        Raises:
            Invalid: the run would have too many tasks (CIS-DAG-102).
        """
        above = self._of[task.id]
        inner = inner_spec(task, expansion, above.calls.spec, above.calls.dags)
        if len(self.tasks) + len(inner.tasks) > MAX_TASKS:
            message = f'with the {len(inner.tasks)} tasks of "{task.id}" the run has more than {MAX_TASKS}'
            raise Invalid("CIS-DAG-102", message, hint="work on them in several runs")
        slots = (*above.slots, *_slots(inner.max_parallel))
        return self._add(task, inner, above.calls.within(task, expansion), slots, above)

    def standing(self, task: str) -> Group | None:
        """The group of the tasks for which `task` stands, if it is open."""
        return next((each for each in self._of[task].below if each.task and each.task.id == task), None)

    def inside(self, group: Group) -> Iterator[str]:
        """The tasks of `group` and of the groups that lie in it."""
        return (task.id for each in self._tree(group) for task in each.spec.tasks)

    def all(self) -> Iterator[Group]:
        """Every group that was opened."""
        return self._tree(self.root)

    def stop_timers(self) -> None:
        """Let no group end because its time is up."""
        for each in self.all():
            if each.timer is not None:
                each.timer.cancel()

    def shut(self, group: Group) -> None:
        """Let nothing start any more in `group` and the groups that lie in it."""
        for each in self._tree(group):
            each.closed = True
            if each.timer is not None:
                each.timer.cancel()

    def _tree(self, group: Group) -> Iterator[Group]:
        open = [group]
        while open:
            yield (current := open.pop())
            open += current.below

    def _add(
        self,
        task: TaskSpec | None,
        spec: DagSpec,
        calls: Calls,
        slots: tuple[asyncio.Semaphore, ...],
        above: Group | None,
    ) -> Group:
        limits = self._limits.get(calls.spec.name)
        if limits is None:
            limits = {name: asyncio.Semaphore(limit) for name, limit in calls.spec.limits.items()}
            self._limits[calls.spec.name] = limits
        ended = {each.id: self._ended[each.id] for each in spec.tasks if each.id in self._ended}
        group = Group(task, spec, calls, Schedule(spec, ended), slots, limits, above)
        if above is not None:
            above.below.append(group)
        for each in spec.tasks:
            self.tasks[each.id] = each
            self._of[each.id] = group
        return group


def _slots(limit: int | None) -> tuple[asyncio.Semaphore, ...]:
    return (asyncio.Semaphore(limit),) if limit else ()
