"""The state of a run as a fold over its events: the engine, the journal and the screen all use this one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from cis_tui.core.clock import Instant
from cis_tui.core.codec import decode
from cis_tui.core.document import is_list
from cis_tui.core.events import Event, EventType
from cis_tui.dag.timing import Worked
from cis_tui.dag.undo import UndoState
from cis_tui.dag.views import Attempt, Ballot, Decision, RunStatus, RunView, TaskStatus, TaskView

_KEPT_ATTEMPTS = 20
"""Attempts before the newest one of which is told."""
_KEPT_ERROR = 300
"""Characters of what went wrong in each of them."""
_VIEW_OUTPUT = 2_000_000
"""Characters of output that all tasks of one view have together."""


@dataclass(slots=True)
class RunState:
    """One run. `apply` takes its events in order; everything else is read."""

    id: str
    dag: str
    started_at: Instant
    policy: str
    tasks: dict[str, TaskView]
    project: str = ""
    file: str = ""
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    ended_at: Instant | None = None
    outcome: RunStatus | None = None
    """How it ended, None while it goes on."""
    error: str = ""
    decisions: dict[str, Decision] = field(default_factory=dict[str, Decision])
    """Every decision of the run by id, in the order in which they were asked."""
    expansions: dict[str, tuple[object, ...] | None] = field(default_factory=dict[str, tuple[object, ...] | None])
    """What the tasks that stand for others stand for: items of a list, None for another DAG."""
    undo: UndoState = field(default_factory=UndoState)
    worked: Worked = field(default_factory=Worked)
    rerun_of: str = ""
    """The run of which this one takes over results."""
    paused_by: str = ""
    """Who paused it, while it is paused."""
    paused_at: Instant | None = None
    interrupted: bool = False
    """Its engine ended before it did; only a view tells that, as no event can."""
    executor: str = "local"
    """What its tasks are carried out by."""
    seq: int = 0
    """The last event applied."""

    @classmethod
    def from_view(cls, view: RunView, decisions: Iterable[Decision] = ()) -> RunState:
        """The state that `view` shows, ready for the events after `view.seq`."""
        return cls(
            id=view.id,
            dag=view.dag,
            started_at=view.started_at,
            policy=view.policy,
            tasks={task.id: task for task in view.tasks},
            project=view.project,
            file=view.file,
            params=view.params,
            ended_at=view.ended_at,
            outcome=view.status if view.status.ended else None,
            error=view.error,
            decisions={decision.id: decision for decision in decisions if decision.run == view.id},
            undo=UndoState(items={item.key: item for item in view.undo}, rolling=view.status is RunStatus.ROLLING_BACK),
            rerun_of=view.rerun_of,
            paused_by=view.paused_by,
            paused_at=view.paused_at,
            interrupted=view.interrupted,
            executor=view.executor,
            seq=view.seq,
        )

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> RunState | None:
        """The state after `events` of one run, of which the first is its RunStarted; None if there are none."""
        state: RunState | None = None
        for event in events:
            if state is None:
                state = cls.begin(event)
            else:
                state.apply(event)
        return state

    @classmethod
    def begin(cls, event: Event, tasks: Iterable[TaskView] | None = None) -> RunState:
        """The state after the RunStarted event of a new run; `tasks` spares decoding those in the event."""
        data = event.data
        if tasks is None:
            tasks = decode(list[TaskView], data["tasks"])
        return cls(
            id=str(data["run"]),
            dag=str(data["dag"]),
            started_at=event.at,
            policy=str(data["policy"]),
            tasks={task.id: task for task in tasks},
            project=str(data.get("project", "")),
            file=str(data.get("file", "")),
            params=cast("Mapping[str, object]", data.get("params", {})),
            rerun_of=str(data.get("rerun_of", "")),
            worked=Worked(since=event.at),
            executor=str(data.get("executor", "local")),
            seq=event.seq,
        )

    @property
    def status(self) -> RunStatus:
        """Waiting when only people can move it on."""
        if self.outcome is not None:
            return self.outcome
        if self.undo.rolling:
            return RunStatus.ROLLING_BACK
        if self.paused_by or self.interrupted:
            return RunStatus.PAUSED
        kinds = {task.status for task in self.tasks.values()}
        if TaskStatus.WAITING not in kinds or TaskStatus.READY in kinds:
            return RunStatus.RUNNING
        stand = {task.parent for task in self.tasks.values()}
        runs = any(task.status is TaskStatus.RUNNING and task.id not in stand for task in self.tasks.values())
        return RunStatus.RUNNING if runs else RunStatus.WAITING

    def view(self) -> RunView:
        """The run as plain data."""
        return RunView(
            id=self.id,
            dag=self.dag,
            status=self.status,
            started_at=self.started_at,
            ended_at=self.ended_at,
            policy=self.policy,
            tasks=self._shown_tasks(),
            project=self.project,
            file=self.file,
            params=self.params,
            error=self.error,
            seq=self.seq,
            undo=tuple(self.undo.items.values()),
            rerun_of=self.rerun_of,
            paused_by=self.paused_by,
            paused_at=self.paused_at,
            interrupted=self.interrupted,
            executor=self.executor,
        )

    def _shown_tasks(self) -> tuple[TaskView, ...]:
        """The tasks; of many, each with less of its output, so that a view stays one bounded message."""
        limit = max(_VIEW_OUTPUT // max(len(self.tasks), 1), 200)
        return tuple(
            task if len(task.output) <= limit else replace(task, output=task.output[-limit:])
            for task in nested(self.tasks.values())
        )

    def apply(self, event: Event) -> None:
        """Take one event of this run; one that was taken already, or of an unknown kind, changes nothing."""
        if event.seq <= self.seq:
            return
        self.seq = event.seq
        self.undo.apply(event)
        if event.type == EventType.RUN_STARTED and self.outcome is not None:
            self.worked = Worked()
        self.worked.apply(event)
        change = _CHANGES.get(event.type)
        if change is not None:
            change(self, event)
        task_change = _TASK_CHANGES.get(event.type)
        task = self.tasks.get(str(event.data.get("task", "")))
        if task_change is not None and task is not None:
            self.tasks[task.id] = task_change(task, event)


def nested(tasks: Iterable[TaskView]) -> list[TaskView]:
    """Tasks in their order, those for which another one stands behind that one."""
    inside: dict[str, list[TaskView]] = {}
    for task in tasks:
        inside.setdefault(task.parent, []).append(task)
    if len(inside) <= 1:
        return list(tasks)
    found: list[TaskView] = []
    open = inside[""][::-1]
    while open:
        found.append(task := open.pop())
        open += inside.get(task.id, ())[::-1]
    return found


def _paused(state: RunState, event: Event) -> None:
    state.paused_by = str(event.data.get("by", ""))
    state.paused_at = event.at


def _unpaused(state: RunState, event: Event) -> None:
    state.paused_by = ""
    state.paused_at = None
    state.interrupted = False


def _resumed(state: RunState, event: Event) -> None:
    _unpaused(state, event)
    state.outcome = None
    state.ended_at = None
    state.error = ""
    state.executor = str(event.data.get("executor", "local"))
    for id in cast("Iterable[str]", event.data.get("dropped", ())):
        state.tasks.pop(id, None)
        state.expansions.pop(id, None)
    for id in cast("Iterable[str]", event.data.get("again", ())):
        task = state.tasks.get(id)
        if task is not None:
            state.tasks[id] = replace(
                task,
                status=TaskStatus.PENDING,
                started_at=None,
                ended_at=None,
                exit_code=None,
                output="",
                masked=False,
                error="",
                tried=_tried(task),
            )


def _expanded(state: RunState, event: Event) -> None:
    task = state.tasks.get(str(event.data.get("task", "")))
    if task is None:
        return
    state.tasks[task.id] = replace(task, status=TaskStatus.RUNNING, started_at=task.started_at or event.at)
    items = event.data.get("items")
    state.expansions.setdefault(task.id, tuple(cast("Iterable[object]", items)) if is_list(items) else None)
    for view in decode(list[TaskView], event.data["tasks"]):
        state.tasks.setdefault(view.id, replace(view, parent=task.id))


def _taken(state: RunState, event: Event) -> None:
    view = decode(TaskView, event.data["view"])
    state.tasks[view.id] = replace(view, taken=str(event.data["from"]))


def _ended(state: RunState, event: Event) -> None:
    _unpaused(state, event)
    state.outcome = RunStatus(str(event.data["status"]))
    state.ended_at = event.at
    state.error = str(event.data.get("error", ""))


def _rolling_back(state: RunState, event: Event) -> None:
    _unpaused(state, event)
    state.outcome = None
    state.ended_at = None
    state.error = ""


def _decision(state: RunState, event: Event) -> None:
    decision = decode(Decision, event.data["decision"])
    state.decisions[decision.id] = decision


def _vote(state: RunState, event: Event) -> None:
    decision = state.decisions.get(str(event.data["decision"]))
    if decision is not None:
        ballot = decode(Ballot, event.data["ballot"])
        state.decisions[decision.id] = replace(decision, ballots=(*decision.ballots, ballot))


def _ready(task: TaskView, event: Event) -> TaskView:
    return replace(task, status=TaskStatus.READY)


def _started(task: TaskView, event: Event) -> TaskView:
    return replace(
        task,
        status=TaskStatus.RUNNING,
        attempts=_int(event, "attempt") or task.attempts + 1,
        started_at=task.started_at or event.at,
        ended_at=None,
        exit_code=None,
        error="",
        retry_at=None,
        attempt_at=event.at,
        tried=_tried(task),
        executor=str(event.data.get("executor", "")),
        worker=str(event.data.get("worker", "")),
        command=str(event.data.get("command", "")) or task.command,
    )


def _tried(task: TaskView, ended_at: Instant | None = None) -> tuple[Attempt, ...]:
    """The attempts of a task with its newest one, of which another one takes the place."""
    if task.attempt_at is None or (task.tried and task.tried[-1].number == task.attempts):
        return task.tried
    error = task.error[:_KEPT_ERROR]
    last = Attempt(
        task.attempts,
        task.attempt_at,
        ended_at or task.ended_at,
        task.exit_code,
        error,
        executor=task.executor,
        worker=task.worker,
    )
    return (*task.tried, last)[-_KEPT_ATTEMPTS:]


def _completed(task: TaskView, event: Event) -> TaskView:
    return replace(
        task,
        status=TaskStatus.COMPLETED,
        ended_at=event.at,
        exit_code=_int(event, "exit_code"),
        output=str(event.data.get("output", "")),
        masked=bool(event.data.get("masked")),
        error="",
    )


def _failed(task: TaskView, event: Event) -> TaskView:
    return replace(
        task,
        status=TaskStatus.DEBT if event.data.get("debt") else TaskStatus.FAILED,
        ended_at=event.at,
        exit_code=_int(event, "exit_code"),
        output=str(event.data.get("output", "")),
        masked=bool(event.data.get("masked")),
        error=str(event.data.get("error", "")),
    )


def _retried(task: TaskView, event: Event) -> TaskView:
    task = replace(task, exit_code=_int(event, "exit_code"), error=str(event.data.get("error", "")))
    return replace(
        task,
        status=TaskStatus.READY,
        output=str(event.data.get("output", "")),
        masked=bool(event.data.get("masked")),
        tried=_tried(task, event.at),
        retry_at=Instant(event.at + float(str(event.data.get("delay", 0)))),
    )


def _skipped(task: TaskView, event: Event) -> TaskView:
    status = TaskStatus.CANCELLED if event.data.get("cancelled") else TaskStatus.SKIPPED
    return replace(task, status=status, ended_at=event.at, error=str(event.data.get("reason", "")))


def _rolled_back(task: TaskView, event: Event) -> TaskView:
    return replace(task, status=TaskStatus.ROLLED_BACK)


def _asked(task: TaskView, event: Event) -> TaskView:
    decision = decode(Decision, event.data["decision"])
    return replace(task, status=TaskStatus.WAITING, decision=decision.id)


def _decided(task: TaskView, event: Event) -> TaskView:
    return replace(task, status=TaskStatus.READY) if task.status is TaskStatus.WAITING else task


def _settled(task: TaskView, event: Event) -> TaskView:
    return replace(task, settled=str(event.data.get("reason", "")))


def _int(event: Event, name: str) -> int | None:
    value = event.data.get(name)
    return value if isinstance(value, int) else None


_CHANGES: Mapping[str, Callable[[RunState, Event], None]] = {
    EventType.RUN_STARTED: _resumed,
    EventType.RUN_PAUSED: _paused,
    EventType.RUN_RESUMED: _unpaused,
    EventType.TASK_EXPANDED: _expanded,
    EventType.TASK_TAKEN: _taken,
    EventType.RUN_COMPLETED: _ended,
    EventType.RUN_FAILED: _ended,
    EventType.ROLLBACK_STARTED: _rolling_back,
    EventType.DECISION_REQUESTED: _decision,
    EventType.DECISION_MADE: _decision,
    EventType.VOTE_CAST: _vote,
}
_TASK_CHANGES: Mapping[str, Callable[[TaskView, Event], TaskView]] = {
    EventType.TASK_READY: _ready,
    EventType.TASK_STARTED: _started,
    EventType.TASK_COMPLETED: _completed,
    EventType.TASK_FAILED: _failed,
    EventType.TASK_RETRIED: _retried,
    EventType.TASK_SKIPPED: _skipped,
    EventType.TASK_ROLLED_BACK: _rolled_back,
    EventType.DEBT_SETTLED: _settled,
    EventType.DECISION_REQUESTED: _asked,
    EventType.DECISION_MADE: _decided,
}
