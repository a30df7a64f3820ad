"""The present state of a run that is being worked on, folded from its events when somebody looks."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from threading import Lock

from cis_tui.core.events import Event, EventType
from cis_tui.dag.state import RunState
from cis_tui.dag.views import TaskView


class LiveState:
    """Takes events at almost no cost and applies them when read. May be used from any thread."""

    def __init__(self, state: RunState | None = None, *, tasks: tuple[TaskView, ...] | None = None) -> None:
        """`state`: what the journal holds of a run that is resumed; `tasks`: those of a new one."""
        self._state = state
        self._tasks = tasks
        self._unapplied: deque[Event] = deque()
        self._lock = Lock()

    def hear(self, event: Event) -> None:
        """Take the next event of the run; output changes no state."""
        if event.type != EventType.TASK_OUTPUT:
            self._unapplied.append(event)

    def read(self) -> RunState | None:
        """The state after all events heard, the reader's own; None before the first event of a new run."""
        with self._lock:
            while self._unapplied:
                event = self._unapplied.popleft()
                if self._state is None:
                    self._state = RunState.begin(event, self._tasks)
                else:
                    self._state.apply(event)
            state = self._state
            return state and replace(
                state,
                tasks=dict(state.tasks),
                decisions=dict(state.decisions),
                expansions=dict(state.expansions),
                undo=state.undo.copy(),
                worked=state.worked.copy(),
            )
