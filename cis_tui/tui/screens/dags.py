"""The DAG screen: definitions and runs, the lanes of the chosen one, its chosen task."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from cis_tui.dag.state import RunState
from cis_tui.dag.views import DagInfo, Decision, RunStatus, RunSummary, RunView
from cis_tui.tui.desk import Desk
from cis_tui.tui.detail import dag_lines, decision_lines
from cis_tui.tui.output import CHUNK
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.starting import ask_trust, start_dag
from cis_tui.tui.store import Changes, as_run
from cis_tui.tui.widgets.filter import Filter
from cis_tui.tui.widgets.lane_view import LaneView
from cis_tui.tui.widgets.prompt import Answer, DecisionPrompt
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.widgets.run_list import RunList
from cis_tui.tui.widgets.task_pane import TaskPane

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from textual.app import ComposeResult

    from cis_tui.protocol import EngineApi


class DagsScreen(WorkspaceScreen):
    """Start a DAG, watch it, answer what it asks."""

    NAME = "dags"
    PURPOSE = "Definitions and runs at the left, the tasks of the chosen one at the right."
    CSS_PATH = "dags.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run", "run", id="dags.run"),
        Binding("x", "cancel", "cancel", id="dags.cancel"),
        Binding("p", "pause", "pause", id="dags.pause"),
        Binding("R", "resume", "resume", id="dags.resume"),
        Binding("t", "trust", "trust", id="dags.trust"),
        Binding("slash", "filter", "filter", priority=True, id="dags.filter"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.list = RunList(desk.clock, id="runs")
        self.lanes = LaneView(desk.clock, id="lanes")
        self.pane = TaskPane(desk.clock, desk.timer, id="task")
        self.filter = Filter("name of a DAG")
        self._wanted: tuple[str, str] | None = None
        """A run that was asked for but is not listed yet, and the task to choose in it."""

    def body(self) -> ComposeResult:
        """The list at the left, lanes over task at the right."""
        with Horizontal(id="work"):
            with Vertical(id="left"):
                yield self.list
                yield self.filter
            with Vertical(id="right"):
                yield self.lanes
                yield self.pane

    def on_mount(self) -> None:
        """The list has the first keys."""
        self.list.focus()

    # What is shown

    def refresh_all(self) -> None:
        """See `WorkspaceScreen`."""
        self._show_list()
        self._show_chosen()

    def update(self, changes: Changes) -> None:
        """See `WorkspaceScreen`."""
        if changes.everything or changes.definitions or changes.link:
            self.refresh_all()
            return
        if changes.runs:
            self._show_list()
        state = self._state
        if state is not None and state.id in changes.runs:
            self.lanes.update_tasks(task for run, task in changes.tasks if run == state.id)
            self._show_task()
            self.refresh_bindings()
        for run, task in changes.outputs:
            self.pane.printed(run, task)

    def tick(self) -> None:
        """See `WorkspaceScreen`."""
        self.list.tick()
        self.lanes.tick()
        self.pane.tick(self._state, self.lanes.chosen, me=self._me)

    @property
    def _state(self) -> RunState | None:
        chosen = self.list.chosen
        if isinstance(chosen, DagInfo):
            return as_run(chosen)
        return self.desk.store.run(chosen.id) if chosen else None

    def _show_list(self) -> None:
        store = self.desk.store
        self.list.show(store.dags, store.runs, has_project=bool(store.project_root))
        if self._wanted and self.list.choose_run(self._wanted[0]):
            self._show_chosen()

    @on(RowList.Moved, "#runs")
    def _show_chosen(self) -> None:
        """Show the definition or run under the cursor of the list."""
        chosen = self.list.chosen
        self.refresh_bindings()
        if isinstance(chosen, RunSummary) and self.desk.store.run(chosen.id) is None:
            self.lanes.show(None, note="reading…")
            self.pane.show_lines(())
            self.desk.ask(lambda engine: self._load(engine, chosen.id), self._loaded, group="load-run")
            return
        self.lanes.show(self._state, note=self._note(chosen))
        if self._wanted and isinstance(chosen, RunSummary) and chosen.id == self._wanted[0]:
            self.lanes.select(self._wanted[1])
            self._wanted = None
        self._show_task()

    def _note(self, chosen: DagInfo | RunSummary | None) -> str:
        return "" if chosen is None else "no tasks can be read from this file"

    async def _load(self, engine: EngineApi, run: str) -> tuple[RunView, tuple[Decision, ...]]:
        return await engine.run_show(run), await engine.decision_list(all=True)

    def _loaded(self, answer: tuple[RunView, tuple[Decision, ...]]) -> None:
        self.desk.store.load_run(*answer)
        self.refresh_all()

    @on(RowList.Moved, "#lanes")
    def _show_task(self) -> None:
        """Show the task under the cursor of the lanes, or the definition as a whole."""
        chosen, asked = self.list.chosen, self.pane.prompt.has_focus
        if isinstance(chosen, DagInfo) and not self.lanes.has_focus:
            self.pane.show_lines(dag_lines(chosen, self.desk.store.project_root))
        else:
            self.pane.show_task(self._state, self.lanes.chosen, me=self._me)
        if asked and not self.pane.prompt.display:
            self.lanes.focus()

    @property
    def _me(self) -> str:
        status = self.desk.store.status
        return status.did if status else ""

    def on_descendant_focus(self) -> None:
        """A definition shows itself, or its task once the lanes have the keys."""
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
            case "cancel":
                return isinstance(chosen, RunSummary) and not chosen.status.ended
            case "pause":
                return isinstance(chosen, RunSummary) and chosen.status in (RunStatus.RUNNING, RunStatus.WAITING)
            case "resume":
                return isinstance(chosen, RunSummary) and chosen.status in (
                    RunStatus.PAUSED,
                    RunStatus.FAILED,
                    RunStatus.CANCELLED,
                )
            case "trust":
                project = self.desk.store.project
                return project is not None and project.pending > 0
            case _:
                return super().check_action(action, parameters)

    @on(RowList.Chosen, "#runs")
    def _enter(self) -> None:
        if isinstance(self.list.chosen, DagInfo):
            self.action_run()
        else:
            self.lanes.focus()

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

    def show_run(self, run: str, task: str = "") -> None:
        """Put the cursor on a run, as soon as it is listed, and on a task of it."""
        self._wanted = (run, task)
        self.list.narrow("")
        self.filter.drop()
        self._show_list()

    def action_cancel(self) -> None:
        """Ask, then end the chosen run."""
        from cis_tui.tui.screens.confirm import ConfirmDialog

        run = self.list.chosen
        if not isinstance(run, RunSummary):
            return
        text = (
            f"{run.tasks_total - run.tasks_ended} of {run.tasks_total} tasks are not done. Their processes are ended."
        )
        self.desk.dialog(
            ConfirmDialog(f"Cancel this run of {run.dag}?", text),
            lambda yes: self.desk.ask(lambda engine: engine.run_cancel(run.id)) if yes else None,
        )

    def action_pause(self) -> None:
        """Let nothing of the chosen run start any more; what runs goes on to its end."""
        run = self.list.chosen
        if isinstance(run, RunSummary):
            self.desk.ask(lambda engine: self._after(engine, engine.run_pause(run.id)), self._loaded)

    def action_resume(self) -> None:
        """Go on with a run that stopped."""
        run = self.list.chosen
        if isinstance(run, RunSummary):
            self.desk.ask(lambda engine: self._after(engine, engine.run_resume(run.id)), self._loaded)

    async def _after(self, engine: EngineApi, change: Awaitable[RunView]) -> tuple[RunView, tuple[Decision, ...]]:
        """The run once it is changed, with its decisions: a view alone does not tell which countdowns are held."""
        return await self._load(engine, (await change).id)

    def action_trust(self) -> None:
        """Show what trusting the project as it is now would let run."""
        ask_trust(self.desk)

    def action_filter(self) -> None:
        """Narrow the list by name."""
        self.filter.open()

    @on(Filter.Narrowed)
    def _filtered(self, event: Filter.Narrowed) -> None:
        self.list.narrow(event.text)
        self._show_chosen()

    @on(Filter.Closed)
    def _filter_closed(self) -> None:
        self.list.focus()

    # Decisions

    @property
    def asked(self) -> str:
        """See `WorkspaceScreen`."""
        prompt = self.pane.prompt
        return prompt.decision.id if prompt.decision and prompt.has_focus else ""

    def jump(self, decision: Decision) -> None:
        """See `WorkspaceScreen`."""
        self.show_run(decision.run, decision.task)
        self.lanes.select(decision.task)
        self._show_task()
        self.pane.prompt.focus()

    @on(DecisionPrompt.Left)
    def _prompt_left(self) -> None:
        self.lanes.focus()

    @on(DecisionPrompt.Answered)
    def _answer(self, event: DecisionPrompt.Answered) -> None:
        id = event.decision.id

        async def answer(engine: EngineApi) -> Decision:
            match event.answer:
                case Answer.APPROVE:
                    return await engine.decision_approve(id)
                case Answer.REJECT:
                    return await engine.decision_reject(id)
                case Answer.HOLD:
                    return await engine.decision_hold(id)

        self.desk.ask(answer, self._decided)

    @on(DecisionPrompt.Voted)
    def _vote(self, event: DecisionPrompt.Voted) -> None:
        self.desk.ask(lambda engine: engine.decision_vote(event.decision.id, event.choice), self._decided)

    def _decided(self, decision: Decision) -> None:
        self.desk.store.take_decision(decision)
        self.show_frame()
        self.lanes.update_tasks([decision.task])
        self._show_task()

    @on(DecisionPrompt.Inspect)
    def _inspect(self, event: DecisionPrompt.Inspect) -> None:
        from cis_tui.tui.screens.reader import ReaderDialog

        self.desk.dialog(ReaderDialog("What is asked", decision_lines(event.decision)))
