"""Runs, tasks and decisions as every face shows them (contract, JSON shapes)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cis_tui.core.clock import Instant
from cis_tui.core.problems import Problem
from cis_tui.dag.answers import Edit, Refusal
from cis_tui.dag.model import LevelKind, Param


class RunStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    """A person paused it, or its engine ended before it did; `cis run resume` goes on."""
    WAITING = "waiting"
    """Nothing runs; a decision is awaited."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLING_BACK = "rolling_back"
    """What it did is being taken back; an engine that starts goes on with that."""
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    """Something could not be taken back; `cis run rollback` tries the rest again."""

    @property
    def ended(self) -> bool:
        return self in _ENDED_RUN


class TaskStatus(StrEnum):
    PENDING = "pending"
    READY = "ready"
    WAITING = "waiting"
    """A decision about it is open."""
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    DEBT = "debt"
    """It failed and the policy tolerates that."""
    ROLLED_BACK = "rolled_back"

    @property
    def ended(self) -> bool:
        return self in _ENDED_TASK


_ENDED_RUN = frozenset(
    {
        RunStatus.COMPLETED,
        RunStatus.FAILED,
        RunStatus.CANCELLED,
        RunStatus.ROLLED_BACK,
        RunStatus.ROLLBACK_FAILED,
    }
)
_ENDED_TASK = frozenset(
    {
        TaskStatus.COMPLETED,
        TaskStatus.FAILED,
        TaskStatus.SKIPPED,
        TaskStatus.CANCELLED,
        TaskStatus.DEBT,
        TaskStatus.ROLLED_BACK,
    }
)


class DecisionKind(StrEnum):
    RECOMMENDED = "recommended"
    CONFIRMED = "confirmed"
    ARBITRATED = "arbitrated"
    INTERRUPTED = "interrupted"
    """A task found in flight after a crash; to approve is to run it again."""


class DecisionStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"
    SUPERSEDED = "superseded"
    """The run ended or was cancelled before anybody answered."""


class Subject(StrEnum):
    """What a decision is about."""

    TASK = "task"
    """A task of a run."""
    SKILL = "skill"
    """One call of a skill outside of any run."""
    TOOL = "tool"
    """One call of a tool by an agent."""
    VOTE = "vote"
    """A task of a run on another node, in which this node's person has a seat."""


class Choice(StrEnum):
    """What a ballot says."""

    APPROVE = "approve"
    REJECT = "reject"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote of one stakeholder."""

    stakeholder: str
    choice: Choice
    voter: str
    """DID of who voted."""
    at: Instant
    reason: str = ""
    signature: str = ""
    """Ed25519 over the canonical ballot, hexadecimal."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a decision of another node is there."""

    id: str
    run: str
    name: str = ""
    """What that node is called here."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A question to a person."""

    id: str
    run: str
    """Empty when it is not about a task."""
    task: str
    """The id of the task, or the name of the skill or tool."""
    kind: DecisionKind
    prompt: str
    """What will run, rendered, in clean text."""
    deadline: Instant | None
    """When it closes by itself; None while the countdown is held."""
    default: str
    """What happens at the deadline: execute, skip, abort or reject."""
    status: DecisionStatus = DecisionStatus.PENDING
    ballots: tuple[Ballot, ...] = ()
    stakeholders: tuple[str, ...] = ()
    seats: tuple[str, ...] = ()
    """Stakeholders for whom this engine's owner may vote."""
    quorum: int = 0
    threshold: float = 0.0
    remaining: float | None = None
    """Seconds left on a held countdown."""
    timeout: float | None = None
    """Seconds that it was opened for."""
    asked_at: Instant | None = None
    decided_at: Instant | None = None
    by: str = ""
    """DID of who decided, or `deadline`, `--yes`, `rule of d12`."""
    reason: str = ""
    dag: str = ""
    subject: Subject = Subject.TASK
    project: str = ""
    """The project's folder, when it is not about a task."""
    call: str = ""
    """The name of the call, when it is not about a task."""
    refusal: Refusal | None = None
    """Which kind of no it was."""
    edit: Edit | None = None
    """What was changed before it was approved: this is what runs."""
    digest: str = ""
    """SHA-256 of what would run as it is shown, which ballots sign; hexadecimal."""
    alike: str = ""
    """What a yes to all alike would cover, in words; empty when there can be none."""
    rules: bool = False
    """The yes is one to all alike in this run."""
    always: tuple[str, ...] = ()
    """Of a call: patterns that would let such calls run unasked for good; the narrowest first."""
    asker: str = ""
    """DID of the node that asks for votes, or that wants a task to be run here; else empty."""
    holders: Mapping[str, str] = field(default_factory=dict[str, str])
    """Stakeholder to the DID that votes for it: the electorate, fixed when it is asked."""
    origin: Origin | None = None
    """Of a vote that another node asks for: that one counts, and decides."""

    @property
    def answers_alone(self) -> bool:
        """Whether one person decides it."""
        return self.kind is not DecisionKind.ARBITRATED


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt of a task that was not its last."""

    number: int
    started_at: Instant
    ended_at: Instant | None = None
    """None: nobody saw its end."""
    exit_code: int | None = None
    error: str = ""
    executor: str = ""
    """As in `TaskView`, and so is `worker`."""
    worker: str = ""


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task of a run."""

    id: str
    status: TaskStatus
    level: LevelKind
    attempts: int = 0
    started_at: Instant | None = None
    ended_at: Instant | None = None
    exit_code: int | None = None
    output: str = ""
    """The end of what it printed, at most 64 kB; `cis run logs` has all."""
    masked: bool = False
    """`output` lacks secrets that it had."""
    error: str = ""
    name: str = ""
    deps: tuple[str, ...] = ()
    on_failure: str = ""
    """The task that runs only after a failure of this one."""
    parent: str = ""
    """The task that stands for this one and others."""
    decision: str = ""
    """Id of its newest decision."""
    retry_at: Instant | None = None
    """When the next attempt starts, after a failed one."""
    settled: str = ""
    """Why its debt is one no longer."""
    command: str = ""
    """What runs: as written in the file before the first attempt, as rendered from then on."""
    attempt_at: Instant | None = None
    """When the newest attempt began."""
    tried: tuple[Attempt, ...] = ()
    """The attempts before the newest one, the latest of them."""
    taken: str = ""
    """The run from which its result was taken over."""
    executor: str = ""
    """What carried out its newest attempt; empty for the engine itself."""
    worker: str = ""
    """The name of the machine or process that did; empty for the engine's own."""


class UndoKind(StrEnum):
    COMMAND = "command"
    """A step of a task's `rollback`."""
    FILE = "file"
    """A path of a task's `creates`."""
    MEMORY = "memory"
    """An entry that the run wrote."""


NO_STEPS = "it has no rollback steps and no files of creates"
"""Why nothing of a task alone is taken back."""


class UndoStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    RESTORED = "restored"
    CONFLICT = "conflict"
    """Somebody else has changed it since: theirs is kept."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Somebody has left it out."""

    @property
    def ended(self) -> bool:
        return self not in (UndoStatus.PENDING, UndoStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class UndoItem:
    """One thing that a rollback takes back."""

    kind: UndoKind
    id: str
    """Task and number of a step; path of a file; key of a public entry, a number for a private one."""
    status: UndoStatus = UndoStatus.PENDING
    task: str = ""
    attempts: int = 0
    command: str = ""
    """What a step runs: as written in the file before its first attempt, as rendered from then on."""
    detail: str = ""
    """What stood in the way."""
    started_at: Instant | None = None
    ended_at: Instant | None = None

    @property
    def key(self) -> tuple[UndoKind, str]:
        return (self.kind, self.id)


@dataclass(frozen=True, slots=True)
class RunView:
    """One run of a DAG."""

    id: str
    dag: str
    status: RunStatus
    started_at: Instant
    ended_at: Instant | None
    policy: str
    tasks: tuple[TaskView, ...]
    project: str = ""
    """The project's folder."""
    file: str = ""
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    error: str = ""
    seq: int = 0
    """The last event that this view includes."""
    undo: tuple[UndoItem, ...] = ()
    """What a rollback took back, or has to."""
    rerun_of: str = ""
    """The run of which this one takes over results."""
    paused_by: str = ""
    """DID of who paused it."""
    paused_at: Instant | None = None
    interrupted: bool = False
    """Its engine ended before it did: nothing of it goes on, paused or not."""
    executor: str = "local"
    """What its tasks are carried out by, as `--executor` has it."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of the list of runs."""

    id: str
    dag: str
    status: RunStatus
    started_at: Instant
    ended_at: Instant | None
    policy: str
    project: str
    tasks_total: int
    tasks_ended: int
    tasks_failed: int
    interrupted: bool = False
    """Its engine ended before it did."""


@dataclass(frozen=True, slots=True)
class Debt:
    """A failure that the policy of a run tolerated, and that somebody is to settle."""

    run: str
    task: str
    dag: str
    project: str
    at: Instant
    error: str
    exit_code: int | None = None
    settled_at: Instant | None = None
    by: str = ""
    """DID of who settled it."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What was removed of runs that are over."""

    runs: tuple[str, ...]
    """The oldest first."""
    kept: tuple[str, ...]
    """Old ones that stay, since something is open about them."""
    bytes: int
    """Of logs, before-images and the journal; before they are removed, without what the journal has of them."""
    dry_run: bool = False
    """Nothing was removed yet."""


@dataclass(frozen=True, slots=True)
class DagInfo:
    """A DAG definition as it lies in a file."""

    name: str
    file: str
    description: str
    tasks: tuple[TaskView, ...]
    """As they would be before a run: all pending."""
    policy: str
    trusted: bool
    problems: tuple[Problem, ...]
    params: tuple[Param, ...] = ()

    @property
    def runnable(self) -> bool:
        return not any(problem.severity == "error" for problem in self.problems)


@dataclass(frozen=True, slots=True)
class LogChunk:
    """A part of the output of one attempt of a task."""

    text: str
    offset: int
    """Byte where the next chunk starts."""
    attempt: int
    ended: bool
    """No more will come for this attempt."""


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """What a run would do about one task."""

    id: str
    name: str
    level: LevelKind
    command: str
    """Rendered, as far as it is known before the run."""
    deps: tuple[str, ...] = ()
    parent: str = ""
    """The task that stands for this one."""
    condition: str = ""
    on_failure: str = ""
    after_failure_of: tuple[str, ...] = ()
    """It runs only if one of these failed."""
    dag: str = ""
    """The DAG for which it stands."""
    for_each: str = ""
    """The list, as it is written, or its first items if it is known."""
    items: int | None = None
    """How many, if that is known."""
    seconds: float | None = None
    """How long it took in earlier runs, the median; None if it never completed."""
    target_node: str = ""
    """The label of the machine on which it is to run."""


@dataclass(frozen=True, slots=True)
class DagPlan:
    """What a run would do, without doing it."""

    dag: str
    levels: tuple[tuple[str, ...], ...]
    """Task ids, grouped by the longest path from the start."""
    commands: Mapping[str, str]
    """Task id to the command or skill call, rendered as far as it can be before the run."""
    params: Mapping[str, object]
    tasks: tuple[PlannedTask, ...] = ()
    """All tasks that are known before the run, each before those for which it stands."""
    seconds: float | None = None
    """Of the longest way through the tasks, by earlier runs, without the time in which people are waited for."""
    unknown: int = 0
    """Tasks of the DAG of which no earlier run knows how long they take."""
    executor: str = ""
    """What was asked for."""
    warnings: tuple[str, ...] = ()
    """Why that would refuse the run, now."""
