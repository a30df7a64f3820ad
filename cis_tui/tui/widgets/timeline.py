"""When the tasks of a run waited, were decided about, ran, and were undone; in the order in which they began."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region

from cis_tui.core.clock import Clock, Instant
from cis_tui.dag.views import TaskStatus, TaskView
from cis_tui.tui.board import Board, BoardRow
from cis_tui.tui.folding import first_of
from cis_tui.tui.gantt import LEGEND, PATH, TONES, Doing, bar_pieces, known_until
from cis_tui.tui.paint import Line, Piece, Tone, fit, shown
from cis_tui.tui.run_times import RunTimes
from cis_tui.tui.timescale import TimeScale, axis, time_scale
from cis_tui.tui.widgets.painted import with_note
from cis_tui.tui.widgets.task_rows import TaskLine, TaskRows
from cis_tui.tui.widgets.taught import keys_of
from cis_tui.tui.words import TASK_MARKS, elapsed, span

TIME, TRIES = 7, 4
"""Cells of how long it took, with the sign of the critical path; and of how often it was tried."""
_COUNTS = (TaskStatus.RUNNING, TaskStatus.WAITING, TaskStatus.READY)
_ZOOMED = ("whole", "pan")


class Timeline(TaskRows):
    """One bar a task, all on the scale of the run; only what has begun."""

    HEADED = 2
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("greater_than_sign", "closer(1)", "closer", id="timeline.closer"),
        Binding("less_than_sign", "closer(-1)", "less close", show=False, id="timeline.less-close"),
        Binding("0", "whole", "whole run", id="timeline.whole"),
        Binding("shift+left,H", "pan(-1)", "earlier", show=False, id="timeline.earlier"),
        Binding("shift+right,L", "pan(1)", "later", show=False, id="timeline.later"),
    ]

    def __init__(self, board: Board, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(board, clock, id=id)
        self._times = RunTimes(board)
        self._now = clock()
        self._live = False
        """Whether the run goes on, when it was painted last."""
        self._whole = TimeScale(self._now, 1.0)
        self._part: TimeScale | None = None
        """What of the run is looked at; None: all of it."""
        self._shown_run = ""
        self._retried = False
        self._unbegun = self._taken = 0
        self._used: set[Doing] = set()
        """What the bars show."""

    # Rows

    def lay_out(self, task: str = "") -> None:
        """See `TaskRows`."""
        run = self.board.state.id if self.board.state else ""
        if run != self._shown_run:
            self._shown_run, self._part = run, None
        self._times.read()
        self._arrange(task)

    def _arrange(self, task: str = "") -> None:
        super().lay_out(task)
        self._used = {each.doing for row, _ in self._lines for each in self._times.of(row.id)}
        self.post_message(self.Headed())

    def lines(self) -> list[TaskLine]:
        """What has begun, by when it did; what stands in a task is under it. Of a definition, all."""
        rows = self.board.rows()
        self._retried = any(task.attempts > 1 for task in self.board.tasks.values())
        if not self._shown_run:
            return [(row, None) for row in rows]
        began = self._times.began
        leaves = [task for task in self.board.flat() if not self.board.inside(task.id)]
        self._taken = sum(bool(task.taken) for task in leaves)
        self._unbegun = sum(not task.taken and began(task.id) is None for task in leaves)
        moments = {row.id: moment for row in rows if (moment := began(row.id)) is not None}
        return [(row, None) for row in by_start(rows, moments, {row.id: self._task_above(row.id) for row in rows})]

    def _task_above(self, id: str) -> str:
        tasks = self.board.tasks
        parent = tasks[first_of(id)].parent
        return parent if parent in tasks else ""

    def _depth(self, id: str) -> int:
        depth = 0
        while id := self._task_above(id):
            depth += 1
        return depth

    def _other_rows(self, moved: set[str]) -> bool:
        if not self.board.filter.narrows:
            return False
        tasks, began = self.board.tasks, self._times.began
        return any(
            (id in self._line_of) != (self.board.fits(tasks[id]) and began(id) is not None)
            for id in moved
            if id in tasks and not self.board.inside(id)
        )

    def update_tasks(self, tasks: Iterable[str], *, decisions: bool) -> None:
        """See `TaskRows`; what begins gets a row."""
        moved = set(tasks)
        if not self.board.current:
            super().update_tasks(moved, decisions=decisions)
            return
        self._times.move(moved)
        changed = self._times.follow()
        if self._other_rows(moved):
            self.board.take(self.board.state)
            self.lay_out()
        elif any(self._has_no_row(id) or self._is_retried(id) for id in moved):
            self._arrange()
        else:
            self._used |= {each.doing for id in moved for each in self._times.of(id)}
            super().update_tasks(moved | changed, decisions=False)
            self.post_message(self.Headed())

    def _has_no_row(self, id: str) -> bool:
        return self.shown_for(id) not in self._line_of and self._times.began(id) is not None

    def _is_retried(self, id: str) -> bool:
        """Whether it is the first that was tried again, for which there has been no column."""
        return not self._retried and id in self.board.tasks and self.board.tasks[id].attempts > 1

    # Time

    @property
    def _scale(self) -> TimeScale:
        return self._part or self._whole

    def moved(self) -> bool:
        """Take the scale that fits now; whether it is another one. The line of the present moment moves by itself."""
        state = self.board.state
        if state is None:
            return False
        before, then, bar = (self._scale, self._live), self._now, self._widths(self.row_width)[2]
        self._now, self._live = known_until(state, self.clock()), self._times.live
        self._whole = time_scale(state.started_at, None if self._live else self._now, self._now)
        if before != (self._scale, self._live):
            self.post_message(self.Headed())
            return True
        old, new = (self._scale.cell(moment, bar) for moment in (then, self._now))
        if self._live and old != new:
            left = self.scrollable_content_region.width - bar
            self.refresh(Region(left + old, 0, new - old + 1, self.size.height))
        return False

    def tick(self) -> None:
        """A second passed: what counts is told anew, and the bars that go on grow."""
        state = self.board.state
        if state is None or not self._live:
            return
        if state.undo.rolling:
            self._times.read()
            self.refresh()
        if not self.repaint_if_moved():
            left = self.scrollable_content_region.width - self._widths(self.row_width)[2]
            top = self.scroll_offset.y
            for index in range(top, min(len(self._lines), top + self.size.height)):
                if self.board.status(self._lines[index][0].id) in _COUNTS:
                    self.repaint_row(index, width=left)
        self.post_message(self.Headed())

    def action_closer(self, step: int) -> None:
        """Look at half of the time that is looked at now, around the task under the cursor; or at twice of it."""
        seconds = self._scale.seconds * (0.5 if step > 0 else 2.0)
        self._look_at(self._middle() if step > 0 else self._scale.middle, seconds)

    def action_pan(self, step: int) -> None:
        """Look at what was before, or after."""
        scale = self._scale
        self._look_at(Instant(scale.middle + step * scale.seconds / 2), scale.seconds)

    def action_whole(self) -> None:
        """Look at all of the run."""
        self._look_at(self._whole.middle, self._whole.seconds)

    def _look_at(self, middle: Instant, seconds: float) -> None:
        self._part = self._whole.around(middle, seconds) if seconds < self._whole.seconds else None
        self.refresh()
        self.refresh_bindings()
        self.post_message(self.Headed())
        if self.views is not None:
            self.views.tell()

    def _middle(self) -> Instant:
        """The middle of what is seen of the bar under the cursor, or else of the bar, or else of what is seen."""
        found, scale = self._times.of(self.here) if self.here else [], self._scale
        if not found:
            return scale.middle
        first = min(each.start for each in found)
        last = max(each.until(self._now) for each in found)
        begin, end = Instant(scale.start + scale.since), Instant(scale.start + scale.since + scale.seconds)
        if scale.holds(first, last):
            first, last = max(first, begin), min(last, end)
        return Instant((first + last) / 2)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """To go elsewhere in time is only for who looks at a part of it."""
        if action in _ZOOMED:
            return self._part is not None
        return super().check_action(action, parameters)

    # Painting

    @property
    def remark(self) -> str:
        """What of the run is looked at."""
        if self._part is None:
            return ""
        return f"{self._whole.seconds / self._part.seconds:.0f}x closer, {keys_of(self)('timeline.whole')} whole run"

    def empty(self) -> list[Line]:
        """See `RowList`."""
        if self._shown_run and self.board.tasks and not self.board.narrowed:
            return [[("nothing has begun yet", Tone.DIM)]]
        return super().empty()

    def heading(self, width: int) -> Sequence[Line]:
        """Where the time went, and the scale."""
        name, tries, bar = self._widths(width)
        if not self._shown_run:
            return [(), [(fit("what a run did when is shown here once it runs", width), Tone.DIM)]]
        now = self._now if self._live else None
        scale: Line = [
            (fit(f" {self._left_out(name + 1)}", name + 2 + tries), Tone.DIM),
            (fit("took", TIME - 1, right=True) + " ", Tone.DIM),
            (axis(self._scale, bar, now), Tone.DIM),
        ]
        return [with_note(self._account(width), [self._legend()], width), scale]

    def _left_out(self, room: int) -> str:
        """How many have not begun, in so many cells."""
        if not self._unbegun:
            return f"{self._taken} taken over" if self._taken else ""
        live = self._live
        words = ("not begun yet", "not begun", "to come") if live else ("did not run", "not run")
        found = (f"{self._unbegun} {word}" for word in words)
        return next((text for text in found if len(text) <= room), f"{self._unbegun} ○")

    def _account(self, width: int) -> Line:
        """What holds the run up now, and what the time of the critical path was spent on."""
        times, pieces = self._times, list[Piece]()
        if not times.path:
            return pieces
        last = self.board.tasks[times.path[-1]]
        if times.live and not last.status.ended:
            mark, word, tone = TASK_MARKS[last.status]
            since = self._took(last.id) if last.status is not TaskStatus.READY else ""
            word = f"{self.state_word(BoardRow(last.id), last, word)} {since}".rstrip()
            pieces.append((f"{mark} {shown(last.id, limit=24)} {word}  ", tone))
        spent = times.spent(self._now)
        total = sum(spent.values())
        pieces.append((f"{PATH} {'critical path ' if width >= 70 else ''}{span(total)}", Tone.STRONG))
        parts = sorted(spent.items(), key=lambda part: -part[1])
        for number, (doing, seconds) in enumerate(part for part in parts if part[1] >= max(0.05, total / 100)):
            pieces.append((f"{', ' if number else ': '}{LEGEND[doing]} {span(seconds)}", Tone.DIM))
        return pieces

    def _legend(self) -> Line:
        """The signs of the bars that are there, and what they mean."""
        signs = [(doing, word) for doing, word in LEGEND.items() if doing in self._used]
        pieces = [piece for doing, word in signs for piece in ((doing.value, TONES[doing]), (f" {word}  ", Tone.DIM))]
        return [*pieces[:-1], (pieces[-1][0].rstrip(), Tone.DIM)] if pieces else ()

    def task_row(self, row: BoardRow, task: TaskView, width: int) -> Line:
        """Name, tries, time, and what it did when."""
        return self._row(row, task, width)

    def group_row(self, row: BoardRow, width: int) -> Line:
        """As a task; what its tasks did is one bar."""
        return self._row(row, None, width)

    def _row(self, row: BoardRow, task: TaskView | None, width: int) -> Line:
        name, tries, bar = self._widths(width)
        mark, _, tone = TASK_MARKS[self.board.status(row.id)]
        depth = self._depth(row.id)
        on_path = self._on_path(row)
        tried = f"×{task.attempts}" if task is not None and task.attempts > 1 else ""
        found = self._times.of(row.id) if self._shown_run else ()
        return [
            (f"{'  ' * depth}{mark} ", tone),
            self.name_piece(row, task, max(0, name - 2 * depth)),
            (fit(tried, tries), Tone.ASK),
            (fit(self._took(row.id), TIME - 1, right=True), Tone.DIM),
            (PATH if on_path else " ", Tone.STRONG),
            *bar_pieces(found, self._scale, bar, self._now, live=self._live, on_path=on_path),
        ]

    def _on_path(self, row: BoardRow) -> bool:
        return not self._times.on_path.isdisjoint((row.id, *self.board.stands_for(row.id)))

    def _took(self, id: str) -> str:
        """How long a task was at work, or people are asked; of a group, from its first beginning to its last end."""
        task = self.board.tasks.get(id)
        if task is not None and task.started_at is not None and not task.taken:
            return elapsed(task, self._now)
        began = self._times.began(id) if self._shown_run else None
        if began is None:
            return ""
        return span(max(each.until(self._now) for each in self._times.of(id)) - began)

    def _widths(self, width: int) -> tuple[int, int, int]:
        """Cells of the name, of the tries and of the bar."""
        tries = TRIES if self._retried and width >= 50 else 0
        name = min(self.longest + 4, max(8, width // 3))
        return name, tries, max(1, width - name - 2 - tries - TIME)


def by_start(rows: Sequence[BoardRow], began: Mapping[str, Instant], parents: Mapping[str, str]) -> list[BoardRow]:
    """The rows that have begun, those that stand beside each other by when; what stands in a row follows it."""
    inside: dict[str, list[BoardRow]] = {}
    for row in rows:
        if row.id in began:
            inside.setdefault(parents[row.id], []).append(row)
    found: list[BoardRow] = []
    open = sorted(inside.pop("", ()), key=lambda row: began[row.id])[::-1]
    while open:
        found.append(row := open.pop())
        open += sorted(inside.pop(row.id, ()), key=lambda row: began[row.id])[::-1]
    return found
