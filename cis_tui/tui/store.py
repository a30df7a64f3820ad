"""What the workspace knows of its engine: snapshots, kept current by the events that follow them. No widget in here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from cis_tui.core.clock import Instant
from cis_tui.core.codec import decode
from cis_tui.core.events import QUIET, Event, EventType
from cis_tui.dag.state import RunState
from cis_tui.dag.views import DagInfo, Decision, DecisionStatus, RunSummary, RunView, TaskStatus, TaskView

if TYPE_CHECKING:
    from cis_tui.agents.model import AgentInfo
    from cis_tui.matrix.model import MatrixMember, MatrixStatus
    from cis_tui.p2p.model import PeerInfo, PeerStatus
    from cis_tui.project.model import ProjectInfo
    from cis_tui.protocol import EngineStatus
    from cis_tui.skills.model import SkillInfo

KEPT_ACTIVITY = 2_000
KEPT_RUNS = 200
KEPT_STATES = 8
"""Runs that have ended whose tasks are known, too; those of others are read again when somebody looks."""

_DAG_NEWS = frozenset({EventType.DAG_LOADED, EventType.SKILL_LOADED, EventType.PROJECT_RELOADED})
_PEER_NEWS = frozenset(
    {
        EventType.NODE_CHANGED,
        EventType.PEER_DISCOVERED,
        EventType.PEER_CONNECTED,
        EventType.PEER_DISCONNECTED,
        EventType.PEER_REFUSED,
        EventType.PEER_CHANGED,
        EventType.PAIRING_ENDED,
        EventType.SYNC_QUEUED,
        EventType.SYNC_ACKED,
        EventType.MEMORY_MERGED,
        EventType.MATRIX_CONNECTED,
        EventType.MATRIX_MESSAGE,
        EventType.MATRIX_CHANGED,
    }
)
_ROOM_NEWS = frozenset({EventType.MATRIX_CONNECTED, EventType.MATRIX_MESSAGE, EventType.MATRIX_CHANGED})
_MEMORY_NEWS = frozenset(
    {
        EventType.MEMORY_SET,
        EventType.MEMORY_DELETED,
        EventType.MEMORY_MERGED,
        EventType.WEEK_ARCHIVED,
        EventType.MEMORY_LOCKED,
        EventType.MEMORY_UNLOCKED,
    }
)


class LinkState(StrEnum):
    """How the workspace stands with its engine."""

    STARTING = "starting"
    READY = "ready"
    LOST = "lost"
    """It was there, or could not be reached; the next attempt follows by itself."""


@dataclass(slots=True)
class Changes:
    """What became different, so that a screen repaints no more than that."""

    everything: bool = False
    """Snapshots were read anew."""
    link: bool = False
    runs: set[str] = field(default_factory=set[str])
    """Runs that began, ended or whose counts moved."""
    tasks: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Run and task of every task whose state moved."""
    outputs: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Run and task of every task that printed something."""
    decisions: bool = False
    definitions: bool = False
    """Files of the project changed: its DAGs, skills or trust are to be read again."""
    calls: set[str] = field(default_factory=set[str])
    """Calls of skills that printed something."""
    called: set[str] = field(default_factory=set[str])
    """Skills of which a call has ended."""
    notices: list[str] = field(default_factory=list[str])
    """What skills asked to be shown."""
    reloads: list[Event] = field(default_factory=list[Event])
    """Skills and DAGs whose files changed."""
    agents: list[Event] = field(default_factory=list[Event])
    """What happened in conversations."""
    unread: bool = False
    """An answer ended that nobody looks at here, or is looked at now."""
    memory: bool = False
    peer_news: bool = False
    """Something happened to a peer or to the sync: that is to be read again."""
    peers: bool = False
    """What is known of peers was read again."""
    models: bool = False
    """It is known anew who would answer, or whether that works."""
    room: bool = False
    """Something was said in a room, or became of what was said."""
    activity: bool = False
    unknown: set[str] = field(default_factory=set[str])
    """Runs that go on but of which nothing is known yet."""


class Store:
    """The model behind every screen. Screens read it; only the link to the engine and the event bridge write it."""

    def __init__(self, project: str, *, read_only: bool = False) -> None:
        self.project_root = project
        """The open project's folder, or empty."""
        self.read_only = read_only
        """Whether nothing is changed from this workspace."""
        self.link = LinkState.STARTING
        self.link_note = ""
        """Why the engine is not there, or what is being tried."""
        self.status: EngineStatus | None = None
        self.project: ProjectInfo | None = None
        self.dags: tuple[DagInfo, ...] = ()
        self.skills: tuple[SkillInfo, ...] = ()
        self.peers: tuple[PeerInfo, ...] = ()
        self.peer_status: PeerStatus | None = None
        self.agents: tuple[AgentInfo, ...] = ()
        """Who can be asked from this project."""
        self.model_failed = False
        """The last answer that somebody wanted here did not come."""
        self.matrix: MatrixStatus | None = None
        self.members: tuple[MatrixMember, ...] = ()
        """Who is in the room in which nodes meet."""
        self.room_news = False
        """Somebody said something in it that was not looked at."""
        self._in_room = False
        self.activity: deque[Event] = deque(maxlen=KEPT_ACTIVITY)
        self.activity_dropped = 0
        """Events that were pushed out of `activity` by newer ones."""
        self.unread: set[str] = set()
        """Conversations in which an answer ended that was not looked at."""
        self._chat = ""
        """The conversation that is looked at."""
        self._summaries: dict[str, RunSummary] = {}
        self._states: dict[str, RunState] = {}
        self._calls: dict[str, Decision] = {}
        """Open decisions that are not about a run."""

    # Reading

    @property
    def me(self) -> str:
        """The DID of this node, or empty while the engine is not there."""
        return self.status.did if self.status else ""

    @property
    def names(self) -> Mapping[str, str]:
        """Names of other nodes by their DIDs."""
        return {peer.did: peer.name for peer in self.peers}

    @property
    def runs(self) -> list[RunSummary]:
        """Runs of the open project, and those of others that still go on; newest first."""
        return sorted(
            (run for run in self._summaries.values() if self._listed(run)),
            key=lambda run: (run.started_at, run.id),
            reverse=True,
        )

    def run(self, id: str) -> RunState | None:
        """The state of a run, if it has been loaded."""
        return self._states.get(id)

    @property
    def active_runs(self) -> list[RunSummary]:
        """Runs that this engine is working on."""
        return [self._summaries[state.id] for state in self._live]

    @property
    def pending(self) -> list[Decision]:
        """Open decisions of all runs, most urgent first; held ones last."""
        of_runs = (decision for state in self._live for decision in state.decisions.values())
        found = [
            decision for decision in (*of_runs, *self._calls.values()) if decision.status is DecisionStatus.PENDING
        ]
        return sorted(
            found,
            key=lambda decision: (decision.deadline is None, decision.deadline or 0.0, decision.asked_at or 0.0),
        )

    def decision_of(self, run: str, task: TaskView) -> Decision | None:
        """The newest decision about a task."""
        state = self._states.get(run)
        return state.decisions.get(task.decision) if state else None

    def _listed(self, run: RunSummary) -> bool:
        return not self.project_root or run.project == self.project_root or not run.status.ended

    @property
    def _live(self) -> list[RunState]:
        return [state for state in self._states.values() if state.outcome is None and not state.interrupted]

    @property
    def ticking(self) -> bool:
        """Whether something on the screen changes with time alone."""
        return bool(self._live or self._calls)

    # Writing

    def reset(self, runs: Iterable[RunSummary], states: Iterable[RunState], decisions: Iterable[Decision] = ()) -> None:
        """Take the runs as an engine just listed them, the states of those that go on, and all open decisions."""
        self._calls = {decision.id: decision for decision in decisions if not decision.run}
        self._summaries = {run.id: run for run in runs}
        self._states = {}
        for state in states:
            self._put(state)

    def load_run(self, view: RunView, decisions: Iterable[Decision] = ()) -> RunState:
        """Take a run as an engine just showed it, unless newer events are already known; gives its state."""
        known = self._states.get(view.id)
        if known is not None and known.seq > view.seq:
            return known
        state = RunState.from_view(view, decisions)
        if known is not None:
            state.decisions = {**known.decisions, **state.decisions}
        self._put(state)
        return state

    def _put(self, state: RunState) -> None:
        self._states.pop(state.id, None)
        self._states[state.id] = state
        self._summarise(state)
        self._forget_states()

    def _forget_states(self) -> None:
        """Let go of what is known of the tasks of runs that ended, but for the last few."""
        ended = [id for id, state in self._states.items() if state.outcome is not None]
        for id in ended[:-KEPT_STATES]:
            del self._states[id]

    def take_decision(self, decision: Decision) -> None:
        """Take a decision as an engine answered it, ahead of the event that will say the same."""
        state = self._states.get(decision.run)
        if state is not None:
            state.decisions[decision.id] = decision
        elif not decision.run:
            self._take_call(decision)

    def _take_call(self, decision: Decision) -> None:
        """A decision about a call outside of any run: it is known while it is open."""
        self._calls.pop(decision.id, None)
        if decision.status is DecisionStatus.PENDING:
            self._calls[decision.id] = decision

    def apply(self, events: Iterable[Event]) -> Changes:
        """Fold events into what is known; gives what became different."""
        changes = Changes()
        for event in events:
            self._note(event, changes)
            changes.peer_news |= event.type in _PEER_NEWS
            changes.room |= event.type in _ROOM_NEWS
            changes.unread |= self._said_unseen(event)
            if event.type in AGENT_EVENTS:
                changes.agents.append(event)
                changes.models |= self._answered(event)
                changes.unread |= self._ended_unseen(event)
            elif event.data.get("run"):
                self._apply_to_run(event, changes)
            elif event.type in _CALL_NEWS:
                self._take_call(decode(Decision, event.data["decision"]))
                changes.decisions = True
            elif event.type in _MEMORY_NEWS:
                changes.memory = True
            elif event.type in _DAG_NEWS:
                changes.definitions = True
                if "change" in event.data:
                    changes.reloads.append(event)
        for run in changes.runs:
            if run in self._states:
                self._summarise(self._states[run])
        self._forget_states()
        return changes

    def take_earlier(self, events: Iterable[Event], until: int) -> None:
        """Take what happened up to the number `until`, which was before anything else that is known."""
        first = self.activity[0].seq if self.activity else until + 1
        earlier = [event for event in events if event.seq < first]
        room = KEPT_ACTIVITY - len(self.activity)
        self.activity.extendleft(reversed(earlier[max(0, len(earlier) - room) :]))

    def read_chat(self, id: str) -> None:
        """A conversation is looked at from now on; an empty id: none is."""
        self._chat = id
        self.unread.discard(id)

    def read_room(self, looked_at: bool) -> None:
        """The room is looked at from now on, or no more."""
        self._in_room = looked_at
        self.room_news &= not looked_at

    def _said_unseen(self, event: Event) -> bool:
        """Whether somebody else said something in the room while nobody looks."""
        data, room = event.data, self.matrix.room_id if self.matrix else ""
        if event.type != EventType.MATRIX_MESSAGE or self._in_room or data.get("own") or data.get("room") != room:
            return False
        self.room_news = True
        return True

    def _answered(self, event: Event) -> bool:
        """Whether an answer has ended otherwise than the one before, in this project."""
        status, before = event.data.get("status"), self.model_failed
        if event.type == EventType.AGENT_COMPLETED and event.data.get("project", "") == self.project_root:
            self.model_failed = status == "failed" or (before and status != "completed")
        return self.model_failed != before

    def _ended_unseen(self, event: Event) -> bool:
        """Whether an answer to a person has ended, in this project, where nobody looks."""
        data = event.data
        if event.type != EventType.AGENT_COMPLETED or data.get("run"):
            return False
        id = str(data.get("conversation", ""))
        if id == self._chat or data.get("project", "") != self.project_root:
            return False
        self.unread.add(id)
        return True

    def _note(self, event: Event, changes: Changes) -> None:
        if event.type == EventType.SKILL_OUTPUT:
            changes.calls.add(str(event.data.get("call", "")))
        elif event.type == EventType.SKILL_EXECUTED:
            changes.called.add(str(event.data.get("skill", "")))
            changes.notices += [str(event.data["notice"])] if event.data.get("notice") else []
        if event.type in QUIET:
            return
        self.activity_dropped += len(self.activity) == KEPT_ACTIVITY
        if "tasks" in event.data:
            # All tasks of a run that begins: of thousands of runs that would be gigabytes.
            event = replace(event, data={name: value for name, value in event.data.items() if name != "tasks"})
        self.activity.append(event)
        changes.activity = True

    def _apply_to_run(self, event: Event, changes: Changes) -> None:
        run, task = str(event.data["run"]), str(event.data.get("task", ""))
        state = self._states.get(run)
        if event.type == EventType.TASK_OUTPUT:
            changes.outputs.add((run, task))
            return
        if state is None and event.type == EventType.RUN_STARTED and "tasks" in event.data:
            self._states[run] = RunState.begin(event)
        elif state is None:
            changes.unknown.add(run)
        else:
            state.apply(event)
        changes.runs.add(run)
        if task:
            changes.tasks.add((run, task))
        changes.decisions |= event.type in _DECISION_NEWS

    def _summarise(self, state: RunState) -> None:
        self._summaries[state.id] = summary_of(state)
        if len(self._summaries) > KEPT_RUNS:
            oldest = min(
                (run for run in self._summaries.values() if run.status.ended),
                key=lambda run: run.started_at,
                default=None,
            )
            if oldest is not None:
                del self._summaries[oldest.id]
                self._states.pop(oldest.id, None)


AGENT_EVENTS = frozenset(
    {EventType.AGENT_STARTED, EventType.AGENT_DELTA, EventType.AGENT_STEP, EventType.AGENT_COMPLETED}
)
"""What happens in conversations."""
_CALL_NEWS = frozenset({EventType.DECISION_REQUESTED, EventType.DECISION_MADE})
_DECISION_NEWS = frozenset(
    {
        EventType.DECISION_REQUESTED,
        EventType.DECISION_MADE,
        EventType.VOTE_CAST,
        EventType.RUN_STARTED,
        EventType.RUN_COMPLETED,
        EventType.RUN_FAILED,
    }
)


def summary_of(state: RunState) -> RunSummary:
    """One line about a run."""
    statuses = [task.status for task in state.tasks.values()]
    return RunSummary(
        id=state.id,
        dag=state.dag,
        status=state.status,
        started_at=state.started_at,
        ended_at=state.ended_at,
        policy=state.policy,
        project=state.project,
        tasks_total=len(statuses),
        tasks_ended=sum(status.ended for status in statuses),
        tasks_failed=sum(status is TaskStatus.FAILED for status in statuses),
        interrupted=state.interrupted,
    )


def as_run(dag: DagInfo) -> RunState:
    """A definition in the shape of a run that has not begun, so that both are drawn alike."""
    return RunState(
        id="",
        dag=dag.name,
        started_at=Instant(0),
        policy=dag.policy,
        tasks={task.id: replace(task, status=TaskStatus.PENDING) for task in dag.tasks},
        file=dag.file,
    )
