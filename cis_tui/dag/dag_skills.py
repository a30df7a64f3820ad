"""Skills that are DAGs: a call of one is a run, and its answer is what the last tasks printed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from cis_tui.core.events import Event, EventBus, EventType
from cis_tui.dag.views import RunStatus, RunView, TaskStatus
from cis_tui.skills.answer import parse_answer
from cis_tui.skills.model import SkillResult

_ENDS = (EventType.RUN_COMPLETED, EventType.RUN_FAILED)


class Endings:
    """Hears of the ends of runs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ended: set[str] = set()
        self._heard = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Take an event; on any thread."""
        if event.type in _ENDS:
            self._loop.call_soon_threadsafe(self._note, str(event.data["run"]))

    def _note(self, run: str) -> None:
        self._ended.add(run)
        self._heard.set()

    async def of(self, run: str) -> None:
        """Wait until a run has ended, if that was not before this listened."""
        while run not in self._ended:
            self._heard.clear()
            await self._heard.wait()


@asynccontextmanager
async def endings(bus: EventBus) -> AsyncGenerator[Endings]:
    """Listens for the ends of runs that begin from now on."""
    heard = Endings(asyncio.get_running_loop())
    unsubscribe = bus.subscribe(heard.hear)
    try:
        yield heard
    finally:
        unsubscribe()


def result_of(view: RunView) -> SkillResult:
    """What a run that has ended answers."""
    success = view.status is RunStatus.COMPLETED
    duration = (view.ended_at or view.started_at) - view.started_at
    output = _answer(view) if success else view.error or view.status.value
    return SkillResult(success, output, 0 if success else 1, duration, note=f"this was the run {view.id}")


def _answer(view: RunView) -> object:
    """The output of the last task; of several, a table of them."""
    top = [task for task in view.tasks if not task.parent]
    needed = {id for task in top for id in task.deps}
    last = [task for task in top if task.id not in needed and task.status is TaskStatus.COMPLETED]
    outputs: Mapping[str, object] = {task.id: parse_answer(task.output.strip()) for task in last}
    return next(iter(outputs.values())) if len(outputs) == 1 else dict(outputs)
