"""What can be done with a run, each after the question that comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from cis_tui.dag.state import RunState
from cis_tui.dag.views import Decision, RunStatus, RunSummary, RunView, UndoItem, UndoKind, UndoStatus
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import shown
from cis_tui.tui.words import count

if TYPE_CHECKING:
    from cis_tui.protocol import EngineApi

Loaded = tuple[RunView, tuple[Decision, ...]]
Then = Callable[[Loaded], object]
LISTED = 200
"""Things that a question lists."""

_CAN_RESUME = (RunStatus.PAUSED, RunStatus.FAILED, RunStatus.CANCELLED)
_CAN_UNDO = (
    RunStatus.COMPLETED,
    RunStatus.FAILED,
    RunStatus.CANCELLED,
    RunStatus.PAUSED,
    RunStatus.ROLLBACK_FAILED,
)
_DONE = (UndoStatus.RESTORED, UndoStatus.CONFLICT, UndoStatus.SKIPPED)


def can(act: str, run: RunSummary) -> bool:
    """Whether `act` does something with `run` as it stands now."""
    status = run.status
    match act:
        case "cancel":
            return not status.ended and status is not RunStatus.ROLLING_BACK
        case "pause":
            return status in (RunStatus.RUNNING, RunStatus.WAITING)
        case "resume":
            return status in _CAN_RESUME
        case "rollback":
            return status in _CAN_UNDO
        case "rerun":
            return status.ended
        case _:
            return False


async def load(engine: EngineApi, run: str) -> Loaded:
    """The run with its decisions: a view alone does not tell which countdowns are held."""
    return await engine.run_show(run), await engine.decision_list(all=True)


async def _after(engine: EngineApi, change: Awaitable[RunView]) -> Loaded:
    """The run once it is changed."""
    return await load(engine, (await change).id)


def cancel(desk: Desk, run: RunSummary) -> None:
    """Ask, then end the run."""
    from cis_tui.tui.screens.confirm import ConfirmDialog

    left = run.tasks_total - run.tasks_ended
    text = f"{left} of {count(run.tasks_total, 'task')} not done. What runs of it is ended."
    desk.dialog(
        ConfirmDialog(f"Cancel this run of {run.dag}?", text),
        lambda yes: desk.ask(lambda engine: engine.run_cancel(run.id)) if yes else None,
    )


def pause(desk: Desk, run: RunSummary, then: Then) -> None:
    """Let nothing of the run start any more; what runs goes on to its end."""
    desk.ask(lambda engine: _after(engine, engine.run_pause(run.id)), then)


def resume(desk: Desk, run: RunSummary, then: Then) -> None:
    """Go on with a run that stopped."""
    desk.ask(lambda engine: _after(engine, engine.run_resume(run.id)), then)


def rollback(desk: Desk, run: RunSummary, then: Then) -> None:
    """Show what a rollback would take back, ask, then do it."""
    from cis_tui.tui.screens.confirm import ConfirmDialog

    def ask(items: Sequence[UndoItem]) -> None:
        title = f"Take back what this run of {run.dag} did?"
        desk.dialog(ConfirmDialog(title, undo_text(items)), begin)

    def begin(yes: bool | None) -> None:
        if yes:
            desk.ask(lambda engine: _after(engine, engine.run_rollback(run.id)), then)

    desk.ask(lambda engine: engine.run_undo_plan(run.id), ask)


def rerun(desk: Desk, state: RunState, task: str, then: Callable[[RunView], object]) -> None:
    """Say what would run again, ask, then start a new run that begins with `task`."""
    from cis_tui.tui.screens.confirm import ConfirmDialog

    def begin(yes: bool | None) -> None:
        if yes:
            desk.ask(lambda engine: engine.run_rerun(state.id, task), then)

    desk.dialog(ConfirmDialog(f"Run {state.dag} again from {task}?", rerun_text(state, task)), begin)


def undo_text(items: Sequence[UndoItem]) -> str:
    """What a rollback would do, in the order in which it does it."""
    left = [item for item in items if item.status not in _DONE]
    if not left:
        return "There is nothing to take back: no task has rollback steps, files of creates, or wrote into memory."
    lines: list[str] = []
    for kind, title in _TITLES.items():
        of_kind = [item for item in left if item.kind is kind]
        if of_kind:
            lines += ["", title, *(f"  {_undo_line(item)}" for item in of_kind[:LISTED])]
        if len(of_kind) > LISTED:
            lines.append(f"  … and {len(of_kind) - LISTED} more")
    done = len(items) - len(left)
    return "\n".join([*lines[1:], *(["", f"{count(done, 'thing')} taken back already"] if done else [])])


_TITLES = {
    UndoKind.COMMAND: "Steps that run, in this order:",
    UndoKind.FILE: "Files that are removed, or put back as they were:",
    UndoKind.MEMORY: "Entries of memory that become what they were:",
}


def _undo_line(item: UndoItem) -> str:
    trouble = f"  ✗ {shown(item.detail)}" if item.detail else ""
    if item.kind is UndoKind.COMMAND:
        return f"{shown(item.task)}: {shown(item.command) or 'not known any more'}{trouble}"
    return f"{shown(item.id)}{trouble}"


def rerun_text(state: RunState, task: str) -> str:
    """What runs again, and what is taken over, roughly as the engine will decide it."""
    again = runs_again(state, task)
    kept = [id for id in state.tasks if id not in again]
    named = ", ".join(shown(id, limit=60) for id in again[:20])
    more = f" and {len(again) - 20} more" if len(again) > 20 else ""
    lines = [
        f"A new run takes over the results of {count(len(kept), 'task')} that completed.",
        f"It runs {count(len(again), 'task')}: {named}{more}.",
    ]
    return "\n".join(lines)


def runs_again(state: RunState, start: str) -> Sequence[str]:
    """The tasks that a rerun from `start` would run, those for which others stand counted as such."""
    from cis_tui.dag.taken import taken_over

    kept = set(taken_over(state, start).tasks)
    return [id for id in state.tasks if id not in kept]
