"""What the tasks of a run did when, as stretches of time, and those as bars on one scale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from cis_tui.core.clock import Instant
from cis_tui.dag.state import RunState
from cis_tui.dag.views import Decision, DecisionKind, TaskStatus, TaskView, UndoItem
from cis_tui.tui.paint import Piece, Tone
from cis_tui.tui.timescale import TimeScale


class Doing(StrEnum):
    """What a stretch of time was spent on, by the sign that stands for it; later ones are drawn over earlier ones."""

    WAITED = "·"
    """It could have begun, and had no slot."""
    PAUSED = "┄"
    """Between two attempts."""
    COUNTED = ":"
    """It goes ahead by itself when the time is up."""
    ASKED = "?"
    """A person was waited for."""
    RAN = "━"
    FAILED = "×"
    UNDONE = "↺"


_ORDER = {doing: number for number, doing in enumerate(Doing)}
TONES: Mapping[Doing, Tone] = {
    Doing.WAITED: Tone.DIM,
    Doing.PAUSED: Tone.DIM,
    Doing.COUNTED: Tone.ASK,
    Doing.ASKED: Tone.ASK,
    Doing.RAN: Tone.GOOD,
    Doing.FAILED: Tone.BAD,
    Doing.UNDONE: Tone.LIVE,
}
LEGEND: Mapping[Doing, str] = {
    Doing.WAITED: "waited",
    Doing.COUNTED: "counted down",
    Doing.ASKED: "asked",
    Doing.RAN: "ran",
    Doing.FAILED: "failed",
    Doing.PAUSED: "before a retry",
    Doing.UNDONE: "undone",
}
ON_PATH, PATH = "█", "◆"
"""How what ran is drawn on the critical path, and the sign of that."""
HEAD, NOW = "▶", "│"
"""The end of what runs, and the line of the present moment where there is nothing else."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something that went on for a while."""

    doing: Doing
    start: Instant
    end: Instant | None
    """None: it still goes on, or nobody saw its end."""

    def until(self, now: Instant) -> Instant:
        """When it ended, or else `now`."""
        return now if self.end is None else self.end


def known_until(run: RunState, now: Instant) -> Instant:
    """Up to when it is known what a run did: its end, or now; of one that its engine left behind, its last event."""
    if run.ended_at is not None:
        return run.ended_at
    if not run.interrupted:
        return now
    tasks = (moment for task in run.tasks.values() if not task.taken for moment in _moments(task))
    asked = (moment for each in run.decisions.values() for moment in (each.asked_at, each.decided_at))
    return max((moment for moment in (*tasks, *asked) if moment is not None), default=run.started_at)


def _moments(task: TaskView) -> tuple[Instant | None, ...]:
    last = task.tried[-1] if task.tried else None
    return task.started_at, task.attempt_at, task.ended_at, last and last.ended_at


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
    began = begun_at(task, asked)
    waits = task.status in (TaskStatus.READY, TaskStatus.WAITING, TaskStatus.RUNNING)
    if ready is not None and (began is not None or (waits and run.outcome is None)):
        found.append(Stretch(Doing.WAITED, ready, began))
    found += _attempts(task)
    found += [Stretch(_asking(each), each.asked_at, each.decided_at) for each in asked if each.asked_at]
    found += [Stretch(Doing.UNDONE, each.started_at, each.ended_at) for each in undo if each.started_at]
    return sorted(found, key=lambda stretch: _ORDER[stretch.doing])


def begun_at(task: TaskView, asked: Iterable[Decision] = ()) -> Instant | None:
    """When something was first done about a task: it started, or somebody was asked, or it failed before that."""
    if task.taken:
        return None
    moments = [task.started_at, *(each.started_at for each in task.tried[:1]), *(each.asked_at for each in asked)]
    if task.status in (TaskStatus.FAILED, TaskStatus.DEBT):
        moments.append(task.ended_at)
    return min([moment for moment in moments if moment is not None], default=None)


def _asking(decision: Decision) -> Doing:
    held = decision.deadline is None and decision.decided_at is None
    return Doing.COUNTED if decision.kind is DecisionKind.RECOMMENDED and not held else Doing.ASKED


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
        last = number + 1 == len(task.tried)
        following = task.attempt_at if last else task.tried[number + 1].started_at
        if last and task.retry_at is not None and task.status is not TaskStatus.PENDING:
            yield Stretch(Doing.PAUSED, end, task.ended_at)
        elif following is not None and following > end:
            yield Stretch(Doing.PAUSED, end, following)
    bad = task.status in (TaskStatus.FAILED, TaskStatus.DEBT)
    began = task.attempt_at if task.attempts else task.started_at or (task.ended_at if bad else None)
    if began is None or task.status is TaskStatus.PENDING or (task.tried and task.tried[-1].number == task.attempts):
        return
    yield Stretch(Doing.FAILED if bad else Doing.RAN, began, task.ended_at)


def joined(found: Iterable[Stretch]) -> list[Stretch]:
    """The stretches of several tasks as those of one: what overlaps is one stretch."""
    result: list[Stretch] = []
    for stretch in sorted(found, key=lambda each: (_ORDER[each.doing], each.start)):
        last = result[-1] if result else None
        if last is None or last.doing is not stretch.doing or (last.end is not None and last.end < stretch.start):
            result.append(stretch)
        else:
            open = last.end is None or stretch.end is None
            end = None if open else Instant(max(last.end or 0.0, stretch.end or 0.0))
            result[-1] = Stretch(last.doing, last.start, end)
    return result


def shares(found: Iterable[Stretch], start: Instant, end: Instant, now: Instant) -> dict[Doing, float]:
    """The seconds from `start` to `end` by what they were spent on; those of which nothing is known were waited for."""
    spent = [(max(each.start, start), min(each.until(now), end), each.doing) for each in found]
    spent = [each for each in spent if each[0] < each[1]]
    moments = sorted({start, max(start, end), *(each[0] for each in spent), *(each[1] for each in spent)})
    total: dict[Doing, float] = {}
    for left, right in pairwise(moments):
        over = [doing for begin, stop, doing in spent if begin <= left and right <= stop]
        doing = max(over, key=_ORDER.__getitem__, default=Doing.WAITED)
        total[doing] = total.get(doing, 0.0) + right - left
    return total


def bar_pieces(
    found: Sequence[Stretch], scale: TimeScale, width: int, now: Instant, *, live: bool, on_path: bool = False
) -> list[Piece]:
    """Stretches in `width` cells, those without an end up to `now`; `live`: they go on from there."""
    cells: list[Piece | None] = [None] * width
    here = scale.cell(now, width) if live and width and scale.holds(now, now) else -1
    for stretch in found:
        doing, end = stretch.doing, stretch.until(now)
        brief = end - stretch.start < scale.seconds / max(width, 1) / 2
        if not scale.holds(stretch.start, end) or (brief and doing in (Doing.WAITED, Doing.PAUSED)):
            continue
        left, length = scale.cells(stretch.start, end, width)
        open = live and stretch.end is None
        sign = ON_PATH if on_path and doing is Doing.RAN else doing.value
        tone = Tone.LIVE if open and doing is Doing.RAN else TONES[doing]
        cells[left : left + length] = [(sign, tone)] * length
        if open and here >= left:
            cells[here] = (HEAD if doing is Doing.RAN else doing.value, tone)
    if here >= 0 and cells[here] is None:
        cells[here] = (NOW, Tone.DIM)
    if found and width and not any(scale.holds(each.start, each.until(now)) for each in found):
        before = found[0].start < scale.middle
        cells[0 if before else -1] = ("◂" if before else "▸", Tone.DIM)
    return _pieces(cells)


def _pieces(cells: Iterable[Piece | None]) -> list[Piece]:
    pieces: list[Piece] = []
    for sign, tone in (cell or (" ", Tone.PLAIN) for cell in cells):
        if pieces and pieces[-1][1] is tone:
            pieces[-1] = (pieces[-1][0] + sign, tone)
        else:
            pieces.append((sign, tone))
    return pieces
