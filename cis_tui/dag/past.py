"""The attempts that were made of a task, read off its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cis_tui.core.events import Event, EventType
from cis_tui.dag.views import Attempt

_ENDS = (EventType.TASK_RETRIED, EventType.TASK_FAILED, EventType.TASK_COMPLETED)


def past_attempts(events: Iterable[Event], *, limit: int = 20) -> tuple[Attempt, ...]:
    """The newest attempts that `events` of one task tell of, oldest first."""
    made: dict[int, Attempt] = {}
    for event in events:
        number = event.data.get("attempt")
        if not isinstance(number, int):
            continue
        if event.type == EventType.TASK_STARTED:
            made[number] = Attempt(number, event.at)
        elif event.type in _ENDS and number in made:
            code = event.data.get("exit_code")
            made[number] = replace(
                made[number],
                ended_at=event.at,
                exit_code=code if isinstance(code, int) else None,
                error=str(event.data.get("error", "")),
            )
    return tuple(made.values())[-limit:]
