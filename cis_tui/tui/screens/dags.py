"""The DAG screen: definitions and runs, the tasks of the chosen one in one of several views, its chosen task."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from cis_tui.dag.state import RunState
from cis_tui.dag.views import DagInfo, Decision, RunSummary, RunView, TaskStatus
from cis_tui.tui import run_acts
from cis_tui.tui.deciding import Deciding
from cis_tui.tui.desk import Desk
from cis_tui.tui.detail import dag_lines
from cis_tui.tui.output import CHUNK
from cis_tui.tui.panes import Panes
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.starting import ask_trust, start_dag
from cis_tui.tui.store import Changes, as_run
from cis_tui.tui.task_report import group_report
from cis_tui.tui.widgets.filter import Filter
from cis_tui.tui.widgets.prompt import DecisionPrompt
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.widgets.run_list import RunList
from cis_tui.tui.widgets.task_keys import TaskKeys
from cis_tui.tui.widgets.task_pane import TaskPane
from cis_tui.tui.widgets.task_rows import TaskRows
from cis_tui.tui.widgets.task_views import TaskViews
from cis_tui.tui.widgets.taught import keys_of

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from cis_tui.tui.screens.task_reader import TaskReader

VIEW = "view"
"""Under this name it is remembered which view of a run was shown last."""
FOLDS = "folds"
"""And under this one, what of which run was folded."""


class DagsScreen(WorkspaceScreen):
    """Start a DAG, watch it, answer what it asks."""

    NAME = "dags"
    PURPOSE = "Definitions and runs at the left; tasks at the right, as lanes, boxes, table or timeline."
    CSS_PATH = "dags.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run", "run", id="dags.run"),
        Binding("r", "rerun", "again from here", id="dags.rerun"),
        Binding("x", "cancel", "cancel", id="dags.cancel"),
        Binding("p", "pause", "pause", id="dags.pause"),
        Binding("R", "resume", "resume", id="dags.resume"),
        Binding("u", "rollback", "roll back", id="dags.rollback"),
        Binding("t", "trust", "trust", id="dags.trust"),
        Binding("c", "copy", "copy", show=False, id="dags.copy"),
        Binding("E", "edit", "edit the file", show=False, id="dags.edit"),
        Binding("v", "view", "view", id="dags.view"),
        Binding("i", "inspect", "inspect", id="dags.inspect"),
        Binding("f", "next('failed')", "next failed", id="dags.failed"),
        Binding("w", "next('waiting')", "next that asks", id="dags.waiting"),
        Binding("F", "follow", "follow", id="dags.follow"),
        Binding("slash", "filter", "filter", priority=True, id="dags.filter"),
        Binding("tab", "pane(1)", "next pane", show=False, id="dags.pane"),
        Binding("shift+tab", "pane(-1)", "pane before", show=False, id="dags.pane-before"),
        Binding("escape", "leave", "back to the list", show=False, id="dags.leave"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.list = RunList(desk.clock, id="runs")
        self.tasks = TaskViews(desk.clock)
        self.pane = TaskPane(desk.clock, desk.timer, id="task")
        self.filter = Filter("name of a DAG, a task, or a state such as failed")
        self.panes = Panes(self)
        self._deciding = Deciding(desk, self._decided)
        self._wanted: tuple[str, str] | None = None
        """A run that was asked for but is not listed yet, and the task to choose in it."""
        self._wanted_file = ""
        """The file of a definition that was asked for but is not listed yet."""
        self._filters_tasks = False
        self._stands: object = None
        self._reader: TaskReader | None = None
        self._definition: tuple[DagInfo, RunState] | None = None

    def body(self) -> ComposeResult:
        """The list at the left, tasks over the chosen one at the right."""
        with Horizontal(id="work"):
            with Vertical(id="left"):
                yield self.list
            with Vertical(id="right"):
                yield self.tasks.head
                yield self.tasks.lanes
                yield self.pane
        yield self.filter

    def on_mount(self) -> None:
        """The list has the first keys; the view is that of the last time."""
        self.list.focus()
        self.panes.arrange()
        self.desk.remembered(VIEW, self.tasks.use)
        self.desk.remembered(FOLDS, self._fold_as)

    def on_resize(self) -> None:
        """What has no room beside the other is shown in its place."""
        self.panes.arrange()

    # What is shown

    def refresh_all(self) -> None:
        """See `WorkspaceScreen`."""
        self._show_list()
        self._show_chosen()

    def update(self, changes: Changes) -> None:
        """See `WorkspaceScreen`."""
        if changes.everything or changes.definitions or changes.link:
            self.refresh_all()
            if changes.link:
                self.pane.read_again()
            return
        if changes.runs:
            self._show_list()
        state = self._state
        if state is not None and state.id in changes.runs:
            moved = [task for run, task in changes.tasks if run == state.id]
            self.tasks.update_tasks(moved, decisions=changes.decisions)
            self.tasks.show_head(self.list.chosen)
            if self.tasks.chosen is None or self.tasks.chosen.id in moved or len(changes.tasks) != len(moved):
                self._show_task()
            self._refresh_keys(state)
        reader = self._reader
        if reader is not None and reader.is_mounted:
            if reader.about in changes.tasks:
                reader.task_moved()
            if reader.about in changes.outputs:
                reader.read_more()
        for run, task in changes.outputs:
            self.pane.printed(run, task)

    def _refresh_keys(self, state: RunState) -> None:
        """What the keys do depends on how the run and its tasks stand, not on each of them."""
        chosen = self.list.chosen
        stands = (state.id, chosen.status if isinstance(chosen, RunSummary) else None, self.tasks.statuses())
        if stands != self._stands:
            self._stands = stands
            self.refresh_bindings()

    def tick(self) -> None:
        """See `WorkspaceScreen`."""
        self.list.tick()
        self.tasks.tick()
        self.pane.tick(self._state, self.tasks.chosen, me=self._me)

    @property
    def _state(self) -> RunState | None:
        chosen = self.list.chosen
        if isinstance(chosen, RunSummary):
            return self.desk.store.run(chosen.id)
        if chosen is None:
            return None
        if self._definition is None or self._definition[0] is not chosen:
            self._definition = (chosen, as_run(chosen))
        return self._definition[1]

    def _show_list(self) -> None:
        store = self.desk.store
        known = store.status is not None or not store.project_root
        self.list.show(store.dags, store.runs, has_project=bool(store.project_root), known=known)
        self.panes.arrange()
        if self._wanted_file and self.list.choose_dag(self._wanted_file):
            self._wanted_file = ""
            self._show_chosen()
        if self._wanted and self.list.choose_run(self._wanted[0]):
            self._show_chosen()

    @on(RowList.Moved, "#runs")
    def _show_chosen(self) -> None:
        """Show the definition or run under the cursor of the list."""
        chosen = self.list.chosen
        self.refresh_bindings()
        if isinstance(chosen, RunSummary) and self.desk.store.run(chosen.id) is None:
            self.tasks.show(chosen, None, note="reading…")
            self.pane.show_lines(())
            self.desk.ask(lambda engine: run_acts.load(engine, chosen.id), self._loaded, group="load-run")
            return
        self.tasks.show(chosen, self._state, note=self._note(chosen))
        if self._wanted and isinstance(chosen, RunSummary) and chosen.id == self._wanted[0]:
            self.tasks.select(self._wanted[1])
            self._wanted = None
        self._show_task()

    def _note(self, chosen: DagInfo | RunSummary | None) -> str:
        if chosen is None:
            return f"what runs is shown here: choose a DAG at the left, {keys_of(self)('dags.run')} runs it"
        return "no tasks can be read from this file"

    def _loaded(self, answer: run_acts.Loaded) -> None:
        self.desk.store.load_run(*answer)
        self.refresh_all()

    def on_box_view_moved(self) -> None:
        """As the cursor of a list."""
        self._task_moved()

    def on_box_view_chosen(self) -> None:
        """As Enter in a list."""
        self._enter_task()

    @on(RowList.Moved, ".tasks")
    def _task_moved(self) -> None:
        """The person looks for themselves: the cursor follows no more."""
        if self.tasks.strayed:
            self.action_follow()
        self._show_task()

    @on(TaskRows.Headed)
    def _heading_moved(self) -> None:
        self.tasks.head.repaint_changed()

    def _show_task(self) -> None:
        """Show the task under the cursor, or the definition as a whole."""
        chosen, asked = self.list.chosen, self.pane.prompt.has_focus
        if isinstance(chosen, DagInfo) and not self.tasks.has_keys:
            self.pane.show_lines(dag_lines(chosen, self.desk.store.project_root, trust=keys_of(self)("dags.trust")))
        elif self.tasks.on_group:
            self.pane.show_lines(group_report(self.tasks.board, self.tasks.current.here))
        else:
            self.pane.show_task(self._state, self.tasks.chosen, me=self._me)
        if asked and not self.pane.prompt.display:
            self.panes.give(self.tasks.current)

    @property
    def _me(self) -> str:
        return self.desk.store.me

    def on_descendant_focus(self) -> None:
        """A definition shows itself, or its task once the tasks have the keys."""
        self.panes.arrange()
        if isinstance(self.list.chosen, DagInfo):
            self._show_task()

    @on(TaskPane.OutputWanted)
    def _read_output(self, wanted: TaskPane.OutputWanted) -> None:
        self.desk.ask(
            lambda engine: engine.run_logs(
                wanted.run, wanted.task, attempt=wanted.attempt, offset=wanted.offset, limit=CHUNK
            ),
            lambda chunk: self.pane.take(wanted, chunk),
            quiet=True,
        )

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done with the chosen definition or run."""
        chosen = self.list.chosen
        match action:
            case "run":
                return isinstance(chosen, DagInfo) and chosen.runnable
            case "rerun":
                has_task = self.tasks.chosen is not None and not self.list.has_focus
                return isinstance(chosen, RunSummary) and has_task and run_acts.can(action, chosen)
            case "cancel" | "pause" | "resume" | "rollback":
                return isinstance(chosen, RunSummary) and run_acts.can(action, chosen)
            case "edit":
                return isinstance(chosen, DagInfo)
            case "trust":
                project = self.desk.store.project
                return project is not None and project.pending > 0
            case "next":
                return isinstance(chosen, RunSummary) and TaskStatus(str(parameters[0])) in self.tasks.statuses()
            case "follow":
                return isinstance(chosen, RunSummary) and not chosen.status.ended
            case "inspect":
                return isinstance(chosen, RunSummary) or (self.tasks.has_keys and self.tasks.chosen is not None)
            case "leave":
                return not self.list.has_focus
            case _:
                return super().check_action(action, parameters)

    @on(RowList.Chosen, "#runs")
    def _enter(self) -> None:
        if isinstance(self.list.chosen, DagInfo):
            self.action_run()
        else:
            self.panes.give(self.tasks.current)

    @on(RowList.Chosen, ".tasks")
    def _enter_task(self) -> None:
        """Fold what others stand in; read anything else."""
        if self.tasks.board.stands_for(self.tasks.current.here):
            self.tasks.toggle()
            self._keep_folds()
        else:
            self.action_inspect()

    async def _fold_as(self, folds: str) -> None:
        self.tasks.board.fold_as(folds)
        self.tasks.current.lay_out()

    @on(TaskKeys.Folded)
    def _keep_folds(self) -> None:
        self.desk.remember(FOLDS, self.tasks.board.folds())

    def action_inspect(self) -> None:
        """Show all that is known of the chosen task, or of the run."""
        state, task = self._state, self.tasks.chosen
        chosen = self.list.chosen
        if state is None or chosen is None:
            return
        if task is not None and not self.list.has_focus:
            from cis_tui.tui.screens.task_reader import TaskReader

            self._reader = TaskReader(self.desk, state, task.id, me=self._me)
            self.desk.dialog(self._reader)
        elif isinstance(chosen, RunSummary):
            from cis_tui.tui.screens.reader import ReaderDialog
            from cis_tui.tui.task_report import run_report

            root = self.desk.store.project_root
            lines = run_report(state, chosen.status, self.desk.clock(), root=root, me=self._me)
            self.desk.dialog(ReaderDialog("This run", lines))

    def action_run(self) -> None:
        """Run the chosen definition, after the questions that come first."""
        if isinstance(self.list.chosen, DagInfo):
            self.run_dag(self.list.chosen)

    def run_dag(self, dag: DagInfo) -> None:
        """Run a definition and show it run."""
        start_dag(self.desk, dag, self.started)

    def started(self, run: RunView) -> None:
        """Show a run that was just started."""
        self.desk.store.load_run(run)
        self.show_run(run.id)

    def arrive(self) -> None:
        """Show the newest run that goes on, unless the person has begun to look for something else."""
        live = {run.id for run in self.desk.store.active_runs}
        newest = next((run.id for run in self.desk.store.runs if run.id in live), "")
        if newest and not self.filter.display:
            self.show_run(newest)

    def show_run(self, run: str, task: str = "") -> None:
        """Put the cursor on a run, as soon as it is listed, and on a task of it."""
        self._wanted, self._wanted_file = (run, task), ""
        self._show_all()

    def show_dag(self, file: str) -> None:
        """Put the cursor on the definition in `file`, as soon as it is listed."""
        self._wanted, self._wanted_file = None, file
        self._show_all()

    def _show_all(self) -> None:
        self.list.narrow("")
        self.filter.drop()
        self._show_list()

    def action_copy(self) -> None:
        """Give the name of the chosen task, or the id of the run, or the name of the definition to the clipboard."""
        task, chosen = self.tasks.chosen, self.list.chosen
        if task is not None and self.tasks.has_keys:
            self.desk.copy(task.id, "the name of the task")
        elif isinstance(chosen, RunSummary):
            self.desk.copy(chosen.id, "the id of the run")
        elif chosen is not None:
            self.desk.copy(chosen.name, "the name of the DAG")

    def action_edit(self) -> None:
        """Open the file of the chosen definition in the person's editor."""
        if isinstance(self.list.chosen, DagInfo):
            from cis_tui.tui.file_acts import edit_dag

            edit_dag(self.desk, self.list.chosen.file)

    def action_rerun(self) -> None:
        """Run again from the chosen task, in a new run."""
        task, state = self.tasks.chosen, self._state
        if task is not None and state is not None:
            run_acts.rerun(self.desk, state, task.id, self.started)

    def action_cancel(self) -> None:
        """Ask, then end the chosen run."""
        if isinstance(self.list.chosen, RunSummary):
            run_acts.cancel(self.desk, self.list.chosen)

    def action_pause(self) -> None:
        """Let nothing of the chosen run start any more; what runs goes on to its end."""
        if isinstance(self.list.chosen, RunSummary):
            run_acts.pause(self.desk, self.list.chosen, self._loaded)

    def action_resume(self) -> None:
        """Go on with a run that stopped."""
        if isinstance(self.list.chosen, RunSummary):
            run_acts.resume(self.desk, self.list.chosen, self._loaded)

    def action_rollback(self) -> None:
        """Show what would be taken back, ask, then do it."""
        if isinstance(self.list.chosen, RunSummary):
            run_acts.rollback(self.desk, self.list.chosen, self._loaded)

    def action_trust(self) -> None:
        """Show what trusting the project as it is now would let run."""
        ask_trust(self.desk)

    async def action_view(self) -> None:
        """Show the tasks in the next view, now and the next time."""
        await self.tasks.use_next()
        self.panes.arrange()
        self.refresh_bindings()
        self.desk.remember(VIEW, self.tasks.name)

    def action_next(self, status: str) -> None:
        """Go to the next task that failed, or asks."""
        self.tasks.next(TaskStatus(status))
        self.panes.give(self.tasks.current)
        self._show_task()

    def action_follow(self) -> None:
        """Let the cursor go to what begins, or stay where it is."""
        self.tasks.follow(not self.tasks.following)

    def action_pane(self, step: int) -> None:
        """Give the keys to the next pane."""
        self.panes.step(step)

    def action_leave(self) -> None:
        """Back to the list."""
        self.panes.give(self.list)

    def action_filter(self) -> None:
        """Narrow the list by name, or the tasks by name and state, whichever has the keys."""
        self._filters_tasks = not self.list.has_focus
        self.filter.open()

    @on(Filter.Narrowed)
    def _filtered(self, event: Filter.Narrowed) -> None:
        if self._filters_tasks:
            self.tasks.narrow(event.text)
            self._show_task()
        else:
            self.list.narrow(event.text)
            self._show_chosen()

    @on(Filter.Closed)
    def _filter_closed(self) -> None:
        self.panes.give(self.tasks.current if self._filters_tasks else self.list)

    # Decisions

    @property
    def asked(self) -> str:
        """See `WorkspaceScreen`."""
        prompt = self.pane.prompt
        return prompt.decision.id if prompt.decision and prompt.has_focus else ""

    def jump(self, decision: Decision) -> None:
        """See `WorkspaceScreen`."""
        self.show_run(decision.run, decision.task)
        self.tasks.select(decision.task)
        self._show_task()
        self.panes.give(self.pane.prompt)

    @on(DecisionPrompt.Left)
    def _prompt_left(self) -> None:
        self.panes.give(self.tasks.current)

    @on(DecisionPrompt.Answered)
    def _answer(self, event: DecisionPrompt.Answered) -> None:
        self._deciding.answer(event)

    @on(DecisionPrompt.Voted)
    def _vote(self, event: DecisionPrompt.Voted) -> None:
        self._deciding.vote(event)

    @on(DecisionPrompt.Wished)
    def _wish(self, event: DecisionPrompt.Wished) -> None:
        self._deciding.wish(event)

    @on(DecisionPrompt.Inspect)
    def _inspect(self, event: DecisionPrompt.Inspect) -> None:
        self._deciding.inspect(event.decision)

    def _decided(self, decision: Decision) -> None:
        self.desk.store.take_decision(decision)
        self.show_frame()
        self.tasks.update_tasks([decision.task])
        self._show_task()
