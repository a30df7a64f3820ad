"""A DAG as it runs: a row for each task, its edges as lanes, its time as a bar."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from cis_tui.core.clock import Clock
from cis_tui.dag.state import RunState
from cis_tui.dag.views import Decision, DecisionStatus, TaskStatus, TaskView
from cis_tui.tui.gantt import TimeScale, time_scale
from cis_tui.tui.lanes import LaneRow, draw_lanes
from cis_tui.tui.paint import Line, Piece, Tone, cell_len, fit, shown
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.words import LEVEL_MARKS, TASK_MARKS, countdown, elapsed, question

STATE, TRIES, TIME = 10, 4, 7
"""Cells of the columns that never change their width."""
QUESTION_TIME = 11
"""Cells of a question up to the end of its countdown, with the cursor's column."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of each column, for one width of the view."""

    lanes: int
    name: int
    level: int
    bar: int


def columns(width: int, lanes: int, longest_name: int) -> Columns:
    """Divide `width`: the name gets what it needs, the bar what is left, if that is worth a bar."""
    lanes = min(lanes, max(6, width // 4)) + 1
    level = 13 if width >= 100 else 2
    free = max(0, width - lanes - level - STATE - TRIES - TIME)
    name = min(longest_name + 2, free if free < 18 else free - 8)
    bar = min(60, free - name)
    return Columns(lanes, name, level, bar if bar >= 6 else 0)


class LaneView(RowList):
    """The tasks of one run, or of a definition before any run."""

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._state: RunState | None = None
        self._drawn: list[LaneRow] = []
        self._lines: list[tuple[int, Decision | None]] = []
        """For each line the row that it belongs to, and the decision if it is the line that asks."""
        self._line_of: dict[str, int] = {}
        self._widest = 1
        self._longest = 0
        self._scale = TimeScale(clock(), 1.0)
        self._note = ""

    @property
    def chosen(self) -> TaskView | None:
        """The task under the cursor."""
        if self._state is None or self.cursor >= len(self._lines):
            return None
        return self._state.tasks.get(self._drawn[self._lines[self.cursor][0]].id)

    def show(self, state: RunState | None, *, note: str = "") -> None:
        """Show a run; `note` is said when there is none, or it has no tasks."""
        before = self._state
        task = self.chosen
        self._note = note
        self._state = state
        if state is None:
            self._drawn, self._lines, self._line_of = [], [], {}
            self.show_rows(0)
            return
        if before is None or _shape(before) != _shape(state):
            self._drawn = draw_lanes({task.id: task.deps for task in state.tasks.values()})
            self._widest = max((row.width for row in self._drawn), default=1)
            self._longest = max((cell_len(shown(id)) for id in state.tasks), default=0)
        self._lay_out(task.id if task and before and before.id == state.id else _first_interesting(state))

    def select(self, task: str) -> None:
        """Put the cursor on a task."""
        if task in self._line_of:
            self.cursor = self._line_of[task]

    def update_tasks(self, tasks: Iterable[str]) -> None:
        """Repaint tasks whose state moved."""
        if self._state is None:
            return
        asking = [decision for _, decision in self._lines if decision]
        if sorted(asking, key=_by_id) != sorted(_open_decisions(self._state), key=_by_id):
            task = self.chosen
            self._lay_out(task.id if task else "")
        elif not self._rescale():
            top = self.scroll_offset.y
            visible = range(top - 1, top + self.size.height)
            for index in {self._line_of.get(task, -2) for task in tasks}.intersection(visible):
                self._repaint_task(index)

    def tick(self) -> None:
        """A second passed: repaint what counts."""
        if self._state is None or self._state.outcome is not None or not self._state.id or self._rescale():
            return
        top = self.scroll_offset.y
        for index in range(top, min(len(self._lines), top + self.size.height)):
            row, decision = self._lines[index]
            task = self._state.tasks[self._drawn[row].id]
            if decision is not None:
                self.repaint_row(index, width=self._columns().lanes + QUESTION_TIME)
            elif task.status is TaskStatus.RUNNING or task.retry_at is not None:
                self.repaint_row(index)

    # Rows

    def empty(self) -> str:
        """See `RowList`."""
        return self._note

    def selectable(self, index: int) -> bool:
        """The line that asks belongs to the task above it."""
        return self._lines[index][1] is None

    def row(self, index: int, width: int) -> Line:
        """One task, or the question about the task above."""
        row, decision = self._lines[index]
        assert self._state is not None
        drawn = self._drawn[row]
        parts = self._columns()
        if decision is not None:
            return self._question(drawn, decision, parts, width)
        task = self._state.tasks[drawn.id]
        mark, word, tone = TASK_MARKS[task.status]
        letter, level = LEVEL_MARKS[task.level]
        return [
            *_gutter(drawn, (mark, tone), parts.lanes),
            (fit(shown(task.id), parts.name), Tone.PLAIN if task.status is not TaskStatus.PENDING else Tone.DIM),
            (fit(self._retry_word(task) or word, STATE), tone),
            (fit(level if parts.level > 2 else letter, parts.level), Tone.DIM),
            (fit(f"×{task.attempts}" if task.attempts > 1 else "", TRIES), Tone.ASK),
            (fit(elapsed(task, self._clock()), TIME - 1, right=True) + " ", Tone.DIM),
            *self._bar(task, tone, parts.bar),
        ]

    def _question(self, drawn: LaneRow, decision: Decision, parts: Columns, width: int) -> Line:
        left = fit(countdown(decision, self._clock()), QUESTION_TIME - 3)
        text = f"╰ {left}{question(decision)}: {shown(decision.prompt)}"
        return [(fit(drawn.below, parts.lanes), Tone.DIM), (fit(text, width - parts.lanes), Tone.ASK)]

    def _retry_word(self, task: TaskView) -> str:
        if task.status is not TaskStatus.READY or task.retry_at is None:
            return ""
        return f"retry {max(0, math.ceil(task.retry_at - self._clock()))}s"

    def _bar(self, task: TaskView, tone: Tone, width: int) -> list[Piece]:
        before, length = self._scale.bar(task, self._clock(), width)
        return [(" " * before, Tone.PLAIN), ("━" * length, tone)]

    # Layout

    def _columns(self) -> Columns:
        return columns(self.row_width, self._widest, self._longest)

    def _lay_out(self, task: str) -> None:
        assert self._state is not None
        asked = {decision.task: decision for decision in _open_decisions(self._state)}
        self._lines = []
        self._line_of = {}
        for row, drawn in enumerate(self._drawn):
            self._line_of[drawn.id] = len(self._lines)
            self._lines.append((row, None))
            if drawn.id in asked:
                self._lines.append((row, asked[drawn.id]))
        self._scale = self._wanted_scale()
        self.show_rows(len(self._lines), cursor=self._line_of.get(task, 0))

    def _wanted_scale(self) -> TimeScale:
        assert self._state is not None
        return time_scale(self._state.started_at, self._state.ended_at, self._clock())

    def _rescale(self) -> bool:
        """Take the scale that fits now; whether it is another one, so that everything was repainted."""
        scale = self._wanted_scale()
        if scale == self._scale:
            return False
        self._scale = scale
        self.refresh()
        return True

    def _repaint_task(self, index: int) -> None:
        self.repaint_row(index)
        if index + 1 < len(self._lines) and self._lines[index + 1][1] is not None:
            self.repaint_row(index + 1)


def _gutter(drawn: LaneRow, mark: Piece, width: int) -> list[Piece]:
    """The lanes with the task's mark, which stays visible when the lanes are cut."""
    before = drawn.before if len(drawn.before) < width - 1 else drawn.before[: max(0, width - 3)] + "…"
    return [(before, Tone.DIM), mark, (fit(drawn.after, max(0, width - 1 - len(before))), Tone.DIM)]


def _shape(state: RunState) -> tuple[str, int, object]:
    """What the lanes depend on."""
    if state.id:
        return state.id, len(state.tasks), None
    return "", len(state.tasks), tuple((task.id, task.deps) for task in state.tasks.values())


def _first_interesting(state: RunState) -> str:
    """The task that the cursor starts on: one that asks, failed or runs, else the first."""
    for status in (TaskStatus.WAITING, TaskStatus.FAILED, TaskStatus.RUNNING):
        for task in state.tasks.values():
            if task.status is status:
                return task.id
    return ""


def _open_decisions(state: RunState) -> list[Decision]:
    if state.outcome is not None:
        return []
    return [decision for decision in state.decisions.values() if decision.status is DecisionStatus.PENDING]


def _by_id(decision: Decision) -> str:
    return decision.id
