"""What a run that is resumed knows from before: read off its state, which is read off its events."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Refused
from cis_tui.core.events import EventType
from cis_tui.dag.answers import Edit
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
    expansions: Mapping[str, tuple[object, ...] | None] = field(default_factory=dict[str, tuple[object, ...] | None])
    """Tasks that stand for others, which go on; what they stand for, see `RunState.expansions`."""
    attempts: Mapping[str, int] = field(default_factory=dict[str, int])
    """How often each task was tried; the next attempt takes the next number."""
    interrupted: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tasks that were in flight when the engine ended, each with what is known about it."""
    rerun: bool = False
    """Those run again without a question."""
    kept: frozenset[str] = frozenset()
    """Paths whose before-image was taken."""
    worked: float = 0.0
    """Seconds for which the run was worked on; its time limits go on from there."""
    began: Mapping[str, float] = field(default_factory=dict[str, float])
    """When each task began, in these seconds."""
    answered: Mapping[str, Decision] = field(default_factory=dict[str, Decision])
    """Tasks about which was decided and that had not ended: nobody is asked twice."""
    edits: Mapping[str, Edit] = field(default_factory=dict[str, Edit])
    """What was changed of tasks that go on before they were approved."""


def again(state: RunState) -> tuple[str, ...]:
    """The tasks that begin anew when `state` is resumed: of a run that has ended, all that did not end well.

    What ran because one of them failed is as if it had not run: if it fails again, it is needed again. Of a task that
    stands for others and did not end well, those that did are kept.
    """
    if state.outcome is None:
        return ()
    inside: dict[str, list[TaskView]] = {}
    for task in state.tasks.values():
        inside.setdefault(task.parent, []).append(task)
    redo: set[str] = set()
    open = [""]
    while open:
        fresh = _redone(inside.get(open.pop(), ()))
        redo |= fresh
        open += [id for id in fresh if state.tasks[id].status is not TaskStatus.COMPLETED]
    return tuple(id for id in state.tasks if id in redo)


def _redone(tasks: Sequence[TaskView]) -> set[str]:
    """Of tasks that are scheduled together, those that did not end well, and what ran because of them."""
    known = {task.id: task for task in tasks}
    after: dict[str, list[str]] = {}
    for task in tasks:
        for dep in task.deps:
            after.setdefault(dep, []).append(task.id)
    open = [task.id for task in tasks if task.status in _NOT_WELL]
    redo = set(open)
    while open:
        task = known[open.pop()]
        fresh = {*after.get(task.id, ()), task.on_failure} & known.keys() - redo
        redo |= fresh
        open += fresh
    return redo


def dropped(state: RunState, anew: Iterable[str]) -> tuple[str, ...]:
    """The tasks that are no more when `anew` begin anew: those for which one stood that had completed."""
    lost = {id for id in anew if state.tasks[id].status is TaskStatus.COMPLETED}
    gone: list[str] = []
    for task in state.tasks.values():  # a task stands before those for which it stands
        if task.parent in lost:
            lost.add(task.id)
            gone.append(task.id)
    return tuple(gone)


def superseded(state: RunState, now: Instant, tasks: Container[str] | None = None) -> list[Change]:
    """The events that close the decisions, or those about `tasks`, which nobody answered before the engine ended."""
    return [
        (EventType.DECISION_MADE, decision_data(supersede(decision, now)))
        for decision in state.decisions.values()
        if decision.status is DecisionStatus.PENDING and (tasks is None or decision.task in tasks)
    ]


def ended_at_rest(state: RunState, now: Instant, reason: str, task: str = "") -> list[Change]:
    """The events that cancel what had no end when the engine of the run did: all, or `task` with what it stands for.

    Raises:
        Refused: `task` has ended (CIS-DAG-181).
    """
    chosen = {id for id in state.tasks if not task or task in _line(state, id)}
    if task and state.tasks[task].status.ended:
        raise Refused("CIS-DAG-181", f'the task "{task}" is already {state.tasks[task].status}')
    ends = [
        (EventType.TASK_SKIPPED, {"run": state.id, "task": id, "reason": reason, "cancelled": True})
        for id in state.tasks
        if id in chosen and not state.tasks[id].status.ended
    ]
    return [*superseded(state, now, chosen), *ends]


def _line(state: RunState, id: str) -> Iterator[str]:
    """A task, and those that stand for it."""
    while id in state.tasks:
        yield id
        id = state.tasks[id].parent


def carry(
    state: RunState, anew: Iterable[str] = (), *, last_words: Callable[[TaskView], str] = lambda task: ""
) -> Carried:
    """What `state` leaves to the runner, where the tasks `anew` begin from nothing.

    `last_words` gives the end of what the newest attempt of a task printed.
    """
    anew = tuple(anew)
    fresh = {*anew, *dropped(state, anew)}
    kept = [task for task in state.tasks.values() if task.id not in fresh]
    ended = [task for task in kept if task.status.ended]
    interrupted = [task for task in kept if _in_flight(task, state)]
    return Carried(
        ended={task.id: task.status for task in ended},
        facts={task.id: fact_of(task) for task in ended},
        expansions=_expansions(state, fresh),
        attempts={task.id: task.attempts for task in state.tasks.values() if task.attempts},
        kept=frozenset(state.undo.files),
        worked=0.0 if state.outcome else state.worked.seconds,
        began={} if state.outcome else state.worked.began,
        edits=_edits(state, (*(task.id for task in kept if not task.status.ended), *_expansions(state, fresh))),
        interrupted={task.id: _story(task, last_words(task)) for task in interrupted},
        answered={
            task.id: state.decisions[task.decision]
            for task in kept
            if task.status in (TaskStatus.READY, TaskStatus.RUNNING)
            and task.decision in state.decisions
            and state.decisions[task.decision].status not in _UNANSWERED
        },
    )


def fact_of(task: TaskView) -> Mapping[str, object]:
    """What templates see of a task that has ended."""
    return {
        "status": task.status.value,
        "output": task.output,
        "exit_code": task.exit_code,
        "error": task.error,
        **({"withheld": True} if task.masked else {}),
    }


def _expansions(state: RunState, fresh: set[str]) -> dict[str, tuple[object, ...] | None]:
    """Of the tasks that stand for others and have not ended, or did not end well, what they stand for."""
    found: dict[str, tuple[object, ...] | None] = {}
    for id, items in state.expansions.items():
        status = state.tasks[id].status
        if status in _NOT_WELL if id in fresh else not status.ended:
            found[id] = items
    return found


def _edits(state: RunState, tasks: Iterable[str]) -> dict[str, Edit]:
    found = {id: edit_of(state, id) for id in tasks}
    return {id: edit for id, edit in found.items() if edit}


def edit_of(state: RunState, task: str) -> Edit | None:
    """What was changed of a task before it was approved, if anything was.

    A question whether it may run again has what was changed before; so it holds also while that is not answered.
    """
    decision = state.decisions.get(state.tasks[task].decision) if task in state.tasks else None
    if decision is None:
        return None
    holds = decision.status is DecisionStatus.APPROVED or decision.kind is DecisionKind.INTERRUPTED
    return decision.edit if holds else None


def _in_flight(task: TaskView, state: RunState) -> bool:
    """Whether an attempt had begun whose end nobody saw, and nobody has allowed another one since."""
    if task.id in state.expansions:
        return False
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
    story = f"{story} Its processes are gone."
    return f"{story}\nThe last that it printed:\n{last_words}" if last_words else story
