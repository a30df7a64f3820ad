"""Prints the output of a run's tasks, at once or as it comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import cast

from cis_tui.cli.offline import Offline
from cis_tui.cli.output import paint, show, show_json, show_json_line, show_piece
from cis_tui.core.errors import NotFound
from cis_tui.core.events import Event, EventType
from cis_tui.core.text import clean_line, did_you_mean
from cis_tui.dag.state import RunState
from cis_tui.dag.views import RunView, TaskView, UndoItem, UndoKind
from cis_tui.protocol import EngineApi

Api = EngineApi | Offline


async def print_logs(api: Api, view: RunView, only: str | None, *, json: bool, lines: bool = False) -> None:
    """Print all output of every attempt; as JSON one array, or one object a line with `lines`.

    Raises:
        NotFound: the run has no task `only` (CIS-CLI-011).
    """
    tasks = _chosen(view, only)
    if not json:
        printer = _Printer(headers=only is None)
        for task in tasks:
            for attempt in range(1, task.attempts + 1):
                async for text in _chunks(api, view.id, task.id, attempt):
                    printer.print(task.id, attempt, text)
        return
    found = [
        {"task": task.id, "attempt": attempt, "text": await _whole(api, view.id, task.id, attempt)}
        for task in tasks
        for attempt in range(1, task.attempts + 1)
    ]
    if not lines:
        show_json(found)
        return
    for part in found:
        show_json_line(part)


async def follow_logs(api: Api, view: RunView, only: str | None, *, json: bool) -> None:
    """Print output as it comes, from the beginning, until the run ends. Without a live engine nothing comes.

    Raises:
        NotFound: the run has no task `only` (CIS-CLI-011).
    """
    tail = _Tail(api, view.id, _Printer(headers=only is None, json=json))
    for task in _chosen(view, only):
        await tail.read(task)
    if isinstance(api, Offline):
        return
    state = RunState.from_view(view)
    events = cast("AsyncGenerator[Event]", api.events(view.seq))
    async with aclosing(events):
        async for event in events:
            if event.data.get("run") != view.id:
                continue
            state.apply(event)
            for speaker in _speakers(state, event):
                if only in (None, speaker.id):
                    await tail.read(speaker)
            if state.status.ended:
                return


def _speakers(state: RunState, event: Event) -> list[TaskView | UndoItem]:
    """The tasks, or steps of a rollback, about which there is news."""
    name = str(event.data.get("task", ""))
    task = state.tasks.get(name)
    if task is not None:
        return [task]
    if event.type in (EventType.TASK_OUTPUT, EventType.UNDO_ENDED):
        steps = [item for item in state.undo.items.values() if item.kind is UndoKind.COMMAND and item.attempts]
        return [item for item in steps if name in ("", item.id)]
    return []


class _Tail:
    """Remembers how far the output of each attempt was printed."""

    def __init__(self, api: Api, run: str, printer: _Printer) -> None:
        self._api = api
        self._run = run
        self._printer = printer
        self._places: dict[str, tuple[int, int]] = {}
        """By task: the attempt that is being printed, and the byte that comes next."""

    async def read(self, task: TaskView | UndoItem) -> None:
        """Print what is new of a task."""
        attempt, offset = self._places.get(task.id, (1, 0))
        while attempt <= task.attempts:
            chunk = await self._api.run_logs(self._run, task.id, attempt=attempt, offset=offset)
            if chunk.offset != offset:
                offset = chunk.offset
                self._printer.print(task.id, attempt, chunk.text)
            elif attempt < task.attempts:
                attempt, offset = attempt + 1, 0
            else:
                break
        self._places[task.id] = (attempt, offset)


class _Printer:
    """Prints pieces of output, with a header whenever another task speaks."""

    def __init__(self, *, headers: bool, json: bool = False) -> None:
        self._headers = headers
        self._json = json
        self._speaker: tuple[str, int] | None = None
        self._at_line_start = True

    def print(self, task: str, attempt: int, text: str) -> None:
        """Print one piece."""
        if self._json:
            show_json_line({"task": task, "attempt": attempt, "text": text})
            return
        if self._headers and self._speaker != (task, attempt):
            again = f" (attempt {attempt})" if attempt > 1 else ""
            show(("" if self._at_line_start else "\n") + paint(f"==> {clean_line(task)}{again} <==", "bold"))
            self._speaker = (task, attempt)
        show_piece(text)
        self._at_line_start = text.endswith("\n")


def _chosen(view: RunView, only: str | None) -> list[TaskView | UndoItem]:
    tasks: list[TaskView | UndoItem] = [task for task in view.tasks if only in (None, task.id)]
    tasks += [item for item in view.undo if item.kind is UndoKind.COMMAND and only in (None, item.id)]
    if only is not None and not tasks:
        hint = did_you_mean(only, [task.id for task in view.tasks]) or f"cis run show {view.id} lists them"
        raise NotFound("CIS-CLI-011", f'the run {view.id} has no task "{clean_line(only)}"', hint=hint)
    return tasks


async def _chunks(api: Api, run: str, task: str, attempt: int) -> AsyncIterator[str]:
    offset = 0
    while True:
        chunk = await api.run_logs(run, task, attempt=attempt, offset=offset)
        if chunk.offset == offset:
            return
        yield chunk.text
        offset = chunk.offset


async def _whole(api: Api, run: str, task: str, attempt: int) -> str:
    return "".join([text async for text in _chunks(api, run, task, attempt)])
