"""Domain events: what happened, in order, for every face that cares."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from threading import Lock

from cis_tui.core.clock import Instant


class EventType(StrEnum):
    """Names of the events (spec, "Emit Event" of every flow; contract, JSON shapes)."""

    MEMORY_SET = "MemorySet"
    MEMORY_ACCESS = "MemoryAccess"
    MEMORY_DELETED = "MemoryDeleted"
    MEMORY_MERGED = "MemoryMerged"
    WEEK_ARCHIVED = "WeekArchived"
    MEMORY_LOCKED = "MemoryLocked"
    MEMORY_UNLOCKED = "MemoryUnlocked"
    MEMORY_REKEYED = "MemoryRekeyed"
    DAG_LOADED = "DagLoaded"
    RUN_STARTED = "RunStarted"
    RUN_PAUSED = "RunPaused"
    RUN_RESUMED = "RunResumed"
    TASK_READY = "TaskReady"
    TASK_EXPANDED = "TaskExpanded"
    TASK_TAKEN = "TaskTaken"
    TASK_STARTED = "TaskStarted"
    TASK_OUTPUT = "TaskOutput"
    TASK_COMPLETED = "TaskCompleted"
    TASK_FAILED = "TaskFailed"
    TASK_RETRIED = "TaskRetried"
    TASK_SKIPPED = "TaskSkipped"
    DEBT_SETTLED = "DebtSettled"
    DECISION_REQUESTED = "DecisionRequested"
    DECISION_MADE = "DecisionMade"
    VOTE_CAST = "VoteCast"
    RULE_MADE = "RuleMade"
    RULE_WITHDRAWN = "RuleWithdrawn"
    ROLLBACK_STARTED = "RollbackStarted"
    UNDO_PLANNED = "UndoPlanned"
    UNDO_STARTED = "UndoStarted"
    UNDO_ENDED = "UndoEnded"
    TASK_ROLLED_BACK = "TaskRolledBack"
    RUN_COMPLETED = "RunCompleted"
    RUN_FAILED = "RunFailed"
    SKILL_LOADED = "SkillLoaded"
    SKILL_OUTPUT = "SkillOutput"
    SKILL_EXECUTED = "SkillExecuted"
    AGENT_STARTED = "AgentStarted"
    AGENT_DELTA = "AgentDelta"
    AGENT_STEP = "AgentStep"
    AGENT_COMPLETED = "AgentCompleted"
    NODE_CHANGED = "NodeChanged"
    """`state`: starting, live or failed, with `problem`."""
    PEER_DISCOVERED = "PeerDiscovered"
    """`peer` (a DID, as in all of these), `name`, `via`."""
    PEER_CONNECTED = "PeerConnected"
    """`peer`, `name`, `transport`, `addr`."""
    PEER_DISCONNECTED = "PeerDisconnected"
    """`peer`, `name`, `reason`."""
    PEER_REFUSED = "PeerRefused"
    """`peer` if it proved its key, `name`, `reason`, `addr`."""
    PEER_CHANGED = "PeerChanged"
    """`peer`, `name`, `change`: pending, added, allowed, denied, forgotten, renamed or shared."""
    PAIRING_ENDED = "PairingEnded"
    """`peer` and `name` once paired, `change`: paired, expired, spent or cancelled."""
    SYNC_QUEUED = "SyncQueued"
    """`key`, `version`, `peers`: DIDs that have to acknowledge it."""
    SYNC_ACKED = "SyncAcked"
    """`peer`, `name`, `pending`: changes that it still has to acknowledge."""
    MATRIX_CONNECTED = "MatrixConnected"
    """`state` (off, connecting, online, retrying, auth-failed), `problem`, `user`, `room`; `retry_in` in seconds."""
    MATRIX_MESSAGE = "MatrixMessage"
    """`room`, `event`, `sender`, `own`, `text`: somebody has said something to people."""
    MATRIX_CHANGED = "MatrixChanged"
    """`change`: rejected, sent, failed or members; the status has more."""
    PROJECT_OPENED = "ProjectOpened"
    PROJECT_RELOADED = "ProjectReloaded"
    ERROR = "Error"


QUIET = frozenset(
    {
        EventType.TASK_OUTPUT,
        EventType.SKILL_OUTPUT,
        EventType.TASK_READY,
        EventType.AGENT_DELTA,
        EventType.AGENT_STEP,
        EventType.MATRIX_CHANGED,
    }
)
"""Events that are no news to a person."""
LOSSY = frozenset({EventType.TASK_OUTPUT, EventType.SKILL_OUTPUT, EventType.AGENT_DELTA, EventType.MEMORY_ACCESS})
"""Events that a slow reader may miss; all others are delivered or the reader is told to start again."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    seq: int
    """Position in the order of all events of this home; grows, with gaps."""
    at: Instant
    type: str
    data: Mapping[str, object] = field(default_factory=dict[str, object])
    """Plain data; objects are named by the fields `run`, `task`, `key`, `skill`, `peer`."""


class EventBus:
    """Hands events to subscribers in order and keeps the latest ones for those who come late.

    `publish` may be called from any thread; subscribers are called on the publisher's thread and must return at once.
    """

    def __init__(self, *, keep: int = 10_000) -> None:
        self.began_after = 0
        """The number of the last event before the first that will be published here."""
        self._recent: deque[Event] = deque(maxlen=keep)
        self._subscribers: list[Callable[[Event], None]] = []
        self._lock = Lock()

    def publish(self, events: Iterable[Event]) -> None:
        """Keep events, which come in the order of their numbers, and give each to every subscriber."""
        with self._lock:
            for event in events:
                self._recent.append(event)
                for subscriber in self._subscribers:
                    subscriber(event)

    @property
    def kept_since(self) -> int:
        """The number before the oldest event that is still kept."""
        with self._lock:
            return self._recent[0].seq - 1 if self._recent else self.began_after

    def latest(self, limit: int) -> list[Event]:
        """The last `limit` kept events that are news to a person, oldest first."""
        with self._lock:
            news = (event for event in reversed(self._recent) if event.type not in QUIET)
            return list(islice(news, limit))[::-1]

    def subscribe(self, subscriber: Callable[[Event], None], *, since: int | None = None) -> Callable[[], None]:
        """Call `subscriber` for every coming event, after the kept ones with a greater number than `since`.

        Returns:
            A function that ends the subscription.
        """
        with self._lock:
            if since is not None:
                for event in self._recent:
                    if event.seq > since:
                        subscriber(event)
            self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            with self._lock:
                if subscriber in self._subscribers:
                    self._subscribers.remove(subscriber)

        return unsubscribe
