"""Which tasks are looked for: a state, a part of the name, or both."""

from __future__ import annotations

from dataclasses import dataclass

from cis_tui.dag.views import TaskStatus, TaskView

STATES: dict[str, frozenset[TaskStatus]] = {
    "done": frozenset({TaskStatus.COMPLETED}),
    "asks": frozenset({TaskStatus.WAITING}),
    "undone": frozenset({TaskStatus.ROLLED_BACK}),
    **{status.value: frozenset({status}) for status in TaskStatus},
}
"""The words that stand for states."""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """What `failed`, `deploy` or `running deploy` looks for."""

    states: frozenset[TaskStatus] = frozenset()
    """One of these; empty for any."""
    parts: tuple[str, ...] = ()
    """All of these, in its id or name."""

    @classmethod
    def parse(cls, text: str) -> TaskFilter:
        """The filter that `text` describes, whatever that is: a word that is no state is a part of a name."""
        words = text.lower().split()
        states = frozenset[TaskStatus]().union(*(STATES[word] for word in words if word in STATES))
        return cls(states, tuple(word for word in words if word not in STATES))

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.states or self.parts)

    def fits(self, task: TaskView) -> bool:
        """Whether this task is looked for."""
        if self.states and task.status not in self.states:
            return False
        if not self.parts:
            return True
        name = f"{task.id} {task.name}".lower()
        return all(part in name for part in self.parts)
