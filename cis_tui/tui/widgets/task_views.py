"""The views of one run, of which one is shown: a line that tells how the run stands, and under it its tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from cis_tui.core.clock import Clock
from cis_tui.dag.state import RunState
from cis_tui.dag.views import DagInfo, RunStatus, RunSummary, TaskStatus, TaskView
from cis_tui.tui.board import Board, first_interesting
from cis_tui.tui.paint import Line, Piece, Tone, fit, line_width, shown
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

    def __init__(self, clock: Clock, heading: Callable[[int], Line]) -> None:
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
            return [(" ", Tone.PLAIN), *self._heading(width - 1)]
        left = self._standing()
        room = width - line_width(left) - 3
        notes = [note for note in self._notes if note]
        while notes and len("  ".join(notes)) > room:
            notes.pop(0)
        return [*left, (fit("  ".join(notes), room + 2, right=True) if notes else "", Tone.DIM)]

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
        if run.status is not RunStatus.PAUSED:
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
        self.following = False
        """The cursor goes to what begins."""
        self._followed = ""
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
    def has_keys(self) -> bool:
        """Whether it has the focus."""
        return self.current.has_focus

    def statuses(self) -> frozenset[TaskStatus]:
        """How its tasks stand, each way once."""
        return frozenset({task.status for task in self.board.tasks.values()})

    # What is shown

    def show(self, shown: DagInfo | RunSummary | None, state: RunState | None, *, note: str = "") -> None:
        """Show a run or a definition; `note` is said when it has no tasks."""
        before, task = self.board.state, self.chosen
        self.board.take(state)
        self._shown = shown
        self.current.note = note
        same = before is not None and state is not None and before.id == state.id and before.dag == state.dag
        self.current.lay_out(task.id if same and task else first_interesting(self.board.tasks.values()))
        self.show_head(shown)

    def show_head(self, shown: DagInfo | RunSummary | None) -> None:
        """Tell how the run stands now."""
        self._shown = shown
        looked_for = f"/{self._filter_text}" if self.board.filter.narrows else ""
        follow = "follows" if self.following else ""
        self.head.show(shown, self.board.state, (self.current.remark, looked_for, follow, self.name))

    def update_tasks(self, tasks: Iterable[str], *, decisions: bool = True) -> None:
        """Repaint tasks whose state moved; follow what begins."""
        moved = list(tasks)
        self.current.update_tasks(moved, decisions=decisions)
        if self.following:
            tasks = self.board.tasks
            begun = [id for id in moved if id in tasks and tasks[id].status in _BEGUN]
            if begun:
                self._followed = begun[-1]
                self.select(begun[-1])

    def follow(self, following: bool) -> None:
        """Let the cursor go to what begins, or stay; at once to what runs."""
        self.following = following
        running = [task.id for task in self.board.tasks.values() if task.status is TaskStatus.RUNNING]
        self._followed = running[-1] if running else self.chosen.id if self.chosen else ""
        if following:
            self.select(self._followed)
        self.show_head(self._shown)

    @property
    def strayed(self) -> bool:
        """Whether the person has moved the cursor away from what is followed."""
        return self.following and self.chosen is not None and self.chosen.id != self.board.shown_for(self._followed)

    def toggle(self, task: str) -> None:
        """Fold or unfold what stands in a task."""
        self.board.fold(task, open=not self.board.is_open(task))
        self.current.lay_out(task)

    def tick(self) -> None:
        """A second passed."""
        self.head.tick()
        self.current.tick()

    def select(self, task: str) -> None:
        """Put the cursor on a task, wherever it stands."""
        known = self.board.tasks.get(task)
        if known is not None and not self.board.filter.fits(known):
            self.narrow("")
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
        old, task = self.current, self.chosen
        if name not in self._views:
            view = self._views[name] = self._make(name)
            await self.head.screen.mount(view, after=self.lanes)
        self.name = name
        had_keys = old.has_focus
        self.current.display, old.display = True, False
        self.current.note = old.note
        self.head.styles.height = 2 if self.current.HEADED else 1
        self.current.lay_out(task.id if task else "")
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
