"""Which task may start when: a pure core that counts what each task still waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cis_tui.dag.graph import leaves
from cis_tui.dag.model import DagSpec, Policy
from cis_tui.dag.views import RunStatus, TaskStatus

_WELL = (TaskStatus.COMPLETED, TaskStatus.DEBT)
_UNWELL = (TaskStatus.FAILED, TaskStatus.CANCELLED)
_BADLY = (*_UNWELL, TaskStatus.DEBT)


@dataclass(frozen=True, slots=True)
class Finish:
    """How a run ended."""

    status: RunStatus
    error: str = ""
    aborted: bool = False
    """A decision ended it: what it did is taken back as after a failure."""


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
    It is skipped as soon as one of them ended otherwise. One that is named in `on_failure` waits besides until all that
    name it have ended, and is skipped unless one of them failed.
    """

    def __init__(self, spec: DagSpec, ended: Mapping[str, TaskStatus] | None = None) -> None:
        """`ended`: the tasks that have ended already, for a run that is resumed."""
        self.policy = spec.policy
        self._watched = spec.watched()
        self._handler = {task.id: task.on_failure for task in spec.tasks if task.on_failure is not None}
        self._waiting: dict[str, int] = {}
        """How many dependencies of a task have not ended well, and how many that it watches have not ended."""
        self._dependants: dict[str, list[str]] = {task.id: [] for task in spec.tasks}
        for task in spec.tasks:
            deps = dict.fromkeys(task.deps)
            self._waiting[task.id] = len(deps)
            for dep in deps:
                self._dependants[dep].append(task.id)
        for id, others in self._watched.items():
            self._waiting[id] += len(others)
        self._status: dict[str, TaskStatus] = {}
        self._carried = dict(ended or {})
        self._failed: dict[str, TaskStatus] = {}
        """Tasks that failed, or that a person cancelled, which counts as that."""
        self._called: set[str] = set()
        """Tasks that run because of a failure."""
        self._leaves = frozenset(leaves(spec)) if spec.policy is Policy.FIRST_SUCCESS else frozenset[str]()
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
        if status in _UNWELL:
            self._failed[task] = status
        elif status is TaskStatus.COMPLETED and task in self._leaves:
            self._leaf_completed = True

    def _spread(self, task: str, status: TaskStatus) -> tuple[list[str], list[tuple[str, str]]]:
        """Release or skip what waits for `task`, and for what is skipped, in turn."""
        ready: list[str] = []
        skipped: list[tuple[str, str]] = []
        spreading = [(task, status)]
        while spreading:
            source, status = spreading.pop()
            due, dropped = self._moved_by(source, status)
            for id in due:
                reason = self._why_not(id) if id in self._watched else ""
                if reason:
                    dropped.append((id, reason))
                else:
                    ready.append(id)
            for id, _ in dropped:
                self._mark(id, TaskStatus.SKIPPED)
                spreading.append((id, TaskStatus.SKIPPED))
            skipped += dropped
        return ready, skipped

    def _moved_by(self, source: str, status: TaskStatus) -> tuple[list[str], list[tuple[str, str]]]:
        """The tasks for which nothing is waited any more now that `source` has ended, and those that never start."""
        due: list[str] = []
        dropped: list[tuple[str, str]] = []
        known, waiting = self._status, self._waiting
        if status in _WELL:
            for id in self._dependants[source]:
                if id not in known:
                    waiting[id] -= 1
                    if waiting[id] == 0:
                        due.append(id)
        else:
            reason = f"needs {source}, which {_PAST[status]}"
            dropped += [(id, reason) for id in self._dependants[source] if id not in known]
        handler = self._handler.get(source)
        if handler is not None and handler not in known:
            if status in _BADLY:
                self._called.add(handler)
            waiting[handler] -= 1
            if waiting[handler] == 0:
                due.append(handler)
        return due, dropped

    def _why_not(self, id: str) -> str:
        """Why a task that is for a failure does not run now that it could; empty if it does."""
        if id in self._called:
            return ""
        watched = self._watched[id]
        more = (f"{len(watched) - 3} more",) if len(watched) > 3 else ()
        return f"runs only if {' or '.join((*watched[:3], *more))} failed"

    def _finish(self) -> Finish | None:
        if self.policy is Policy.FIRST_SUCCESS and self._leaf_completed:
            return Finish(RunStatus.COMPLETED)
        if len(self._status) < len(self._waiting):
            return None
        if self._failed:
            return Finish(RunStatus.FAILED, self._what_failed())
        if self.policy is Policy.FIRST_SUCCESS and self._waiting:
            return Finish(RunStatus.FAILED, "no last task completed")
        return Finish(RunStatus.COMPLETED)

    def _what_failed(self) -> str:
        handlers = [id for id in self._failed if id in self._watched]
        others = [id for id in self._failed if id not in self._watched] or handlers
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        also = f"; {', '.join(handlers[:3])}, called for it, failed too" if handlers and handlers is not others else ""
        return f"{others[0]} {_PAST[self._failed[others[0]]]}{more}{also}"


_PAST: Mapping[TaskStatus, str] = {
    TaskStatus.FAILED: "failed",
    TaskStatus.SKIPPED: "was skipped",
    TaskStatus.CANCELLED: "was cancelled",
}
