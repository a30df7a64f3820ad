"""When tasks ran, waited and were decided about, as stretches and bars on one scale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cis_tui.core.clock import Instant
from cis_tui.dag.state import RunState
from cis_tui.dag.views import Decision, TaskStatus, TaskView, UndoItem
from cis_tui.tui.paint import Piece, Tone
from cis_tui.tui.words import span

_STEPS = (10, 20, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


class Doing(StrEnum):
    """What a stretch of time was spent on, by the sign that stands for it; later ones are drawn over earlier ones."""

    WAITED = "·"
    PAUSED = "┄"
    """Between two attempts."""
    ASKED = "?"
    """A person was waited for."""
    RAN = "━"
    FAILED = "×"
    UNDONE = "↺"


TONES: Mapping[Doing, Tone] = {
    Doing.WAITED: Tone.DIM,
    Doing.PAUSED: Tone.DIM,
    Doing.ASKED: Tone.ASK,
    Doing.RAN: Tone.GOOD,
    Doing.FAILED: Tone.BAD,
    Doing.UNDONE: Tone.LIVE,
}
LEGEND: Mapping[Doing, str] = {
    Doing.WAITED: "waits",
    Doing.ASKED: "asks",
    Doing.RAN: "runs",
    Doing.FAILED: "failed",
    Doing.PAUSED: "before a retry",
    Doing.UNDONE: "undone",
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something that went on for a while."""

    doing: Doing
    start: Instant
    end: Instant | None
    """None: it still goes on."""


@dataclass(frozen=True, slots=True)
class TimeScale:
    """The stretch of time that a bar's full width stands for."""

    start: Instant
    seconds: float

    def bar(self, task: TaskView, now: Instant, width: int) -> tuple[int, int]:
        """Cells before the task's bar and cells of the bar itself, which is 0 before it starts."""
        if task.started_at is None or task.taken or width <= 0:
            return 0, 0
        return self.cells(task.started_at, task.ended_at or now, width)

    def cells(self, start: Instant, end: Instant, width: int) -> tuple[int, int]:
        """Cells before a stretch of time and cells of the stretch itself, at least one."""
        left = min(int(self._cell(start, width)), width - 1)
        return left, max(1, min(width, round(self._cell(end, width))) - left)

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


def stretches(
    task: TaskView,
    run: RunState,
    asked: Sequence[Decision] = (),
    undo: Sequence[UndoItem] = (),
    callers: Sequence[str] = (),
) -> list[Stretch]:
    """What a task did, when.

    `asked` are the decisions about it, `undo` is what took it back, `callers` are the tasks whose failure it is for.
    """
    if task.taken:
        return []
    found: list[Stretch] = []
    ready = _could_begin(task, run, (*task.deps, *callers))
    began = min([moment for moment in (task.started_at, *(each.asked_at for each in asked)) if moment], default=None)
    waits = task.status in (TaskStatus.READY, TaskStatus.WAITING, TaskStatus.RUNNING)
    if ready is not None and (began is not None or (waits and run.outcome is None)):
        found.append(Stretch(Doing.WAITED, ready, began))
    found += _attempts(task)
    found += [Stretch(Doing.ASKED, each.asked_at, each.decided_at) for each in asked if each.asked_at]
    found += [Stretch(Doing.UNDONE, each.started_at, each.ended_at) for each in undo if each.started_at]
    order = list(Doing)
    return sorted(found, key=lambda stretch: order.index(stretch.doing))


def _could_begin(task: TaskView, run: RunState, after: Iterable[str]) -> Instant | None:
    """When everything after which the task comes had ended; None if that is not so yet."""
    latest = run.tasks[task.parent].started_at if task.parent in run.tasks else run.started_at
    for dep in after:
        known = run.tasks.get(dep)
        if known is None or known.ended_at is None:
            return None
        latest = known.ended_at if latest is None else Instant(max(latest, known.ended_at))
    return latest


def _attempts(task: TaskView) -> Iterator[Stretch]:
    for number, tried in enumerate(task.tried):
        end = tried.ended_at or tried.started_at
        yield Stretch(Doing.FAILED, tried.started_at, end)
        following = task.tried[number + 1].started_at if number + 1 < len(task.tried) else task.attempt_at
        if following is not None and following > end:
            yield Stretch(Doing.PAUSED, end, following)
    began = task.attempt_at if task.attempts else task.started_at
    if began is None or task.status is TaskStatus.PENDING or (task.tried and task.tried[-1].number == task.attempts):
        return
    bad = task.status in (TaskStatus.FAILED, TaskStatus.DEBT)
    yield Stretch(Doing.FAILED if bad else Doing.RAN, began, task.ended_at)


def bar_pieces(found: Sequence[Stretch], scale: TimeScale, now: Instant, width: int, live: bool) -> list[Piece]:
    """Stretches in `width` cells; `live`: what has no end goes on."""
    cells: list[Doing | None] = [None] * width
    for stretch in found:
        end = stretch.end if stretch.end is not None else now if live else stretch.start
        left, length = scale.cells(stretch.start, end, width)
        if stretch.doing in (Doing.WAITED, Doing.PAUSED) and end - stretch.start < scale.seconds / max(width, 1) / 2:
            continue
        cells[left : left + length] = [stretch.doing] * min(length, width - left)
    pieces: list[Piece] = []
    for cell in cells:
        sign, tone = (cell.value, TONES[cell]) if cell else (" ", Tone.PLAIN)
        if pieces and pieces[-1][1] is tone:
            pieces[-1] = (pieces[-1][0] + sign, tone)
        else:
            pieces.append((sign, tone))
    return pieces


def axis(scale: TimeScale, width: int) -> str:
    """Marks of time over bars of `width` cells."""
    marks = max(1, min(8, width // 12))
    text = ""
    for number in range(marks):
        text = text.ljust(number * width // marks) + f"╷{span(scale.seconds * number / marks)}"
    return text[:width].ljust(width)
