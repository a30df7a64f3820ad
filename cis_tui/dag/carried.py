"""What a run that is resumed knows from before: read off its state, which is read off its events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from cis_tui.core.clock import Instant
from cis_tui.core.events import EventType
from cis_tui.dag.journal import Change
from cis_tui.dag.state import RunState
from cis_tui.dag.verdicts import decision_data, supersede
from cis_tui.dag.views import Decision, DecisionKind, DecisionStatus, TaskStatus, TaskView

_NOT_WELL = (TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.SKIPPED)
_UNANSWERED = (DecisionStatus.PENDING, DecisionStatus.SUPERSEDED)


@dataclass(frozen=True, slots=True)
class Carried:
    """The part of a run that lies behind it."""

    ended: Mapping[str, TaskStatus] = field(default_factory=dict[str, TaskStatus])
    facts: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """What templates see of the tasks that have ended."""
    attempts: Mapping[str, int] = field(default_factory=dict[str, int])
    """How often each task was tried; the next attempt takes the next number."""
    interrupted: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tasks that were in flight when the engine ended, each with what is known about it."""
    rerun: bool = False
    """Those run again without a question."""
    answered: Mapping[str, Decision] = field(default_factory=dict[str, Decision])
    """Tasks about which was decided and that had not ended: nobody is asked twice."""


def again(state: RunState) -> tuple[str, ...]:
    """The tasks that begin anew when `state` is resumed: of a run that has ended, all that did not end well.

    What ran because one of them failed is as if it had not run: if it fails again, it is needed again.
    """
    if state.outcome is None:
        return ()
    after: dict[str, list[str]] = {}
    for task in state.tasks.values():
        for dep in task.deps:
            after.setdefault(dep, []).append(task.id)
    open = [id for id, task in state.tasks.items() if task.status in _NOT_WELL]
    redo = set(open)
    while open:
        task = state.tasks[open.pop()]
        fresh = {*after.get(task.id, ()), task.on_failure} & state.tasks.keys() - redo
        redo |= fresh
        open += fresh
    return tuple(id for id in state.tasks if id in redo)


def superseded(state: RunState, now: Instant) -> list[Change]:
    """The events that close the decisions which nobody answered before the engine ended."""
    return [
        (EventType.DECISION_MADE, decision_data(supersede(decision, now)))
        for decision in state.decisions.values()
        if decision.status is DecisionStatus.PENDING
    ]


def carry(
    state: RunState, anew: Iterable[str] = (), *, last_words: Callable[[TaskView], str] = lambda task: ""
) -> Carried:
    """What `state` leaves to the runner, where the tasks `anew` begin from nothing.

    `last_words` gives the end of what the newest attempt of a task printed.
    """
    fresh = set(anew)
    kept = [task for task in state.tasks.values() if task.id not in fresh]
    ended = [task for task in kept if task.status.ended]
    interrupted = [task for task in kept if _in_flight(task, state)]
    return Carried(
        ended={task.id: task.status for task in ended},
        facts={
            task.id: {
                "status": task.status.value,
                "output": task.output,
                "exit_code": task.exit_code,
                "error": task.error,
            }
            for task in ended
        },
        attempts={task.id: task.attempts for task in state.tasks.values() if task.attempts},
        interrupted={task.id: _story(task, last_words(task)) for task in interrupted},
        answered={
            task.id: state.decisions[task.decision]
            for task in kept
            if task.status in (TaskStatus.READY, TaskStatus.RUNNING)
            and task.decision in state.decisions
            and state.decisions[task.decision].status not in _UNANSWERED
        },
    )


def _in_flight(task: TaskView, state: RunState) -> bool:
    """Whether an attempt had begun whose end nobody saw, and nobody has allowed another one since."""
    if task.status is TaskStatus.RUNNING:
        return True
    decision = state.decisions.get(task.decision)
    return (
        task.status in (TaskStatus.WAITING, TaskStatus.READY)
        and decision is not None
        and decision.kind is DecisionKind.INTERRUPTED
        and decision.status in _UNANSWERED
    )


def _story(task: TaskView, last_words: str) -> str:
    since = f", which had begun at {task.started_at.iso()}" if task.started_at else ""
    story = f'Attempt {task.attempts} of "{task.id}"{since}, was under way when the engine ended; nobody saw its end.'
    return f"{story}\nThe last that it printed:\n{last_words}" if last_words else story
