"""Follows a run to its end, tells what happens, and lets a person answer and interrupt."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from cis_tui.cli.context import Context
from cis_tui.cli.outcome import (
    UNDO_HEAD,
    exit_code,
    number_of_tasks,
    progress_line,
    run_line,
    summary_line,
    undo_rows,
)
from cis_tui.cli.output import note, paint, show, show_json, status_word, table
from cis_tui.cli.prompts import Prompts
from cis_tui.core.errors import CisError, Exit, Unavailable
from cis_tui.core.events import Event, EventType
from cis_tui.core.text import clean, clean_line
from cis_tui.dag.state import RunState
from cis_tui.dag.views import DecisionStatus, RunView, TaskStatus
from cis_tui.protocol import EngineApi

_PAUSES = (EventType.RUN_PAUSED, EventType.RUN_RESUMED)
_TAIL = 12
"""Lines of a failed task's output that are shown at the end."""


async def follow(api: EngineApi, view: RunView, context: Context, *, yes: bool = False) -> int:
    """Tell the run that `view` shows until it ends; the exit code. With `yes`, what that answers is not announced.

    The first Ctrl-C cancels the run, the second leaves at once; both give 130.

    Raises:
        Unavailable: the engine went away before the run ended.
        CisError: nobody reads it any more, such as `head` after its lines (CIS-CLI-012).
    """
    try:
        return await _follow(api, view, context, yes=yes)
    except BrokenPipeError as error:
        message = f"the run {view.id} is not followed to its end: nobody reads what is told of it"
        hint = f"cis run show {view.id} tells how it stands; cis run resume {view.id} goes on with it if it is paused"
        raise CisError("CIS-CLI-012", message, hint=hint) from error


async def _follow(api: EngineApi, view: RunView, context: Context, *, yes: bool) -> int:
    state = RunState.from_view(view, await api.decision_list(all=True))
    if not context.json:
        project = f" in {view.project}" if view.project else ""
        show(f"run {view.id} of {clean_line(view.dag)}{project}, {number_of_tasks(len(view.tasks))}", now=True)
    interrupt = _Interrupt(api, view.id)
    with interrupt, Prompts(api, context, yes=yes) as prompts:
        follower = _Follower(api, state, prompts, quiet=context.json)
        await follower.to_the_end()
    final = await api.run_show(view.id)
    if context.json:
        show_json(final)
    else:
        _show_end(final)
    return Exit.INTERRUPTED if interrupt.pressed else exit_code(state)


class _Follower:
    """Applies the run's events to its state and prints what they tell."""

    def __init__(self, api: EngineApi, state: RunState, prompts: Prompts, *, quiet: bool) -> None:
        self._api = api
        self._state = state
        self._prompts = prompts
        self._quiet = quiet
        self._width = min(max((len(id) for id in state.tasks), default=0), 32)

    async def to_the_end(self) -> None:
        """Return when the run has ended. A stream that was cut because it was read too slowly is taken up again."""
        for decision in self._state.decisions.values():
            if decision.status is DecisionStatus.PENDING:
                self._prompts.update(decision)
        while not self._state.status.ended:
            seen = self._state.seq
            try:
                await self._take_events()
            except Unavailable as error:
                if self._state.seq == seen:
                    raise _left_behind(self._state.id) from error

    async def _take_events(self) -> None:
        events = cast("AsyncGenerator[Event]", self._api.events(self._state.seq))
        async with aclosing(events):
            async for event in events:
                if event.data.get("run") == self._state.id:
                    self._take(event)
                if self._state.status.ended:
                    return

    def _take(self, event: Event) -> None:
        self._state.apply(event)
        if event.type in _PAUSES and not self._quiet:
            self._prompts.before_line()
            show(run_line(event, self._state.id), now=True)
            self._prompts.after_line()
        text = "" if self._quiet else progress_line(event, self._state)
        if text:
            self._prompts.before_line()
            name = clean_line(str(event.data["task"])).ljust(self._width)
            show(f"{name}  {_coloured(clean_line(text))}", now=True)
            self._prompts.after_line()
        task = self._state.tasks.get(str(event.data.get("task", "")))
        decision = self._state.decisions.get(task.decision) if task else None
        if decision is not None and "decision" in event.data:
            self._prompts.update(decision)


class _Interrupt:
    """Turns the first Ctrl-C into a cancelled run and the second into an end of the command."""

    def __init__(self, api: EngineApi, run: str) -> None:
        self._api = api
        self._run = run
        self._follower = asyncio.current_task()
        self._cancelling: asyncio.Task[None] | None = None
        self.pressed = 0

    def __enter__(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._press)

    def __exit__(self, *_: object) -> None:
        if self._follower is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._follower.cancel)

    def _press(self) -> None:
        self.pressed += 1
        if self.pressed == 1:
            note("\ncancelling the run; Ctrl-C again leaves at once")
            self._cancelling = asyncio.create_task(self._cancel())
        elif self._follower is not None:
            self._follower.cancel()

    async def _cancel(self) -> None:
        try:
            await self._api.run_cancel(self._run)
        except CisError as error:
            note(f"the run could not be cancelled: {error.message}")


def _left_behind(run: str) -> Unavailable:
    return Unavailable(
        "CIS-ENG-010", f"the engine ended before the run {run} did", hint=f"cis run resume {run} goes on with it"
    )


def _coloured(text: str) -> str:
    word, mark, rest = text.partition(":") if ":" in text.partition(" ")[0] else text.partition(" ")
    return f"{status_word(word)}{mark}{rest}"


def _show_end(view: RunView) -> None:
    for task in view.tasks:
        if task.status in (TaskStatus.FAILED, TaskStatus.DEBT) and task.output:
            lines = clean(task.output).rstrip().splitlines()
            show(paint(f"--- {clean_line(task.id)}: the end of its output", "dim"))
            show("\n".join(lines[-_TAIL:]))
    if view.undo:
        table(UNDO_HEAD, undo_rows(view.undo), status=0)
    show(clean_line(summary_line(view), limit=2000))
