"""Which task may start when: a pure core that counts what each task still waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cis_tui.dag.model import DagSpec, Policy
from cis_tui.dag.views import RunStatus, TaskStatus

_WELL = (TaskStatus.COMPLETED, TaskStatus.DEBT)


@dataclass(frozen=True, slots=True)
class Finish:
    """How a run ended."""

    status: RunStatus
    error: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from the end of a task."""

    ready: tuple[str, ...] = ()
    """May start now; each task is named once in the life of a schedule."""
    skipped: tuple[tuple[str, str], ...] = ()
    """Will never start, each with its reason; they count as ended."""
    finish: Finish | None = None
    """The run is over; tasks that go on are to be cancelled."""


class Schedule:
    """The order of one run. Each dependency is looked at once, so the cost is linear in tasks and dependencies.

    A task is released when all that it needs ended well: completed, or failed as a debt that the policy tolerates.
    It is skipped as soon as one of them ended otherwise.
    """

    def __init__(self, spec: DagSpec, ended: Mapping[str, TaskStatus] | None = None) -> None:
        """`ended`: the tasks that have ended already, for a run that is resumed."""
        self.policy = spec.policy
        self._needs = {task.id: task.deps for task in spec.tasks}
        self._waiting = {task.id: len(set(task.deps)) for task in spec.tasks}
        """How many dependencies of a task have not ended well."""
        self._dependants: dict[str, list[str]] = {task.id: [] for task in spec.tasks}
        for task in spec.tasks:
            for dep in set(task.deps):
                self._dependants[dep].append(task.id)
        self._status: dict[str, TaskStatus] = {}
        self._carried = dict(ended or {})
        self._failed: list[str] = []
        self._leaf_completed = False

    def start(self) -> Step:
        """What can start, or never will, at the beginning. Call it once, before any `end`."""
        roots = [task for task, count in self._waiting.items() if count == 0 and task not in self._carried]
        ready: list[str] = roots
        skipped: list[tuple[str, str]] = []
        for task, status in self._carried.items():
            self._mark(task, status)
        for task, status in self._carried.items():
            more_ready, more_skipped = self._spread(task, status)
            ready += more_ready
            skipped += more_skipped
        return Step(tuple(ready), tuple(skipped), self._finish())

    def end(self, status: TaskStatus, *tasks: str) -> Step:
        """What follows when `tasks` have ended with `status`."""
        ready: list[str] = []
        skipped: list[tuple[str, str]] = []
        for task in tasks:
            self._mark(task, status)
            more_ready, more_skipped = self._spread(task, status)
            ready += more_ready
            skipped += more_skipped
        return Step(tuple(ready), tuple(skipped), self._finish())

    def _mark(self, task: str, status: TaskStatus) -> None:
        self._status[task] = status
        if status is TaskStatus.FAILED:
            self._failed.append(task)
        elif status is TaskStatus.COMPLETED and not self._dependants[task]:
            self._leaf_completed = True

    def _spread(self, task: str, status: TaskStatus) -> tuple[list[str], list[tuple[str, str]]]:
        """Release or skip the dependants of `task`, and of what is skipped, in turn."""
        ready: list[str] = []
        skipped: list[tuple[str, str]] = []
        spreading = [(task, status)]
        while spreading:
            source, status = spreading.pop()
            for dependant in self._dependants[source]:
                if dependant in self._status:
                    continue
                if status in _WELL:
                    self._waiting[dependant] -= 1
                    if self._waiting[dependant] == 0:
                        ready.append(dependant)
                else:
                    self._mark(dependant, TaskStatus.SKIPPED)
                    skipped.append((dependant, f"needs {source}, which {_PAST[status]}"))
                    spreading.append((dependant, TaskStatus.SKIPPED))
        return ready, skipped

    def _finish(self) -> Finish | None:
        if self.policy is Policy.FIRST_SUCCESS and self._leaf_completed:
            return Finish(RunStatus.COMPLETED)
        if len(self._status) < len(self._needs):
            return None
        if self._failed:
            more = f" and {len(self._failed) - 1} more" if len(self._failed) > 1 else ""
            return Finish(RunStatus.FAILED, f"{self._failed[0]} failed{more}")
        if self.policy is Policy.FIRST_SUCCESS and self._needs:
            return Finish(RunStatus.FAILED, "no last task completed")
        return Finish(RunStatus.COMPLETED)


_PAST: Mapping[TaskStatus, str] = {
    TaskStatus.FAILED: "failed",
    TaskStatus.SKIPPED: "was skipped",
    TaskStatus.CANCELLED: "was cancelled",
}
