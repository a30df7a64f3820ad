"""How a followed run is told: its lines, its summary, the exit code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Exit
from cis_tui.core.events import Event, EventType
from cis_tui.dag.answers import Refusal
from cis_tui.dag.state import RunState
from cis_tui.dag.views import NO_STEPS, DecisionStatus, RunStatus, RunView, TaskStatus, TaskView, UndoItem, UndoKind

UNDO_HEAD = ("STATUS", "KIND", "WHAT", "")
_NO = (DecisionStatus.REJECTED, DecisionStatus.TIMED_OUT)


def exit_code(state: RunState) -> Exit:
    """What the command that followed the run to its end, or to the end of its engine, gives back."""
    if state.status is RunStatus.COMPLETED:
        return Exit.DONE
    if state.status is RunStatus.FAILED and _only_refused(state):
        return Exit.REFUSED
    aborted = any(decision.refusal is Refusal.ABORT for decision in state.decisions.values())
    if state.status is RunStatus.CANCELLED and aborted:
        return Exit.REFUSED
    return Exit.FAILED


def _only_refused(state: RunState) -> bool:
    """Whether the run failed for no other reason than that somebody, or a deadline, said no."""
    stand = {task.parent for task in state.tasks.values()}
    failed = [task for task in state.tasks.values() if task.status is TaskStatus.FAILED and task.id not in stand]
    refused = {decision.id for decision in state.decisions.values() if decision.status in _NO}
    return bool(failed) and all(task.decision in refused for task in failed)


def progress_line(event: Event, state: RunState) -> str:
    """What `event` tells about a task, after `state` has taken it; empty when it is not worth a line."""
    task = state.tasks.get(str(event.data.get("task", "")))
    if task is None:
        return ""
    match event.type:
        case EventType.TASK_STARTED:
            return ("started" if task.attempts <= 1 else f"started, attempt {task.attempts}") + _at(task)
        case EventType.TASK_EXPANDED:
            return f"stands for {number_of_tasks(sum(other.parent == task.id for other in state.tasks.values()))}"
        case EventType.TASK_ROLLED_BACK:
            return task.status.value if state.undo.of(task.id) else f"{task.status}: {NO_STEPS}"
        case EventType.TASK_COMPLETED:
            return f"completed{_took(task)}"
        case EventType.TASK_RETRIED:
            return f"failed: {reason(task.error)}; again in {seconds(float(str(event.data.get('delay', 0))))}"
        case EventType.TASK_FAILED | EventType.TASK_SKIPPED:
            return f"{task.status}: {reason(task.error)}" if task.error else task.status.value
        case EventType.DECISION_MADE:
            return _decided(state, task)
        case EventType.VOTE_CAST:
            return _voted(state, task)
        case _:
            return ""


def run_line(event: Event, run: str) -> str:
    """What the event of a pause, or of its end, tells."""
    by = short_name(str(event.data.get("by", "")))
    if event.type == EventType.RUN_PAUSED:
        return f"run {run} paused by {by}; what runs goes on to its end. cis run resume {run} goes on"
    return f"run {run} goes on, resumed by {by}"


def summary_line(view: RunView) -> str:
    """How the run ended, with the number of tasks by status."""
    counts = Counter(task.status.value for task in view.tasks)
    took = f" after {seconds(view.ended_at - view.started_at)}" if view.ended_at is not None else ""
    why = f" ({reason(view.error)})" if view.error else ""
    tasks = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    return f"run {view.id} {view.status}{took}{why}: {tasks}"


def why_paused(view: RunView) -> str:
    """Why nothing of a run starts, and what to do next; empty for one that is not paused."""
    if view.status is not RunStatus.PAUSED:
        return ""
    stand = {task.parent for task in view.tasks}
    running = sum(task.status is TaskStatus.RUNNING and task.id not in stand for task in view.tasks)
    told: list[str] = []
    if view.paused_by:
        told.append(f"by {short_name(view.paused_by)} at {moment(view.paused_at)} UTC")
    if view.interrupted:
        told.append(
            "its engine ended before it did" + (f", with {number_of_tasks(running)} in flight" if running else "")
        )
    elif running:
        told.append(f"{number_of_tasks(running)} still {'runs' if running == 1 else 'run'} to the end")
    return f"{'; '.join(told)}. cis run resume {view.id} goes on, cis run cancel {view.id} ends it"


def number_of_tasks(number: int) -> str:
    """`1 task`, `2 tasks`."""
    return "1 task" if number == 1 else f"{number} tasks"


def undo_rows(items: Iterable[UndoItem]) -> list[tuple[str, str, str, str]]:
    """What a rollback took back, or could not, for a table; steps by what they run."""
    return [
        (item.status.value, item.kind.value, item.command if item.kind is UndoKind.COMMAND else item.id, item.detail)
        for item in items
    ]


def seconds(length: float) -> str:
    """A length of time for people, such as `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if length < 10:
        return f"{max(length, 0):.1f} s"
    minutes, rest = divmod(round(length), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def moment(at: Instant | None) -> str:
    """A moment in UTC to the second, for tables; empty for none."""
    return at.iso()[:19].replace("T", " ") if at is not None else ""


def short_name(by: str) -> str:
    """Who acted, a DID cut to its last letters."""
    return f"…{by[-8:]}" if by.startswith("did:") else by


def reason(error: str) -> str:
    """Why something ended as it did, with DIDs cut to their last letters."""
    return re.sub(r"did:key:\w+", lambda found: short_name(found[0]), error)


def _at(task: TaskView) -> str:
    return f" on {task.worker}" if task.worker else ""


def _took(task: TaskView) -> str:
    if task.started_at is None or task.ended_at is None:
        return ""
    return f" in {seconds(task.ended_at - task.started_at)}"


def _decided(state: RunState, task: TaskView) -> str:
    decision = state.decisions.get(task.decision)
    if decision is None:
        return ""
    by = f" by {short_name(decision.by)}" if decision.by else ""
    given = f": {decision.reason}" if decision.reason else ""
    aborts = ", aborting the run" if decision.refusal is Refusal.ABORT else ""
    edited = ", edited" if decision.edit else ""
    return f"{decision.status}{edited}{by}{aborts}{given}"


def _voted(state: RunState, task: TaskView) -> str:
    decision = state.decisions.get(task.decision)
    if decision is None or not decision.ballots:
        return ""
    ballot = decision.ballots[-1]
    return f"{ballot.stakeholder} votes {ballot.choice}"
