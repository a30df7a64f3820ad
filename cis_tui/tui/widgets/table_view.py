"""The tasks of a run as a table that can be sorted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import ClassVar

from textual.binding import Binding, BindingType

from cis_tui.core.clock import Clock, Instant
from cis_tui.dag.model import LevelKind
from cis_tui.dag.views import TaskStatus, TaskView
from cis_tui.tui.board import Board, BoardRow
from cis_tui.tui.paint import Line, Tone, cell_len, fit, shown
from cis_tui.tui.widgets.task_rows import TaskLine, TaskRows
from cis_tui.tui.words import LEVEL_MARKS, TASK_MARKS, clock_time, elapsed

STATE, TIME, TRIES, LEVEL, EXIT, START = 11, 8, 6, 12, 5, 9


class Sort(StrEnum):
    """What decides the order of the rows."""

    FILE = "order"
    STATE = "state"
    TIME = "time"
    TRIES = "tries"
    LEVEL = "level"
    NAME = "name"


_FIRST = (
    TaskStatus.WAITING,
    TaskStatus.FAILED,
    TaskStatus.DEBT,
    TaskStatus.RUNNING,
    TaskStatus.READY,
    TaskStatus.PENDING,
    TaskStatus.CANCELLED,
    TaskStatus.SKIPPED,
    TaskStatus.ROLLED_BACK,
    TaskStatus.COMPLETED,
)
"""States by how much they want of a person."""
_URGENCY = {status: number for number, status in enumerate(_FIRST)}
_ASKS = {kind: -number for number, kind in enumerate(LevelKind)}


def _took(task: TaskView, now: Instant) -> float:
    return 0.0 if task.started_at is None else (task.ended_at or now) - task.started_at


_KEYS: Mapping[Sort, Callable[[TaskView, Instant], object]] = {
    Sort.STATE: lambda task, now: _URGENCY[task.status],
    Sort.TIME: lambda task, now: -_took(task, now),
    Sort.TRIES: lambda task, now: -task.attempts,
    Sort.LEVEL: lambda task, now: _ASKS[task.level],
    Sort.NAME: lambda task, now: task.id.casefold(),
}
"""What comes first: what wants a person, took long, was tried often."""


def in_order(tasks: list[TaskView], sort: Sort, now: Instant, *, reverse: bool = False) -> list[TaskView]:
    """`tasks` sorted; those that are equal in the order that they had."""
    key = _KEYS.get(sort)
    if key is None:
        return tasks[::-1] if reverse else tasks
    return sorted(tasks, key=lambda task: key(task, now), reverse=reverse)  # type: ignore[arg-type,return-value]


class TableView(TaskRows):
    """One row a task; `s` sorts by the next column, `S` turns the order round."""

    HEADED = 1
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "sort", id="table.sort"),
        Binding("S", "turn", "other way round", show=False, id="table.turn"),
    ]

    def __init__(self, board: Board, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(board, clock, id=id)
        self.sort = Sort.FILE
        self.reverse = False
        self._sorted_at = clock()

    def lines(self) -> list[TaskLine]:
        """All tasks that are looked for, sorted; nothing is folded."""
        self._sorted_at = self.clock()
        tasks = in_order(self.board.flat(), self.sort, self._sorted_at, reverse=self.reverse)
        return [(BoardRow(task.id, label=task.id), None) for task in tasks]

    def tick(self) -> None:
        """Rows keep their places between two seconds, so that one can read them."""
        if self.sort in (Sort.FILE, Sort.NAME, Sort.LEVEL) or self.board.state is None:
            super().tick()
        elif self.board.state.outcome is None or self.board.state.ended_at != self._sorted_at:
            self.lay_out()

    def heading(self, width: int) -> Sequence[Line]:
        """The names of the columns, the one that sorts marked."""
        name, rest = _widths(width, self.longest)
        sign = "▴" if self.reverse else "▾"

        def title(text: str, sort: Sort | None, cells: int, *, right: bool = False) -> tuple[str, Tone]:
            here = sort is self.sort and sort is not Sort.FILE
            text = text + (sign if here else "")
            return fit(text, cells - 1, right=right) + " ", Tone.STRONG if here else Tone.DIM

        line = [("   ", Tone.DIM), title("task", Sort.NAME, name), title("state", Sort.STATE, STATE)]
        line += [title("time", Sort.TIME, TIME, right=True), title("tries", Sort.TRIES, TRIES, right=True)]
        line += [title("exit", None, EXIT, right=True)]
        if rest >= LEVEL:
            line.append(title("level", Sort.LEVEL, LEVEL))
        if rest >= LEVEL + START:
            line.append(title("began", None, START))
        if rest >= LEVEL + START + 8:
            line.append(title("why", None, rest - LEVEL - START))
        return [line]

    def task_row(self, row: BoardRow, task: TaskView, width: int) -> Line:
        """The cells of one task."""
        name, rest = _widths(width, self.longest)
        mark, word, tone = TASK_MARKS[task.status]
        code = "" if task.exit_code is None else str(task.exit_code)
        line: list[tuple[str, Tone]] = [
            (f"{mark} ", tone),
            (fit(shown(task.id), name - 1) + " ", Tone.DIM if task.status is TaskStatus.PENDING else Tone.PLAIN),
            (fit(self.state_word(row, task, word), STATE), tone),
            (fit(elapsed(task, self.clock()), TIME - 1, right=True) + " ", Tone.PLAIN),
            (fit(str(task.attempts or ""), TRIES - 1, right=True) + " ", Tone.ASK if task.attempts > 1 else Tone.DIM),
            (fit(code, EXIT - 1, right=True) + " ", Tone.BAD if task.exit_code else Tone.DIM),
        ]
        if rest >= LEVEL:
            line.append((fit(LEVEL_MARKS[task.level][1], LEVEL), Tone.DIM))
        if rest >= LEVEL + START:
            began = clock_time(task.started_at) if task.started_at is not None else ""
            line.append((fit(began, START), Tone.DIM))
        if rest >= LEVEL + START + 8:
            line.append((fit(shown(task.error or task.name), rest - LEVEL - START), Tone.DIM))
        return line

    def action_sort(self) -> None:
        """Sort by the next column."""
        sorts = list(Sort)
        self.sort = sorts[(sorts.index(self.sort) + 1) % len(sorts)]
        self._again()

    def action_turn(self) -> None:
        """Turn the order round."""
        self.reverse = not self.reverse
        self._again()

    def _again(self) -> None:
        self.lay_out()
        self.post_message(self.Headed())


def _widths(width: int, longest: int) -> tuple[int, int]:
    """Cells of the name, and of the columns that are shown when there is room."""
    free = max(0, width - 2 - STATE - TIME - TRIES - EXIT)
    name = max(min(longest + 2, free), 4)
    return name, max(0, free - name)


assert cell_len("▴") == cell_len("▾") == 1
