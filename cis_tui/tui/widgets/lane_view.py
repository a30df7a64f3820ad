"""A DAG as it runs: a row for each task, its edges as lanes, its time as a bar."""

from __future__ import annotations

from dataclasses import dataclass

from cis_tui.core.clock import Clock
from cis_tui.dag.views import Decision, TaskStatus, TaskView
from cis_tui.tui.board import Board, BoardRow
from cis_tui.tui.gantt import known_until
from cis_tui.tui.lanes import MAX_LANES
from cis_tui.tui.paint import Line, Piece, Tone, cell_len, fit, shown
from cis_tui.tui.timescale import TimeScale, time_scale
from cis_tui.tui.widgets.task_rows import TaskLine, TaskRows
from cis_tui.tui.words import LEVEL_MARKS, TASK_MARKS, elapsed, question, time_left

STATE, TRIES, TIME, LEVEL = 10, 4, 7, 13
"""Cells of the columns that never change their width."""
BAR, SAID = 60, 16
"""Cells of the longest bar, and of the fewest words that are worth a column."""
QUESTION_TIME = 11
"""Cells of a question up to the end of its countdown, with the cursor's column."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of each column, for one width of the view."""

    lanes: int
    name: int
    level: int
    bar: int
    said: int
    """What a task is for, or why it failed."""


def lanes_in(width: int) -> int:
    """How many lanes there are beside each other: those that have room in a quarter of the width."""
    return max(2, min(MAX_LANES, (width // 4 - 3) // 2))


def columns(width: int, lanes: int, longest_name: int) -> Columns:
    """Divide `width`: the name gets what it needs, the bar what is left, if that is worth a bar."""
    lanes = min(lanes, max(9, width // 4 + 2)) + 1
    level = LEVEL if width >= 100 else 2
    free = max(0, width - lanes - level - STATE - TRIES - TIME)
    name = min(longest_name + 2, free if free < 18 else free - 8)
    bar = min(BAR, free - name)
    said = free - name - bar
    return Columns(lanes, name, level, bar if bar >= 6 else 0, said if said >= SAID else 0)


class LaneView(TaskRows):
    """The tasks of one run, or of a definition before any run."""

    def __init__(self, board: Board, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(board, clock, id=id)
        self._widest = 1
        self._scale = TimeScale(clock(), 1.0)

    def lines(self) -> list[TaskLine]:
        """The tree, each open question under its task."""
        self.board.lanes = lanes_in(self.row_width)
        asked = self.board.decisions()
        found: list[TaskLine] = []
        for row in self.board.rows():
            found.append((row, None))
            if row.id in asked:
                found.append((row, asked[row.id]))
        self._widest = max((row.width for row, _ in found), default=1)
        return found

    def _other_questions(self) -> bool:
        before = {decision.id: decision for _, decision in self._lines if decision is not None}
        now = {each.id: each for task, each in self.board.decisions().items() if task in self._line_of}
        return before != now

    def moved(self) -> bool:
        """Take the scale that fits now; whether it is another one."""
        state = self.board.state
        if state is None:
            return False
        now = known_until(state, self.clock())
        scale = time_scale(state.started_at, now if state.interrupted else state.ended_at, now)
        other = scale != self._scale
        self._scale = scale
        return other

    def task_row(self, row: BoardRow, task: TaskView, width: int) -> Line:
        """Lanes, mark, name, how it stands, and its bar; of many that are folded, how far they are."""
        parts = columns(width, self._widest, self.longest)
        mark, word, tone = TASK_MARKS[task.status]
        letter, level = LEVEL_MARKS[task.level]
        first = [*_gutter(row, (mark, tone), parts.lanes), self.name_piece(row, task, parts.name)]
        if row.group and not row.open:
            return [*first, *self.tally_pieces(row.id, width - parts.lanes - parts.name)]
        if self.board.state is None or not self.board.state.id:
            return [*_gutter(row, (mark, tone), parts.lanes), *self._planned(row, task, width - parts.lanes)]
        return [
            *first,
            (fit(self.state_word(row, task, word), STATE), tone),
            (fit(level if parts.level > 2 else letter, parts.level), Tone.DIM),
            (fit(f"×{task.attempts}" if task.attempts > 1 else "", TRIES), Tone.ASK),
            (fit(elapsed(task, self.clock()), TIME - 1, right=True) + " ", Tone.DIM),
            *self._bar(task, tone, parts.bar),
            *_said(task, parts.said),
        ]

    def group_row(self, row: BoardRow, width: int) -> Line:
        """As a task that is folded."""
        parts = columns(width, self._widest, self.longest)
        mark, _, tone = TASK_MARKS[self.board.status(row.id)]
        first = [*_gutter(row, (mark, tone), parts.lanes), self.name_piece(row, None, parts.name)]
        return [*first, *self.tally_pieces(row.id, width - parts.lanes - parts.name)]

    def on_resize(self) -> None:
        """There may be room for more lanes."""
        if self.board.lanes != lanes_in(self.row_width):
            self.lay_out()
        super().on_resize()

    def question_row(self, row: BoardRow, decision: Decision, width: int) -> Line:
        """The question under its task, the time that is left first."""
        lanes = columns(width, self._widest, self.longest).lanes
        left = fit(time_left(decision, self.clock()), QUESTION_TIME - 3)
        text = f"╰ {left}{question(decision)}: {shown(decision.prompt)}"
        return [(fit(row.below, lanes), Tone.DIM), (fit(text, width - lanes), Tone.ASK)]

    def _planned(self, row: BoardRow, task: TaskView, width: int) -> list[Piece]:
        """A task of a definition, of which all are alike pending: its name, what it asks for, and what it is for."""
        name = self.name_piece(row, task, min(self.longest + 2, width))
        free = width - cell_len(name[0])
        letter, level = LEVEL_MARKS[task.level]
        asks = f"{level:<{LEVEL}}" if free >= LEVEL + SAID else f"{letter:<2}"
        return [name, (fit(f"{asks}{shown(task.name)}", free), Tone.DIM)]

    def _bar(self, task: TaskView, tone: Tone, width: int) -> list[Piece]:
        before, length = self._scale.bar(task, self.clock(), width)
        return [(" " * before, Tone.PLAIN), ("━" * length, tone), (" " * (width - before - length), Tone.PLAIN)]


def _said(task: TaskView, width: int) -> list[Piece]:
    """Why it failed or was left out, or else its name in the file."""
    tone = Tone.BAD if task.status in (TaskStatus.FAILED, TaskStatus.DEBT) else Tone.DIM
    return [(fit(f"  {shown(task.error or task.name)}", width), tone)] if width else []


def _gutter(row: BoardRow, mark: Piece, width: int) -> list[Piece]:
    """The lanes with the task's mark, which stays visible when the lanes are cut."""
    before = row.before if len(row.before) < width - 1 else row.before[: max(0, width - 3)] + "…"
    return [(before, Tone.DIM), mark, (fit(row.after, max(0, width - 1 - len(before))), Tone.DIM)]
