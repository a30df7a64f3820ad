"""How tasks end: the events that say so, and what templates see of a task afterwards."""

from __future__ import annotations

from collections.abc import Mapping

from cis_tui.core.events import EventType
from cis_tui.dag.attempt import Outcome
from cis_tui.dag.journal import Change
from cis_tui.dag.views import TaskStatus


def fact(status: TaskStatus, outcome: Outcome | None = None) -> Mapping[str, object]:
    """What templates see of a task."""
    return {
        "status": status.value,
        "output": outcome.output if outcome else "",
        "exit_code": outcome.exit_code if outcome else None,
        "error": outcome.error if outcome else "",
        **({"withheld": True} if outcome and outcome.withheld else {}),
    }


PASSED = fact(TaskStatus.COMPLETED, Outcome(True, 0))
"""What they see of a task that had nothing to run."""


def passed(run: str, task: str, number: int) -> tuple[Change, Change]:
    """Start and end of a task that had nothing to run, as its attempt `number`."""
    end = {"run": run, "task": task, "attempt": number, "exit_code": 0, "output": "", "duration": 0.0}
    return (EventType.TASK_STARTED, {"run": run, "task": task, "attempt": number}), (EventType.TASK_COMPLETED, end)


def completed(run: str, task: str, outcome: Outcome, number: int) -> Change:
    """The end of a task whose attempt `number` succeeded."""
    data = {"run": run, "task": task, "attempt": number, "exit_code": outcome.exit_code}
    data |= {**_output(outcome), "duration": outcome.duration}
    data |= {"made": outcome.made} if outcome.made else {}
    return EventType.TASK_COMPLETED, data


def retried(run: str, task: str, outcome: Outcome, number: int, delay: float) -> Change:
    """The end of the attempt `number`, after which another one follows in `delay` seconds."""
    return EventType.TASK_RETRIED, {**_unwell(run, task, outcome, number), "delay": delay}


def failed(run: str, task: str, outcome: Outcome, number: int, *, debt: bool, refused: bool) -> Change:
    """The end of a task that failed: with `debt` tolerated, with `refused` because a person said no."""
    data = {**_unwell(run, task, outcome, number), "debt": debt}
    return EventType.TASK_FAILED, {**data, "refused": True} if refused else data


def skipped(run: str, task: str, reason: str) -> Change:
    """The end of a task that never starts."""
    return EventType.TASK_SKIPPED, {"run": run, "task": task, "reason": reason}


def cancelled(run: str, task: str, reason: str) -> Change:
    """The end of a task that was not let to its own end."""
    return EventType.TASK_SKIPPED, {"run": run, "task": task, "reason": reason, "cancelled": True}


def _unwell(run: str, task: str, outcome: Outcome, number: int) -> dict[str, object]:
    return {
        "run": run,
        "task": task,
        "attempt": number,
        "exit_code": outcome.exit_code,
        "error": outcome.error,
        **_output(outcome),
        **({"made": outcome.made} if outcome.made else {}),
    }


def _output(outcome: Outcome) -> dict[str, object]:
    """What is stored of an output: never its secrets."""
    if outcome.shown is None and not outcome.withheld:
        return {"output": outcome.output}
    return {"output": outcome.output if outcome.shown is None else outcome.shown, "masked": True}
