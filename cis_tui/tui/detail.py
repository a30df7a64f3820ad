"""What the detail pages say, as lines: of a task, a definition, a decision."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from cis_tui.core.clock import Instant
from cis_tui.core.problems import Problem, Severity
from cis_tui.core.text import clean
from cis_tui.dag.state import RunState
from cis_tui.dag.views import NO_STEPS, DagInfo, Decision, DecisionStatus, TaskStatus, TaskView, UndoItem, UndoKind
from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.words import ANSWERS, LEVEL_MARKS, TASK_MARKS, clock_time, count, elapsed, place
from cis_tui.tui.writers import short_did

LABEL = 9
SHOWN_VALUE = 20_000
"""Characters of a value that its page shows."""


def labelled(label: str, text: str, tone: Tone = Tone.PLAIN) -> Line:
    """A line with its label at the left."""
    return [(fit(label, LABEL), Tone.DIM), (text, tone)]


def text_lines(text: str, label: str = "") -> list[Line]:
    """Text of several lines, the first of which has a label."""
    lines = clean(text, limit=SHOWN_VALUE).split("\n")
    return [labelled(label if index == 0 else "", line.expandtabs(4)) for index, line in enumerate(lines)]


def problem_lines(problems: Iterable[Problem], root: str = "") -> list[Line]:
    """What is wrong in a file of the project at `root`, errors and warnings told apart by a word."""
    return [
        [
            ("✗ error    " if problem.severity is Severity.ERROR else "! warning  ", Tone.BAD),
            (shown(str(replace(problem, file=place(problem.file, root))), limit=1000), Tone.PLAIN),
        ]
        for problem in problems
    ]


def task_lines(task: TaskView, run: RunState, now: Instant, *, me: str = "") -> list[Line]:
    """One task: how it stands, what it needs and runs, what went wrong; `me` is the DID of who looks."""
    tone = TASK_MARKS[task.status][2]
    lines: list[Line] = [_title(task, now)]
    if task.command:
        lines.append(labelled("runs", shown(task.command, limit=2000)))
    lines += _beside(task, run)
    if task.error:
        lines.append(labelled("why", reason(task.error, me), tone))
    decision = run.decisions.get(task.decision)
    if decision is not None and decision.status is not DecisionStatus.PENDING:
        lines.append(labelled("asked", answer(decision, me)))
    return lines


def _title(task: TaskView, now: Instant) -> Line:
    mark, word, tone = TASK_MARKS[task.status]
    about = [word]
    if task.started_at is not None:
        about[0] += (" in " if task.ended_at else " for ") + elapsed(task, now)
    if task.attempts > 1:
        about.append(f"attempt {task.attempts}")
    if task.exit_code is not None:
        about.append(f"exit {task.exit_code}")
    if LEVEL_MARKS[task.level][1]:
        about.append(LEVEL_MARKS[task.level][1])
    title = f"{shown(task.id)}  " + (f"{shown(task.name)}  " if task.name not in ("", task.id) else "")
    return [(f"{mark} ", tone), (title, Tone.STRONG), (" · ".join(about), tone)]


def _beside(task: TaskView, run: RunState) -> list[Line]:
    """What a task has to do with others."""
    callers = [other.id for other in run.tasks.values() if other.on_failure == task.id]
    facts = {
        "needs": ", ".join(task.deps),
        "runs if": f"{', '.join(callers)} failed" if callers else "",
        "else": f"{task.on_failure} runs if this fails" if task.on_failure else "",
        "taken": f"over from run {task.taken}, where it ran" if task.taken else "",
        "worker": f"{task.worker} of {task.executor}" if task.worker else "",
        "settled": task.settled,
        "undone": _undone(run.undo.of(task.id)) if task.status is TaskStatus.ROLLED_BACK else "",
    }
    return [labelled(label, shown(text)) for label, text in facts.items() if text]


def _undone(items: Sequence[UndoItem]) -> str:
    """What of a task was taken back, of what only it did."""
    steps = sum(item.kind is UndoKind.COMMAND for item in items)
    files = len(items) - steps
    told = [count(number, thing) for number, thing in ((steps, "rollback step"), (files, "file")) if number]
    return " and ".join(told) or NO_STEPS


def answer(decision: Decision, me: str) -> str:
    """How a decision ended, by whom, when and why; `me` is the DID of who looks."""
    parts = [ANSWERS.get(decision.status, decision.status.value)]
    if decision.by:
        parts.append("by " + " and ".join(_who(name, me) for name in decision.by.split(", ")))
    if decision.decided_at is not None:
        parts.append("at " + clock_time(decision.decided_at))
    if decision.reason:
        parts.append(f"({shown(decision.reason)})")
    return " ".join(parts)


def reason(error: str, me: str) -> str:
    """Why something ended as it did, with nodes called as elsewhere; `me` is the DID of who looks."""
    return re.sub(r"did:key:\w+", lambda found: _who(found[0], me), shown(error, limit=2000))


def _who(by: str, me: str) -> str:
    known = {"deadline": "the clock", me: "you"}.get(by)
    return known or (short_did(by) if by.startswith("did:key:") else shown(by, limit=60))


def dag_lines(dag: DagInfo, root: str = "", *, trust: str = "t") -> list[Line]:
    """A definition: what it is for and what is wrong with it; `trust` is the key that shows what would run."""
    lines: list[Line] = [[(shown(dag.name), Tone.STRONG), (f"  {count(len(dag.tasks), 'task')}", Tone.DIM)]]
    if dag.description:
        lines.append([(shown(dag.description), Tone.PLAIN)])
    if not dag.trusted:
        lines.append([("not trusted as it is now: ", Tone.ASK), (f"{trust} shows what would run", Tone.PLAIN)])
    lines += problem_lines(dag.problems, root)
    if dag.params:
        lines.append(labelled("asks for", shown(", ".join(param.name for param in dag.params))))
    lines.append(labelled("file", shown(place(dag.file, root))))
    return lines
