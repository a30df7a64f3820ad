"""The tasks of a run as a list with a cursor: what the lanes, the table and the timeline have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from cis_tui.core.clock import Clock
from cis_tui.dag.views import Decision, TaskStatus, TaskView
from cis_tui.tui.board import Board, BoardRow, first_interesting
from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.widgets.rows import RowList

TaskLine = tuple[BoardRow, Decision | None]
"""A row of the list: a task, or with a decision the question about the task above."""


class TaskRows(RowList):
    """Paints what a subclass makes of each task; only the rows of tasks that moved are painted again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "open", id="tasks.open"),
        Binding("right,l", "fold(False)", "unfold", show=False, id="tasks.unfold"),
        Binding("left,h", "fold(True)", "fold", show=False, id="tasks.fold"),
    ]

    @dataclass
    class Headed(Message):
        """The heading is another one."""

    HEADED: ClassVar[bool] = False
    """Whether `heading` says something."""

    def __init__(self, board: Board, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="tasks")
        self.board = board
        self.clock = clock
        self.note = ""
        """What is said when there is no task."""
        self._lines: list[TaskLine] = []
        self._line_of: dict[str, int] = {}
        self.longest = 0
        """Cells of the longest name shown."""

    # For subclasses

    def lines(self) -> list[TaskLine]:
        """All rows, in their order."""
        return [(row, None) for row in self.board.rows()]

    def heading(self, width: int) -> Line:
        """What stands over the rows."""
        return ()

    def task_row(self, row: BoardRow, task: TaskView, width: int) -> Line:
        """One task."""
        raise NotImplementedError

    def question_row(self, row: BoardRow, decision: Decision, width: int) -> Line:
        """The question about the task above."""
        return ()

    def moved(self) -> bool:
        """A second passed: whether everything is to be painted anew, since it is drawn to another scale."""
        return False

    # What the screen calls

    @property
    def remark(self) -> str:
        """What is to be known of the view as a whole."""
        return ""

    @property
    def chosen(self) -> TaskView | None:
        """The task under the cursor."""
        return self.board.tasks.get(self._lines[self.cursor][0].id) if self.cursor < len(self._lines) else None

    def lay_out(self, task: str = "") -> None:
        """Take the rows of the board as they are now, with the cursor on `task`, or where it was."""
        before = task or (self.chosen.id if self.chosen else "")
        self._lines = self.lines()
        self._line_of = {row.id: index for index, (row, asks) in enumerate(self._lines) if asks is None}
        self.longest = max((len(shown(row.label)) + 2 * row.group for row, _ in self._lines), default=0)
        wanted = self._line_of.get(self.board.shown_for(before) if before in self.board.tasks else "")
        if wanted is None:
            wanted = self._line_of.get(first_interesting(self.board.tasks.values()), 0)
        self.moved()
        self.show_rows(len(self._lines), cursor=wanted)

    def select(self, task: str) -> None:
        """Put the cursor on a task, if it is shown."""
        if task in self._line_of:
            self.cursor = self._line_of[task]

    def update_tasks(self, tasks: Iterable[str], *, decisions: bool) -> None:
        """Repaint tasks whose state moved."""
        moved = set(tasks)
        if not self.board.current or self._other_rows(moved) or (decisions and self._other_questions()):
            self.board.take(self.board.state)
            self.lay_out()
        elif not self.repaint_if_moved():
            top = self.scroll_offset.y
            lines = {self._line_of.get(self.board.shown_for(task), -2) for task in moved}
            for index in lines.intersection(range(top - 1, top + self.size.height)):
                self._repaint_task(index)

    def tick(self) -> None:
        """A second passed: repaint what counts."""
        state = self.board.state
        if state is None or state.outcome is not None or not state.id or self.repaint_if_moved():
            return
        top = self.scroll_offset.y
        for index in range(top, min(len(self._lines), top + self.size.height)):
            row, decision = self._lines[index]
            task = self.board.tasks.get(row.id)
            if task and (decision or task.status is TaskStatus.RUNNING or task.retry_at is not None):
                self.repaint_row(index)

    def repaint_if_moved(self) -> bool:
        """Repaint everything if `moved` says so; whether it did."""
        if self.moved():
            self.refresh()
            return True
        return False

    def _other_rows(self, moved: set[str]) -> bool:
        """Whether, of what is looked for, other tasks are to be shown than before."""
        if not self.board.filter.narrows:
            return False
        tasks, fits = self.board.tasks, self.board.filter.fits
        return any((id in self._line_of) != fits(tasks[id]) for id in moved if id in tasks)

    def _other_questions(self) -> bool:
        return False

    def _repaint_task(self, index: int) -> None:
        self.repaint_row(index)
        if index + 1 < len(self._lines) and self._lines[index + 1][1] is not None:
            self.repaint_row(index + 1)

    # Rows

    def empty(self) -> str:
        """See `RowList`."""
        if self.board.tasks and self.board.filter.narrows:
            return "no task like this: Esc in / shows all; a state such as failed, running or asks is looked for too"
        return self.note

    def selectable(self, index: int) -> bool:
        """The line that asks belongs to the task above it."""
        return self._lines[index][1] is None

    def row(self, index: int, width: int) -> Line:
        """One task, or the question about the task above."""
        row, decision = self._lines[index]
        if decision is not None:
            return self.question_row(row, decision, width)
        task = self.board.tasks.get(row.id)
        return self.task_row(row, task, width) if task else ()

    def state_word(self, row: BoardRow, task: TaskView, word: str) -> str:
        """How a task stands, in at most ten cells."""
        if task.taken:
            return "taken over"
        if task.status is not TaskStatus.READY or task.retry_at is None:
            return word
        return f"retry {max(0, math.ceil(task.retry_at - self.clock()))}s"

    def name_piece(self, row: BoardRow, task: TaskView, width: int) -> tuple[str, Tone]:
        """The name of a task, with a sign if others stand in it."""
        sign = ("▾ " if row.open else "▸ ") if row.group else ""
        tone = Tone.PLAIN if task.status is not TaskStatus.PENDING else Tone.DIM
        return fit(sign + shown(row.label), width), tone

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """To fold is only for what others stand in, and what stands in others."""
        if action == "fold":
            task = self.chosen
            return task is not None and bool(self.board.inside(task.id) or task.parent)
        return super().check_action(action, parameters)

    def action_fold(self, shut: bool) -> None:
        """Fold what stands in the task, or around it; or unfold."""
        task = self.chosen
        if task is None:
            return
        if self.board.fold(task.id, open=not shut):
            self.lay_out(task.id)
        elif shut and task.parent and self.board.fold(task.parent, open=False):
            self.lay_out(task.parent)
