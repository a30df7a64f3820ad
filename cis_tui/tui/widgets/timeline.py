"""When the tasks of a run waited, were decided about, ran, and were undone."""

from __future__ import annotations

from cis_tui.core.clock import Clock
from cis_tui.dag.views import Decision, TaskView, UndoItem
from cis_tui.tui.board import Board, BoardRow
from cis_tui.tui.gantt import LEGEND, TimeScale, axis, bar_pieces, stretches, time_scale
from cis_tui.tui.paint import Line, Tone, fit
from cis_tui.tui.widgets.task_rows import TaskLine, TaskRows
from cis_tui.tui.words import TASK_MARKS, elapsed

TIME = 7


class Timeline(TaskRows):
    """One bar a task, all on the scale of the run."""

    HEADED = True

    def __init__(self, board: Board, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(board, clock, id=id)
        self._scale = TimeScale(clock(), 1.0)
        self._asked: dict[str, list[Decision]] = {}
        self._undo: dict[str, list[UndoItem]] = {}
        self._callers: dict[str, list[str]] = {}

    def lines(self) -> list[TaskLine]:
        """The tree without its lanes, each task as far in as it stands."""
        self._index()
        return super().lines()

    def _index(self) -> None:
        state = self.board.state
        self._asked, self._undo, self._callers = {}, {}, {}
        for task in self.board.tasks.values():
            if task.on_failure:
                self._callers.setdefault(task.on_failure, []).append(task.id)
        for decision in state.decisions.values() if state else ():
            self._asked.setdefault(decision.task, []).append(decision)
        for item in state.undo.items.values() if state else ():
            self._undo.setdefault(item.task, []).append(item)

    def _other_questions(self) -> bool:
        self._index()
        return False

    def moved(self) -> bool:
        """Take the scale that fits now; whether it is another one."""
        state = self.board.state
        if state is None:
            return False
        scale = time_scale(state.started_at, state.ended_at, self.clock())
        other = scale != self._scale
        self._scale = scale
        if other:
            self.post_message(self.Headed())
        if state.undo.items:
            self._index()
        return other

    @property
    def remark(self) -> str:
        """What the signs of the bars mean."""
        return "  ".join(f"{doing.value} {word}" for doing, word in LEGEND.items())

    def heading(self, width: int) -> Line:
        """The scale."""
        name, bar = self._widths(width)
        return [
            (" " * (name + 3), Tone.DIM),
            (fit("took", TIME - 1, right=True) + " ", Tone.DIM),
            (axis(self._scale, bar), Tone.DIM),
        ]

    def task_row(self, row: BoardRow, task: TaskView, width: int) -> Line:
        """Name, time, and what it did when."""
        name, bar = self._widths(width)
        mark, _, tone = TASK_MARKS[task.status]
        state = self.board.state
        assert state is not None
        asked, undo = self._asked.get(task.id, ()), self._undo.get(task.id, ())
        found = stretches(task, state, asked, undo, self._callers.get(task.id, ()))
        depth = sum(1 for _ in self.board.above(task.id)) if not self.board.filter.narrows else 0
        label, name_tone = self.name_piece(row, task, max(0, name - 2 * depth))
        return [
            (f"{'  ' * depth}{mark} ", tone),
            (label, name_tone),
            (fit(elapsed(task, self.clock()), TIME - 1, right=True) + " ", Tone.DIM),
            *bar_pieces(found, self._scale, self.clock(), bar, state.outcome is None),
        ]

    def _widths(self, width: int) -> tuple[int, int]:
        name = min(self.longest + 6, max(8, width // 3))
        return name, max(1, width - name - 2 - TIME)
