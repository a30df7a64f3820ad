"""States, times and places in the words and marks of the workspace."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from cis_tui.core.clock import Instant
from cis_tui.core.errors import CisError
from cis_tui.core.text import count as count
from cis_tui.dag.model import LevelKind
from cis_tui.dag.views import Decision, DecisionKind, DecisionStatus, RunStatus, TaskStatus, TaskView
from cis_tui.tui.paint import Tone
from cis_tui.tui.writers import node_name

TASK_MARKS: Mapping[TaskStatus, tuple[str, str, Tone]] = {
    TaskStatus.PENDING: ("○", "pending", Tone.DIM),
    TaskStatus.READY: ("◌", "ready", Tone.PLAIN),
    TaskStatus.WAITING: ("?", "asks you", Tone.ASK),
    TaskStatus.RUNNING: ("▶", "running", Tone.LIVE),
    TaskStatus.COMPLETED: ("✓", "done", Tone.GOOD),
    TaskStatus.FAILED: ("✗", "failed", Tone.BAD),
    TaskStatus.SKIPPED: ("⊘", "skipped", Tone.DIM),
    TaskStatus.CANCELLED: ("■", "cancelled", Tone.DIM),
    TaskStatus.DEBT: ("△", "debt", Tone.BAD),
    TaskStatus.ROLLED_BACK: ("↺", "undone", Tone.DIM),
}
"""Mark, word and tone of each state of a task."""

RUN_MARKS: Mapping[RunStatus, tuple[str, str, Tone]] = {
    RunStatus.PENDING: ("○", "pending", Tone.DIM),
    RunStatus.RUNNING: ("▶", "running", Tone.LIVE),
    RunStatus.PAUSED: ("‖", "paused", Tone.ASK),
    RunStatus.WAITING: ("?", "asks you", Tone.ASK),
    RunStatus.COMPLETED: ("✓", "done", Tone.GOOD),
    RunStatus.FAILED: ("✗", "failed", Tone.BAD),
    RunStatus.CANCELLED: ("■", "cancelled", Tone.DIM),
    RunStatus.ROLLING_BACK: ("↺", "undoing", Tone.LIVE),
    RunStatus.ROLLED_BACK: ("↺", "undone", Tone.DIM),
    RunStatus.ROLLBACK_FAILED: ("✗", "not undone", Tone.BAD),
}
"""Mark, word and tone of each state of a run."""

LEVEL_MARKS: Mapping[LevelKind, tuple[str, str]] = {
    LevelKind.MECHANICAL: (" ", ""),
    LevelKind.RECOMMENDED: ("r", "recommended"),
    LevelKind.CONFIRMED: ("c", "confirmed"),
    LevelKind.ARBITRATED: ("v", "by vote"),
}
"""Letter and word of each decision level."""

ANSWERS: Mapping[DecisionStatus, str] = {
    DecisionStatus.APPROVED: "approved",
    DecisionStatus.REJECTED: "rejected",
    DecisionStatus.SKIPPED: "skipped",
    DecisionStatus.TIMED_OUT: "timed out",
    DecisionStatus.SUPERSEDED: "no longer asked",
}
"""How a decision ended."""


def asker(decision: Decision) -> str:
    """The other node that asks, to be read before what it asks; empty when this one does."""
    if decision.origin is None and (not decision.asker or decision.kind is DecisionKind.ARBITRATED):
        return ""
    name = decision.origin.name if decision.origin else ""
    return f"{node_name(decision.asker, {decision.asker: name})}: "


def question(decision: Decision) -> str:
    """What a decision wants, to be read after the task's name."""
    match decision.kind:
        case DecisionKind.RECOMMENDED:
            return _AT_DEADLINE.get(decision.default, "asks for approval")
        case DecisionKind.CONFIRMED:
            return "asks for approval"
        case DecisionKind.ARBITRATED:
            return "asks for votes"
        case DecisionKind.INTERRUPTED:
            return "was interrupted: run it again?"


_AT_DEADLINE: Mapping[str, str] = {
    "execute": "goes ahead unless stopped",
    "skip": "is skipped unless approved",
    "abort": "ends the run unless approved",
}


def span(seconds: float) -> str:
    """A length of time in at most six characters, such as `0.4s`, `12s`, `4:05`, `3h07m`, `12d`."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    if whole < 100 * 3600:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d"


def seconds_left(decision: Decision, now: Instant) -> float | None:
    """Seconds until the decision closes by itself; None when its countdown is held."""
    return None if decision.deadline is None else max(0.0, decision.deadline - now)


def countdown(decision: Decision, now: Instant) -> str:
    """The time left, whole seconds, such as `24s`, `4:05`, or `held 3s`."""
    left = seconds_left(decision, now)
    if left is None:
        return f"held {math.ceil(decision.remaining)}s" if decision.remaining is not None else "held"
    return _whole(math.ceil(left))


def time_left(decision: Decision, now: Instant) -> str:
    """As `countdown`, but in whole minutes while there are two or more: beside the question itself that is enough.

    What changes every second is sent over the line every second, once for each place where it stands.
    """
    left = seconds_left(decision, now)
    return f"{int(left // 60)}m" if left is not None and 120 <= left < 3600 else countdown(decision, now)


def _whole(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"


def elapsed(task: TaskView, now: Instant) -> str:
    """How long a task has been, or was, at work; empty before it starts."""
    if task.started_at is None:
        return ""
    return span((task.ended_at or now) - task.started_at)


def clock_time(moment: Instant) -> str:
    """`moment` as `23:12:10`, UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S")


def calendar_time(moment: Instant) -> str:
    """`moment` as `2026-11-23 23:12:10`, UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


def when(moment: Instant, now: Instant) -> str:
    """`moment` in five characters: `23:12` on the day of `now`, else `11-23`; UTC."""
    then = datetime.fromtimestamp(moment, UTC)
    today = datetime.fromtimestamp(now, UTC).date()
    return then.strftime("%H:%M" if then.date() == today else "%m-%d")


def size(number: int) -> str:
    """Bytes in the unit in which they are few, such as `4 KB`."""
    for unit in ("bytes", "KB", "MB"):
        if number < 1024:
            return f"{number} {unit}"
        number //= 1024
    return f"{number} GB"


def text_of(error: CisError | OSError) -> str:
    """What failed."""
    return error.message if isinstance(error, CisError) else str(error)


def hint_of(error: CisError | OSError, keys: Callable[[str], str]) -> str:
    """The next step after a failure, as it is taken in the workspace; `keys` names the key of an action."""
    from cis_tui.memory.records import LOCKED

    if isinstance(error, CisError):
        return f"{keys('memory.lock')} on the memory screen unlocks it" if error.code == LOCKED else error.hint
    return ""


def place(path: str, root: str = "") -> str:
    """A path as short as it can be told: from the project's folder `root`, or from the person's home as `~`."""
    for folder, sign in ((root, ""), (os.path.expanduser("~"), "~/")):
        if folder and path == folder:
            return sign.rstrip("/") or "."
        if folder and path.startswith(folder.rstrip("/") + "/"):
            return sign + path[len(folder.rstrip("/")) + 1 :]
    return path
