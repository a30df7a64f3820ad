"""Time along a line of cells: how long the line is, which moment stands in which cell, and the marks that tell."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cis_tui.core.clock import Instant
from cis_tui.dag.views import TaskView

_DAY = 86_400
_STEPS = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    *(step * unit for unit in (1, 60) for step in (1, 2, 5, 10, 20, 30)),
    *(step * 3600 for step in (1, 2, 5, 10)),
    *(step * _DAY * 10**zeros for zeros in range(7) for step in (1, 2, 5)),
)
"""Seconds between two marks."""
_PARTS = 8
"""Into about so many steps a run that goes on is divided; its scale grows by one of them."""
SHORTEST = 0.5
"""Seconds of which the smallest part is that can be looked at."""


@dataclass(frozen=True, slots=True)
class TimeScale:
    """The stretch of time that a bar's full width stands for."""

    start: Instant
    """From which the marks count."""
    seconds: float
    since: float = 0.0
    """Seconds after `start` at which the stretch begins."""

    def bar(self, task: TaskView, now: Instant, width: int) -> tuple[int, int]:
        """Cells before the task's bar and cells of the bar itself, which is 0 before it starts."""
        if task.started_at is None or task.taken or width <= 0:
            return 0, 0
        return self.cells(task.started_at, task.ended_at or now, width)

    def cells(self, start: Instant, end: Instant, width: int) -> tuple[int, int]:
        """Cells before a stretch of time and cells of the stretch itself, at least one."""
        left = self.cell(start, width)
        return left, max(1, min(width, round(self._place(end, width))) - left)

    def cell(self, moment: Instant, width: int) -> int:
        """The cell in which a moment stands; of one before or after the stretch, the first or last."""
        return max(0, min(width - 1, int(self._place(moment, width))))

    def holds(self, start: Instant, end: Instant) -> bool:
        """Whether something of that time is to be seen."""
        return start - self.start <= self.since + self.seconds and end - self.start >= self.since

    def _place(self, moment: Instant, width: int) -> float:
        return max(0.0, min(1.0, (moment - self.start - self.since) / self.seconds)) * width

    def around(self, moment: Instant, seconds: float) -> TimeScale:
        """A stretch of `seconds` in this one, with `moment` in its middle as far as that can be."""
        seconds = min(self.seconds, max(SHORTEST, seconds))
        since = moment - self.start - seconds / 2
        return replace(self, seconds=seconds, since=max(self.since, min(self.since + self.seconds - seconds, since)))

    @property
    def middle(self) -> Instant:
        """The moment in the middle."""
        return Instant(self.start + self.since + self.seconds / 2)


def time_scale(start: Instant, end: Instant | None, now: Instant) -> TimeScale:
    """The scale of a run: its own length once it has ended.

    Before that a round length that it has not outgrown, so that the bars do not all move with every second.
    """
    if end is not None:
        return TimeScale(start, max(end - start, 0.001))
    passed = max(now - start, 0.0)
    step = max(1.0, _step(passed / _PARTS))
    return TimeScale(start, max(10.0, step * -(-passed // step)))


def ticks(scale: TimeScale, width: int) -> list[tuple[int, str]]:
    """The cells of the marks, and what each says: a round time since the start, whole or not at all."""
    seconds = _step(scale.seconds / max(width, 1) * 3)
    while True:
        first = -(-round(scale.since / seconds, 6) // 1)
        last = int(round((scale.since + scale.seconds) / seconds, 6))
        times = [number * seconds for number in range(int(first), last + 1)]
        cells = [int((time - scale.since) / scale.seconds * width + 1e-6) for time in times]
        words = [time_mark(time) for time in times]
        ends = [cell + len(word) + 2 for cell, word in zip(cells, words, strict=True)]
        if all(end <= following for end, following in zip(ends, cells[1:], strict=False)):
            return [
                (cell, word if end - 1 <= width else "")
                for cell, word, end in zip(cells, words, ends, strict=True)
                if cell < width
            ]
        seconds = _step(seconds * 1.01)


def axis(scale: TimeScale, width: int, now: Instant | None = None) -> str:
    """Marks of time over bars of `width` cells; `now` is marked, and is more than what stands there."""
    text = [" "] * width
    here = scale.cell(now, width) if now is not None and width and scale.holds(now, now) else -1
    for cell, word in ticks(scale, width):
        mark = f"╷{word}" if not cell <= here <= cell + len(word) else "╷"
        text[cell : cell + len(mark)] = mark
    if here >= 0:
        text[here] = "▼"
    return "".join(text)


def time_mark(seconds: float) -> str:
    """A time since the start, exact to hundredths, such as `0`, `0.5s`, `20s`, `1:30`, `2h`, `2h05m`, `3d`."""
    whole, part = divmod(round(seconds * 100), 100)
    fraction = f".{part:02d}".rstrip("0") if part else ""
    if whole < 60:
        return f"{whole}{fraction}s" if whole or part else "0"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}{fraction}"
    if whole % _DAY == 0 and not part:
        return f"{whole // _DAY}d"
    hours, minutes = divmod(minutes, 60)
    if rest or part:
        return f"{hours}h{minutes:02d}:{rest:02d}{fraction}"
    return f"{hours}h{minutes:02d}m" if minutes else f"{hours}h"


def _step(seconds: float) -> float:
    """The shortest step that is no shorter."""
    return next((step for step in _STEPS if step >= seconds), float(_STEPS[-1]))
