"""All that is known of a task, or of a run as a whole, as lines to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from cis_tui.core.clock import Instant
from cis_tui.core.codec import dumps
from cis_tui.core.text import clean
from cis_tui.dag.state import RunState
from cis_tui.dag.views import Decision, RunStatus, TaskStatus, TaskView, UndoItem, UndoKind, UndoStatus
from cis_tui.tui.board import Board
from cis_tui.tui.detail import answer, labelled, reason, task_lines, text_lines
from cis_tui.tui.paint import Line, Piece, Tone, fit, shown
from cis_tui.tui.words import RUN_MARKS, TASK_MARKS, clock_time, count, place, span

LISTED = 200
"""Tasks of a group that are told of."""
_QUIET = (TaskStatus.PENDING, TaskStatus.READY, TaskStatus.COMPLETED, TaskStatus.SKIPPED)
UNDO_MARKS: dict[UndoStatus, tuple[str, str, Tone]] = {
    UndoStatus.PENDING: ("○", "to do", Tone.DIM),
    UndoStatus.RUNNING: ("▶", "running", Tone.LIVE),
    UndoStatus.RESTORED: ("✓", "undone", Tone.GOOD),
    UndoStatus.CONFLICT: ("△", "kept", Tone.ASK),
    UndoStatus.FAILED: ("✗", "not undone", Tone.BAD),
    UndoStatus.SKIPPED: ("⊘", "left out", Tone.DIM),
}
"""Mark, word and tone of what became of a thing that a rollback takes back."""


def task_report(task: TaskView, run: RunState, now: Instant, *, me: str = "") -> list[Line]:
    """Everything about a task but its output; `me` is the DID of who looks."""
    lines = task_lines(task, run, now, me=me)
    lines += _attempts(task, now, me)
    lines += _decisions([each for each in run.decisions.values() if each.task == task.id], me)
    lines += _undone([item for item in run.undo.items.values() if item.task == task.id])
    return lines


def run_report(run: RunState, status: RunStatus, now: Instant, *, root: str = "", me: str = "") -> list[Line]:
    """A run as a whole: how it stands, what it was given, who decided, what was taken back, what is owed."""
    mark, word, tone = RUN_MARKS[status]
    counts = Counter(TASK_MARKS[task.status][1] for task in run.tasks.values())
    lines: list[Line] = [
        [(f"{mark} ", tone), (f"{shown(run.dag)}  ", Tone.STRONG), (word, tone)],
        labelled("run", run.id),
        labelled("began", f"{clock_time(run.started_at)} UTC, {span((run.ended_at or now) - run.started_at)}"),
        labelled("tasks", ", ".join(f"{number} {name}" for name, number in counts.items())),
        labelled("policy", shown(run.policy)),
    ]
    if run.params:
        lines += text_lines("\n".join(f"{name} = {dumps(value)}" for name, value in run.params.items()), "given")
    if run.executor != "local":
        lines.append(labelled("executor", shown(run.executor)))
    if run.rerun_of:
        lines.append(labelled("rerun of", run.rerun_of))
    if run.file:
        lines.append(labelled("file", shown(place(run.file, root))))
    if run.error:
        lines.append(labelled("why", reason(run.error, me), tone))
    lines += _debts(run)
    lines += _decisions(run.decisions.values(), me)
    return lines + _undone(run.undo.items.values())


def group_report(board: Board, id: str) -> list[Line]:
    """Tasks that are folded into one row: how they stand, and each of them, those first that want somebody."""
    counts = board.counts(id)
    tasks = sorted(board.stands_for(id), key=lambda task: board.status(task) in _QUIET)
    lines: list[Line] = [
        [("▸ ", Tone.DIM), (f"{shown(board.label(id))}  ", Tone.STRONG), (count(counts.total(), "task"), Tone.DIM)],
        labelled("stand", ", ".join(f"{number} {TASK_MARKS[status][1]}" for status, number in counts.items())),
    ]
    for task in tasks[:LISTED]:
        mark, word, tone = TASK_MARKS[board.status(task)]
        lines.append([(f"  {mark} ", tone), (fit(word, 10), tone), (shown(task), Tone.PLAIN)])
    if len(tasks) > LISTED:
        lines.append([(f"  … and {len(tasks) - LISTED} more", Tone.DIM)])
    return lines


def _titled(title: str, lines: Iterable[Line]) -> list[Line]:
    found = list(lines)
    return [[], [(title, Tone.DIM)], *found] if found else []


def _attempts(task: TaskView, now: Instant, me: str) -> list[Line]:
    if not task.tried:
        return []

    def one(
        number: int, began: Instant, ended: Instant | None, code: int | None, error: str, bad: bool, at: str
    ) -> Line:
        took = "end not seen" if ended is None else span(ended - began)
        exit = "" if code is None else f"exit {code}"
        pieces: list[Piece] = [(fit(f"  {number}", 5), Tone.STRONG), (f"{clock_time(began)}  ", Tone.DIM)]
        why = "" if error == f"exit code {code}" else reason(error, me)
        said = "  ".join([*([f"on {shown(at)}"] if at else []), why])
        return [
            *pieces,
            (fit(took, 13), Tone.PLAIN),
            (fit(exit, 10), Tone.BAD if bad else Tone.DIM),
            (said, Tone.PLAIN),
        ]

    lines = [
        one(each.number, each.started_at, each.ended_at, each.exit_code, each.error, True, each.worker)
        for each in task.tried
    ]
    if task.attempt_at is not None and task.tried[-1].number != task.attempts:
        end = task.ended_at or now
        bad = task.status in (TaskStatus.FAILED, TaskStatus.DEBT)
        lines.append(one(task.attempts, task.attempt_at, end, task.exit_code, task.error, bad, task.worker))
    return _titled("Attempts", lines)


def _decisions(decisions: Iterable[Decision], me: str) -> list[Line]:
    return _titled("Decisions", (line for decision in decisions for line in _decision(decision, me)))


def _decision(decision: Decision, me: str) -> Iterator[Line]:
    asked = f"asked {clock_time(decision.asked_at)}, " if decision.asked_at is not None else ""
    yield [("  ", Tone.PLAIN), (shown(decision.task), Tone.STRONG), (f"  {decision.kind.value}  ", Tone.DIM)]
    yield [("    ", Tone.PLAIN), (asked + (answer(decision, me) or "open"), Tone.PLAIN)]
    if decision.stakeholders:
        rule = (
            f"{decision.quorum} must vote, more than {decision.threshold:.0%} of {len(decision.stakeholders)} approve"
        )
        yield [("    ", Tone.PLAIN), (rule, Tone.DIM)]
    for ballot in decision.ballots:
        reason = f": {shown(ballot.reason)}" if ballot.reason else ""
        who = "you" if ballot.voter == me and me else shown(ballot.voter, limit=80)
        text = f"{shown(ballot.stakeholder)} {ballot.choice.value}, {clock_time(ballot.at)}, {who}{reason}"
        yield [("    ", Tone.PLAIN), (text, Tone.PLAIN)]


def _undone(items: Iterable[UndoItem]) -> list[Line]:
    return _titled("Rollback", (_undo_line(item) for item in items))


def _undo_line(item: UndoItem) -> Line:
    mark, word, tone = UNDO_MARKS[item.status]
    what = item.command if item.kind is UndoKind.COMMAND and item.command else item.id
    took = f"  {span(item.ended_at - item.started_at)}" if item.ended_at and item.started_at else ""
    detail = f"  {shown(item.detail)}" if item.detail else ""
    kind = fit(item.kind.value, 9)
    return [(f"  {mark} ", tone), (fit(word, 12), tone), (kind, Tone.DIM), (shown(what) + took + detail, Tone.PLAIN)]


def _debts(run: RunState) -> list[Line]:
    owed = [task for task in run.tasks.values() if task.status is TaskStatus.DEBT]
    return _titled("Debts", (_debt_line(task, run.id) for task in owed))


def _debt_line(task: TaskView, run: str) -> Line:
    if task.settled:
        return [("  ✓ ", Tone.GOOD), (f"{shown(task.id)}  settled: {shown(task.settled)}", Tone.PLAIN)]
    hint = f"cis run settle {run} {shown(task.id)} settles it"
    return [("  △ ", Tone.BAD), (f"{shown(task.id)}  ", Tone.PLAIN), (hint, Tone.DIM)]


def output_lines(text: str) -> list[Line]:
    """What a task printed, line by line."""
    return [[(line.expandtabs(4), Tone.PLAIN)] for line in clean(text).split("\n")]
