"""The tasks of a run as a list with a cursor: what the lanes, the table and the timeline have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from cis_tui.core.clock import Clock
from cis_tui.dag.views import Decision, TaskStatus, TaskView
from cis_tui.tui.board import Board, BoardRow, first_interesting, told
from cis_tui.tui.folding import first_of
from cis_tui.tui.paint import Line, Piece, Tone, cell_len, fit, shown
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.widgets.task_keys import TaskKeys
from cis_tui.tui.widgets.taught import keys_of, taught
from cis_tui.tui.words import TASK_MARKS

TaskLine = tuple[BoardRow, Decision | None]
"""A row of the list: a task, or with a decision the question about the task above."""


class TaskRows(RowList, TaskKeys):
    """Paints what a subclass makes of each task; only the rows of tasks that moved are painted again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "open", id="tasks.open"),
        Binding("right,l", "fold(False)", "unfold", show=False, id="tasks.unfold"),
        Binding("left,h", "fold(True)", "fold", show=False, id="tasks.fold"),
    ]

    @dataclass
    class Headed(Message):
        """The heading is another one."""

    HEADED: ClassVar[int] = 0
    """Lines of `heading`."""

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
        self._kin: dict[str, str] = {}
        """The signs of the rows that come before the one under the cursor, or after it."""

    # For subclasses

    def lines(self) -> list[TaskLine]:
        """All rows, in their order."""
        return [(row, None) for row in self.board.rows()]

    def heading(self, width: int) -> Sequence[Line]:
        """What stands over the rows; where there is room for less, the last of it."""
        return ()

    def task_row(self, row: BoardRow, task: TaskView, width: int) -> Line:
        """One task."""
        raise NotImplementedError

    def group_row(self, row: BoardRow, width: int) -> Line:
        """Tasks that are folded into one row, without being for one of the DAG."""
        mark, _, tone = TASK_MARKS[self.board.status(row.id)]
        return [(f"{mark} ", tone), self.name_piece(row, None, self.longest + 1), *self.tally_pieces(row.id, width)]

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
    def here(self) -> str:
        """The task or group under the cursor; empty if there is none."""
        return self._lines[self.cursor][0].id if self.cursor < len(self._lines) else ""

    @property
    def chosen(self) -> TaskView | None:
        """The task under the cursor."""
        return self.board.tasks.get(self.here)

    def lay_out(self, task: str = "") -> None:
        """Take the rows of the board as they are now, with the cursor on `task`, or where it was."""
        before = self.here
        self._lines = self.lines()
        self._line_of = {row.id: index for index, (row, asks) in enumerate(self._lines) if asks is None}
        self.longest = max((cell_len(shown(row.label)) + 2 * row.group for row, _ in self._lines), default=0)
        interesting = first_interesting(self.board.tasks.values())
        found = (self._line_of.get(self.shown_for(id)) for id in (task or before, interesting) if id)
        self.moved()
        first = next((line for line, (row, _) in enumerate(self._lines) if not row.context), 0)
        self.show_rows(len(self._lines), cursor=next((line for line in found if line is not None), first))
        self._relate()
        if self.here != before:
            self.post_message(self.Moved(self, self.cursor))

    def shown_for(self, id: str) -> str:
        """The row of a task or group: its own, or that of what it is folded into."""
        task = first_of(id) if id not in self._line_of else id
        return self.board.shown_for(task) if task in self.board.tasks else task

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
            lines = {self._line_of.get(self.shown_for(task), -2) for task in moved}
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
        tasks, fits = self.board.tasks, self.board.fits
        return any(
            (id in self._line_of) != fits(tasks[id]) for id in moved if id in tasks and not self.board.inside(id)
        )

    def _other_questions(self) -> bool:
        return False

    def _repaint_task(self, index: int) -> None:
        self.repaint_row(index)
        if index + 1 < len(self._lines) and self._lines[index + 1][1] is not None:
            self.repaint_row(index + 1)

    # Rows

    def empty(self) -> list[Line]:
        """See `RowList`."""
        if not (self.board.tasks and self.board.narrowed):
            return [[(self.note, Tone.DIM)]]
        keys = keys_of(self)
        steps = (
            ("dags.filter", "looks for another name, or a state such as failed, running or asks"),
            ("filter.drop", "there shows all"),
        )
        return taught(keys, "No task is like this.", *steps)

    def selectable(self, index: int) -> bool:
        """The line that asks belongs to the task above it."""
        return self._lines[index][1] is None

    def row(self, index: int, width: int) -> Line:
        """One task, or the question about the task above."""
        row, decision = self._lines[index]
        if decision is not None:
            return self.question_row(row, decision, width)
        task = self.board.tasks.get(row.id)
        return self.task_row(row, task, width) if task else self.group_row(row, width)

    def state_word(self, row: BoardRow, task: TaskView, word: str) -> str:
        """How a task stands, in at most ten cells."""
        if task.taken:
            return "taken over"
        if task.status is not TaskStatus.READY or task.retry_at is None:
            return word
        return f"retry {max(0, math.ceil(task.retry_at - self.clock()))}s"

    def name_piece(self, row: BoardRow, task: TaskView | None, width: int) -> Piece:
        """The name of a task or group, with a sign if others stand in it."""
        sign = ("▾ " if row.open else "▸ ") if row.group else ""
        dim = row.context or (task is not None and task.status is TaskStatus.PENDING)
        return fit(fit(sign + shown(row.label), width - 1), width), Tone.DIM if dim else Tone.PLAIN

    def tally_pieces(self, id: str, width: int) -> list[Piece]:
        """How those stand for which a row stands: in words, or where there is no room in signs."""
        tone = TASK_MARKS[self.board.status(id)][2]
        words = self.board.tally(id)
        if cell_len(words) <= width:
            return [(words, tone)]
        counts = self.board.counts(id)
        signs = [(f"{TASK_MARKS[status][0]}{counts[status]} ", TASK_MARKS[status][2]) for status in told(counts)]
        return [*signs, (f"of {counts.total()}", Tone.DIM)]

    # The tasks around the one under the cursor

    def watch_cursor(self, old: int, new: int) -> None:
        """See `RowList`; those before and behind are marked."""
        super().watch_cursor(old, new)
        self._relate()

    def mark(self, index: int) -> str:
        """Whether the task comes right before the one under the cursor, right after it, or further away."""
        row, decision = self._lines[index]
        return self._kin.get(row.id, " ") if decision is None else " "

    def _relate(self) -> None:
        """Mark what comes before the task under the cursor, and what after it."""
        before, self._kin = self._kin, {}
        own = set(self.board.stands_for(self.here)) if self.here not in self.board.tasks else {self.here}
        if own:
            signs = self._signs(own)
            for row, _ in self._lines:
                tasks = self.board.stands_for(row.id) if row.group and not row.open else (row.id,)
                found = {signs[task] for task in tasks if task in signs}
                if found and row.id != self.here:
                    self._kin[row.id] = min(found, key="↑↓·".index)
        for id in before.keys() | self._kin.keys():
            if before.get(id) != self._kin.get(id) and id in self._line_of:
                self.repaint_row(self._line_of[id], width=1)

    def _signs(self, own: set[str]) -> dict[str, str]:
        kin = self.board.relatives
        signs = dict.fromkeys((kin.all_before(own) | kin.all_behind(own)) - own, "·")
        signs |= {id: "↓" for task in own for id in kin.behind(task)}
        return signs | {id: "↑" for task in own for id in kin.before(task)}

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """To fold is only for what others stand in, and what stands in others."""
        if action == "fold":
            return bool(self.board.stands_for(self.here) or any(self.board.above(self.here)))
        return super().check_action(action, parameters)

    def action_fold(self, shut: bool) -> None:
        """Fold what stands in the task, or around it; or unfold."""
        here = self.here
        if self.board.fold(here, open=not shut):
            self.lay_out(here)
        elif shut:
            above = next(self.board.above(here), "")
            if self.board.fold(above, open=False):
                self.lay_out(above)
        self.post_message(self.Folded())
