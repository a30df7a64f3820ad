"""How long a run has been worked on, which is what its time limits count: no pause, and nothing between two engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cis_tui.core.clock import Instant
from cis_tui.core.events import Event, EventType

_STARTS = (EventType.TASK_STARTED, EventType.TASK_EXPANDED)
_GOES_ON = (EventType.RUN_STARTED, EventType.RUN_RESUMED)


@dataclass(slots=True)
class Worked:
    """The time of one run, as its events tell it. What lies after the last event before a kill is known to nobody."""

    seconds: float = 0.0
    began: dict[str, float] = field(default_factory=dict[str, float])
    """When each task began, in these seconds: its first attempt, or what it stands for."""
    since: Instant | None = None
    """Up to when time is counted; None while it is not."""

    def apply(self, event: Event) -> None:
        """Take one event of the run."""
        if event.type in _GOES_ON:
            self.since = event.at
        elif self.since is not None:
            self.seconds += max(event.at - self.since, 0.0)
            self.since = None if event.type == EventType.RUN_PAUSED else event.at
        if event.type in _STARTS:
            self.began.setdefault(str(event.data["task"]), self.seconds)

    def copy(self) -> Worked:
        """The same, which later events do not change."""
        return replace(self, began=dict(self.began))


class Stopwatch:
    """The time of a run that goes on. Its clock is given: that of the event loop."""

    def __init__(self, now: float, *, seconds: float = 0.0, began: Mapping[str, float] | None = None) -> None:
        """`seconds` and `began`: as they were when the run was left, see `Worked`."""
        self._seconds = seconds
        self._since: float | None = now
        self._began = dict(began or {})

    def read(self, now: float) -> float:
        """Seconds for which the run was worked on."""
        return self._seconds + (0.0 if self._since is None else now - self._since)

    def stop(self, now: float) -> None:
        """Count no more until `go_on`."""
        self._seconds = self.read(now)
        self._since = None

    def go_on(self, now: float) -> None:
        self._since = now

    def left(self, now: float, task: str, limit: float) -> float:
        """Seconds that are left of `limit` for `task`, whose time begins when this is asked first; "" is the run."""
        began = self._began.setdefault(task, self.read(now)) if task else 0.0
        return max(limit - (self.read(now) - began), 0.0)
