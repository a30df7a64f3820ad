"""When tasks ran, as bars on one scale."""

from __future__ import annotations

from dataclasses import dataclass

from cis_tui.core.clock import Instant
from cis_tui.dag.views import TaskView

_STEPS = (10, 20, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(frozen=True, slots=True)
class TimeScale:
    """The stretch of time that a bar's full width stands for."""

    start: Instant
    seconds: float

    def bar(self, task: TaskView, now: Instant, width: int) -> tuple[int, int]:
        """Cells before the task's bar and cells of the bar itself, which is 0 before it starts."""
        if task.started_at is None or width <= 0:
            return 0, 0
        begin = self._cell(task.started_at, width)
        end = self._cell(task.ended_at or now, width)
        left = min(int(begin), width - 1)
        return left, max(1, min(width, round(end)) - left)

    def _cell(self, moment: Instant, width: int) -> float:
        return max(0.0, min(1.0, (moment - self.start) / self.seconds)) * width


def time_scale(start: Instant, end: Instant | None, now: Instant) -> TimeScale:
    """The scale of a run: its own length once it has ended.

    Before that a round length that it has not outgrown, so that the bars do not all move with every second.
    """
    if end is not None:
        return TimeScale(start, max(end - start, 0.001))
    passed = now - start
    for step in _STEPS:
        if passed <= step:
            return TimeScale(start, float(step))
    days = passed // 86400 + 1
    return TimeScale(start, days * 86400)
