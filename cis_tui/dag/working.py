"""The runs that an engine works on: begun, followed to their end, stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from cis_tui.core.errors import CisError, Unavailable
from cis_tui.core.events import Event, EventType
from cis_tui.dag.executors.opening import RunExecutors
from cis_tui.dag.journal import Change
from cis_tui.dag.live import LiveState
from cis_tui.dag.record import RunRecord
from cis_tui.dag.rollback import Rollback, RollBackMemory
from cis_tui.dag.runner import Runner
from cis_tui.dag.schedule import Finish
from cis_tui.dag.state import RunState
from cis_tui.dag.tools import Tools
from cis_tui.dag.views import RunView

log = logging.getLogger(__name__)


class WorkingRuns:
    """Everything of runs that goes on. To be used on the engine's event loop, except `state`."""

    def __init__(self, tools: Tools, roll_back_memory: RollBackMemory) -> None:
        self._tools = tools
        self._roll_back_memory = roll_back_memory
        self._states: dict[str, LiveState] = {}
        self._runners: dict[str, tuple[Runner | Rollback, asyncio.Task[None]]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False
        self._unsubscribe = tools.journal.bus.subscribe(self._hear)

    def __len__(self) -> int:
        return len(self._runners)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._runners))

    @property
    def busy(self) -> int:
        """Runs of which something goes on: that wait for more than their time."""
        return sum(not (isinstance(runner, Runner) and runner.resting) for runner, _ in self._runners.values())

    @property
    def scheduled(self) -> int:
        """Runs that a skill has scheduled."""
        return sum(bool(runner.record.by) for runner, _ in self._runners.values())

    def __contains__(self, run: object) -> bool:
        return run in self._runners

    def state(self, run: str) -> RunState | None:
        """The present state of a run that is worked on; None for any other. May be called from any thread."""
        live = self._states.get(run)
        return live.read() if live else None

    def runner(self, run: str) -> Runner | Rollback:
        """What works on a run that is worked on."""
        return self._runners[run][0]

    async def begin(
        self, runner: Runner | Rollback, live: LiveState, changes: list[Change], record: RunRecord | None = None
    ) -> RunView:
        """Record that a run begins, then let its runner work; its executors are closed in the end, whatever comes.

        Raises:
            Unavailable: the journal cannot be written, or the engine is stopping (CIS-DAG-041, 064).
        """
        run = runner.record.id
        self._states[run] = live
        try:
            await self._tools.journal.record_all(changes, record=record)
            state = live.read()
            if self._closed or state is None:
                raise stopping()
        except BaseException:
            del self._states[run]
            await runner.executors.close()
            raise
        task = asyncio.get_running_loop().create_task(self._drive(runner))
        self._runners[run] = (runner, task)
        return state.view()

    async def begin_rollback(self, rollback: Rollback, state: RunState) -> RunView:
        """Let `rollback` of the run, which is rolling back as `state` has it, work."""
        return await self.begin(rollback, LiveState(state), [])

    async def gone(self, run: str) -> None:
        """Return once nothing of a run goes on any more."""
        if run in self._runners:
            await asyncio.wait({self._runners[run][1]})

    async def end(self, run: str, finish: Finish) -> None:
        """End a run with `finish`; returns when it has ended."""
        self._runners[run][0].stop(finish)
        await self.gone(run)

    def shut(self) -> None:
        """From now on nothing begins."""
        self._closed = True

    async def close(self) -> None:
        """Leave all runs as they are, to be resumed."""
        self.shut()
        for runner, _ in self._runners.values():
            runner.stop(None)
        await asyncio.gather(*(task for _, task in self._runners.values()), return_exceptions=True)
        await asyncio.gather(*self._closing, return_exceptions=True)
        self._unsubscribe()

    async def _drive(self, runner: Runner | Rollback) -> None:
        run = runner.record.id
        try:
            await runner.drive()
            if isinstance(runner, Runner) and runner.rolls_back:
                await self._roll_back(runner)
        except Exception as error:
            log.exception("the run %s had to be left: it is paused", run)
            message = error.message if isinstance(error, CisError) else f"{type(error).__name__}: {error}"
            self._tools.journal.emit(EventType.ERROR, {"run": run, "error": message})
        finally:
            del self._runners[run]
            del self._states[run]
            self._let_go(runner.executors)

    def _let_go(self, executors: RunExecutors) -> None:
        """Close them, which may take a while after a run has ended."""
        closing = asyncio.ensure_future(executors.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _roll_back(self, runner: Runner) -> None:
        """Take back at once what a run did that has just failed."""
        run = runner.record.id
        state = self.state(run)
        if state is None or self._closed:
            return
        rollback = Rollback(runner.record, runner.calls, self._tools, runner.executors, state, self._roll_back_memory)
        self._runners[run] = (rollback, self._runners[run][1])
        await rollback.drive()

    def _hear(self, event: Event) -> None:
        live = self._states.get(str(event.data.get("run", "")))
        if live is not None:
            live.hear(event)


def stopping() -> Unavailable:
    """The error for what comes while the engine stops."""
    return Unavailable("CIS-DAG-064", "the engine is stopping", hint="try again in a moment")
