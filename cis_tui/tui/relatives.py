"""Which tasks of a run come before others and which after, through the DAGs and lists that stand in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cis_tui.dag.views import TaskView


class Relatives:
    """The edges of a run, followed in both directions."""

    def __init__(self, tasks: Mapping[str, TaskView], inside: Mapping[str, list[str]]) -> None:
        self._tasks, self._inside = tasks, inside
        self._before: dict[str, list[str]] = {id: [] for id in tasks}
        self._behind: dict[str, list[str]] = {id: [] for id in tasks}
        for task in tasks.values():
            for need in task.deps:
                self._join(need, task.id)
            if task.on_failure:
                self._join(task.id, task.on_failure)

    def _join(self, first: str, then: str) -> None:
        if first in self._tasks and then in self._tasks:
            self._before[then].append(first)
            self._behind[first].append(then)

    def before(self, task: str) -> list[str]:
        """Those right before a task: what it needs, or of which it is called if they fail."""
        return self._before.get(task, [])

    def behind(self, task: str) -> list[str]:
        """Those right after it."""
        return self._behind.get(task, [])

    def all_before(self, tasks: Iterable[str], steps: int = -1) -> set[str]:
        """All before these, or those that are at most so many steps away; with what stands in them."""
        return self._reach(tasks, self._before, steps)

    def all_behind(self, tasks: Iterable[str], steps: int = -1) -> set[str]:
        """All after these."""
        return self._reach(tasks, self._behind, steps)

    def _reach(self, tasks: Iterable[str], edges: Mapping[str, list[str]], steps: int) -> set[str]:
        found: set[str] = set()
        edge = {id for task in tasks for id in (task, *self._around(task))}
        while edge and steps:
            edge = {other for id in edge for other in edges.get(id, ())} - found
            edge |= {inner for id in edge for inner in self._within(id)}
            found |= edge
            steps -= 1
        return found

    def _around(self, task: str) -> Iterable[str]:
        known = self._tasks.get(task)
        while known is not None and known.parent in self._tasks:
            yield known.parent
            known = self._tasks[known.parent]

    def _within(self, task: str) -> Iterable[str]:
        for id in self._inside.get(task, ()):
            yield id
            yield from self._within(id)
