"""The views of one run, of which one is shown: a line that tells how the run stands, and under it its tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from cis_tui.core.clock import Clock
from cis_tui.dag.state import RunState
from cis_tui.dag.views import DagInfo, RunStatus, RunSummary, TaskStatus, TaskView
from cis_tui.tui.board import Board, first_interesting
from cis_tui.tui.folding import first_of
from cis_tui.tui.paint import Line, Piece, Tone, fit, fit_line, line_width, shown
from cis_tui.tui.task_filter import TaskFilter
from cis_tui.tui.widgets.lane_view import LaneView
from cis_tui.tui.widgets.painted import LineWidget
from cis_tui.tui.words import RUN_MARKS, count, span

if TYPE_CHECKING:
    from cis_tui.tui.widgets.box_view import BoxView
    from cis_tui.tui.widgets.task_rows import TaskRows

    View = TaskRows | BoxView


class RunHead(LineWidget):
    """Which run or definition is shown and how it stands; under it what the view says over its rows."""

    def __init__(self, clock: Clock, heading: Callable[[int], Sequence[Line]]) -> None:
        super().__init__(id="head")
        self._clock = clock
        self._heading = heading
        self._shown: DagInfo | RunSummary | None = None
        self._state: RunState | None = None
        self._notes: tuple[str, ...] = ()

    def show(self, shown: DagInfo | RunSummary | None, state: RunState | None, notes: tuple[str, ...]) -> None:
        """Show this; `notes` stand at the right."""
        self._shown, self._state, self._notes = shown, state, notes
        self.repaint_changed()

    def tick(self) -> None:
        """A second passed."""
        if isinstance(self._shown, RunSummary) and not self._shown.status.ended:
            self.repaint_changed()

    def line(self, y: int, width: int) -> Line:
        """The run, then the heading of the view."""
        if y:
            return [(" ", Tone.PLAIN), *self._over_rows(y, width - 1)]
        left = self._standing()
        notes = [note for note in self._notes if note]
        room = width - line_width(left) - 3
        if any(self._notes[4:]) and room < len(notes[-1]):
            left = fit_line(left, max(0, width - len(notes[-1]) - 3))
            room = width - line_width(left) - 3
        while notes and len("  ".join(notes)) > room:
            notes.pop(0)
        return [*left, (fit("  ".join(notes), room + 2, right=True) if notes else "", Tone.DIM)]

    def _over_rows(self, y: int, width: int) -> Line:
        """A line of the heading, which ends in the last line; there may still be as many as the view before had."""
        lines = self._heading(width)
        index = len(lines) - self.size.height + y
        return lines[index] if 0 <= index < len(lines) else ()

    def _standing(self) -> list[Piece]:
        match self._shown:
            case None:
                return []
            case DagInfo() as dag:
                about = f"  {count(len(dag.tasks), 'task')}  {shown(dag.policy)}"
                return [(f" {shown(dag.name, limit=60)}", Tone.STRONG), (about, Tone.DIM)]
            case RunSummary() as run:
                return self._run(run)

    def _run(self, run: RunSummary) -> list[Piece]:
        mark, word, tone = RUN_MARKS[run.status]
        parts = [f"{run.tasks_ended}/{run.tasks_total}"]
        if run.tasks_failed:
            parts.append(f"{run.tasks_failed} failed")
        end = run.ended_at if run.ended_at is not None else self._clock()
        if run.status not in (RunStatus.PAUSED, RunStatus.WAITING):
            parts.append(span(end - run.started_at))
        parts += _undone(self._state)
        return [
            (f" {shown(run.dag, limit=60)}  ", Tone.STRONG),
            (f"{mark} {word}", tone),
            (f"  {'  '.join(parts)}", Tone.DIM),
        ]


def _undone(state: RunState | None) -> list[str]:
    """How far a rollback is, or what it could not take back."""
    items = list(state.undo.items.values()) if state else []
    if not items:
        return []
    counts = {status: sum(item.status == status for item in items) for status in ("restored", "conflict", "failed")}
    told = [f"{counts['restored']} of {len(items)} undone"]
    if counts["conflict"]:
        told.append(f"{counts['conflict']} kept")
    if counts["failed"]:
        told.append(f"{counts['failed']} not undone")
    return told


_BEGUN = (TaskStatus.RUNNING, TaskStatus.WAITING)
_BAD = (TaskStatus.FAILED, TaskStatus.DEBT)
_STEPS = 2
"""How far before what failed the part goes that is shown of it."""


class TaskViews:
    """Knows the views, makes each when it is first wanted, and hands on to the one that is shown."""

    def __init__(self, clock: Clock) -> None:
        self.board = Board()
        self._clock = clock
        self.head = RunHead(clock, lambda width: self.current.heading(width))
        self.lanes = LaneView(self.board, clock, id="lanes")
        self._views: dict[str, View] = {"lanes": self.lanes}
        self.name = "lanes"
        """The view that is shown."""
        self.lanes.views = self
        self.following = False
        """The cursor goes to what begins."""
        self._followed = ""
        self._looked_for = TaskStatus.FAILED
        """What the next one is looked for of."""
        self._shown: DagInfo | RunSummary | None = None
        self._filter_text = ""

    NAMES = ("lanes", "boxes", "table", "timeline")

    @property
    def current(self) -> View:
        """The view that is shown."""
        return self._views[self.name]

    @property
    def chosen(self) -> TaskView | None:
        """The task under its cursor."""
        return self.current.chosen

    @property
    def on_group(self) -> bool:
        """Whether that is no task but several that are folded."""
        return bool(self.current.here) and self.current.here not in self.board.tasks

    @property
    def has_keys(self) -> bool:
        """Whether it has the focus."""
        return self.current.has_focus

    def statuses(self) -> frozenset[TaskStatus]:
        """How its tasks stand, each way once."""
        return frozenset({task.status for task in self.board.tasks.values()})

    # What is shown

    def show(self, shown: DagInfo | RunSummary | None, state: RunState | None, *, note: str = "") -> None:
        """Show a run or a definition; `note` is said when it has no tasks."""
        before, here = self.board.state, self.current.here
        self.board.take(state)
        self._shown = shown
        self.current.note = note
        same = before is not None and state is not None and before.id == state.id and before.dag == state.dag
        self.current.lay_out(here if same and here else first_interesting(self.board.tasks.values()))
        self.show_head(shown)

    def show_head(self, shown: DagInfo | RunSummary | None) -> None:
        """Tell how the run stands now."""
        self._shown = shown
        follow = "follows" if self.following else ""
        looked_for = f"/{self._filter_text}" if self.board.filter.narrows else ""
        part = f"{len(self.board.flat())} of {len(self.board.tasks)}" if self.board.narrowed else ""
        notes = (self.current.remark, self.board.zoomed, looked_for, self.name, part, follow)
        self.head.show(shown, self.board.state, notes)

    def update_tasks(self, tasks: Iterable[str], *, decisions: bool = True) -> None:
        """Repaint tasks whose state moved; follow what begins."""
        moved = list(tasks)
        self.current.update_tasks(moved, decisions=decisions)
        if self.following:
            tasks = self.board.tasks
            begun = [id for id in moved if id in tasks and tasks[id].status in _BEGUN]
            if not begun and self._followed in moved:
                begun = [task.id for task in tasks.values() if task.status in _BEGUN and not self.board.inside(task.id)]
            if begun:
                self._go_along(begun[-1])

    def follow(self, following: bool) -> None:
        """Let the cursor go to what begins, or stay; at once to what runs."""
        self.following = following
        if following:
            running = [task.id for task in self.board.tasks.values() if task.status is TaskStatus.RUNNING]
            self._go_along(running[-1] if running else self.current.here)
        self.show_head(self._shown)

    def _go_along(self, task: str) -> None:
        """Go to what is followed; what was unfolded only for the one before is folded again."""
        self._followed = task
        known = self.board.tasks.get(task)
        if known is not None and not self.board.fits(known):
            self.all_again()
        if self.board.peek(task):
            self.current.lay_out(task)
        else:
            self.current.select(task)

    @property
    def strayed(self) -> bool:
        """Whether the person has moved the cursor away from what is followed."""
        return self.following and self.current.here not in ("", self.current.shown_for(self._followed))

    # What is folded, and what part is shown

    def toggle(self) -> None:
        """Unfold what the cursor stands on, or fold it, or else that in which it stands."""
        here = self.current.here
        if not self.board.stands_for(here):
            here = next(self.board.above(here), "")
        if self.board.fold(here, open=not self.board.is_open(here)):
            self.current.lay_out(here)

    def more(self, step: int) -> None:
        """Unfold everything one level further, or fold it."""
        if self.board.more(step):
            self.current.lay_out()

    def zoom(self, part: str) -> None:
        """Show only what belongs to the task under the cursor, or to those that failed; or all again."""
        here, kin = self.current.here, self.board.relatives
        if self.board.zoomed:
            self.board.zoom((), "")
        elif part == "failed":
            bad = {task.id for task in self.board.tasks.values() if task.status in _BAD}
            if bad:
                self.board.zoom(bad | kin.all_before(bad, _STEPS) | kin.all_behind(bad), "around what failed")
        elif here:
            own = set(self.board.stands_for(here)) | ({here} & self.board.tasks.keys())
            self.board.zoom(own | kin.all_before(own) | kin.all_behind(own), f"around {self._called(here)}")
        self.current.lay_out(here)
        self.show_head(self._shown)

    def _called(self, here: str) -> str:
        return shown(self.board.label(here), limit=24)

    def tell(self) -> None:
        """Tell anew what is shown."""
        self.show_head(self._shown)

    def all_again(self) -> None:
        """Leave nothing out."""
        self.board.zoom((), "")
        self.narrow("")

    # Where the cursor goes

    def kin(self, step: int) -> None:
        """Go to the nearest task that this one needs, or that needs it; over groups, to their next one."""
        here = self.current.here
        own = self.board.stands_for(here) if here not in self.board.tasks else (here,)
        edges = self.board.relatives.before if step < 0 else self.board.relatives.behind
        others = [other for task in own for other in edges(task) if self.current.shown_for(other) != here]
        if others:
            self.current.select(self.current.shown_for(others[-1 if step < 0 else 0]))

    def next(self, status: TaskStatus, *, back: bool = False) -> None:
        """Go to the next task that stands so."""
        self._looked_for = status
        task = self.board.next_of(first_of(self.current.here), status, back=back)
        if task:
            self.select(task)

    def again(self, step: int) -> None:
        """Go to the next task of those that were looked for last, or to the one before."""
        self.next(self._looked_for, back=step < 0)

    def tick(self) -> None:
        """A second passed."""
        self.head.tick()
        self.current.tick()

    def select(self, task: str) -> None:
        """Put the cursor on a task, wherever it stands."""
        known = self.board.tasks.get(task)
        if known is not None and not self.board.fits(known):
            self.all_again()
        if self.board.unfold_above(task):
            self.current.lay_out(task)
        self.current.select(task)

    def narrow(self, text: str) -> None:
        """Show only what fits `text`."""
        self._filter_text = text
        self.board.filter = TaskFilter.parse(text)
        self.current.lay_out()
        self.show_head(self._shown)

    # Which view

    async def use(self, name: str) -> None:
        """Show the view called `name`; nothing happens if there is none."""
        if name not in self.NAMES or name == self.name:
            return
        old, here = self.current, self.current.here
        if name not in self._views:
            view = self._views[name] = self._make(name)
            view.views = self
            await self.head.screen.mount(view, after=self.lanes)
        self.name = name
        had_keys = old.has_focus
        self.current.display, old.display = True, False
        self.current.note = old.note
        self.head.styles.height = 1 + self.current.HEADED
        self.current.lay_out(here)
        if had_keys:
            self.current.screen.set_focus(self.current)
        self.show_head(self._shown)

    async def use_next(self) -> None:
        """Show the next view."""
        await self.use(self.NAMES[(self.NAMES.index(self.name) + 1) % len(self.NAMES)])

    def _make(self, name: str) -> View:
        if name == "boxes":
            from cis_tui.tui.widgets.box_view import BoxView

            return BoxView(self.board, self._clock, id=name)
        if name == "table":
            from cis_tui.tui.widgets.table_view import TableView

            return TableView(self.board, self._clock, id=name)
        from cis_tui.tui.widgets.timeline import Timeline

        return Timeline(self.board, self._clock, id=name)
