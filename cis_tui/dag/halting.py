"""Pauses and cancels runs, and tasks of them, whether they are worked on or were left by an engine that ended."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cis_tui.core.clock import Clock
from cis_tui.core.errors import Refused
from cis_tui.core.events import EventType
from cis_tui.core.text import clean_line
from cis_tui.dag.carried import ended_at_rest
from cis_tui.dag.history import RunHistory
from cis_tui.dag.rollback import Rollback
from cis_tui.dag.schedule import Finish
from cis_tui.dag.state import RunState
from cis_tui.dag.tools import Tools
from cis_tui.dag.views import RunStatus, RunView
from cis_tui.dag.working import WorkingRuns
from cis_tui.skills.guardian import kill_marked

CANCELLED = Finish(RunStatus.CANCELLED, "cancelled")
"""How a run ends that a person cancels."""


class Halting:
    """What people stop. To be used on the engine's event loop; every method returns when it is recorded."""

    def __init__(
        self,
        *,
        tools: Tools,
        history: RunHistory,
        working: WorkingRuns,
        changing: asyncio.Lock,
        me: str,
        clock: Clock,
    ) -> None:
        """`changing` is held while a run that is not worked on becomes so, or is ended; `me`: the DID of who asks."""
        self._tools = tools
        self._history = history
        self._working = working
        self._changing = changing
        self._me = me
        self._clock = clock

    async def pause(self, run: str) -> RunView:
        """Let no task of a run start any more; see `RunService.pause`."""
        id = await self.settled(run)
        async with self._changing:
            if id not in self._working:
                _not_over(await self._tools.in_thread(lambda: self._history.state(id)))
                hint = f"cis run resume {id} goes on, cis run cancel {id} ends it"
                raise Refused("CIS-DAG-180", f"nothing of the run {id} goes on: its engine ended", hint=hint)
            runner = self._working.runner(id)
            if isinstance(runner, Rollback):
                raise _rolled_back(id)
            await runner.pause(self._me)
        return await self._tools.in_thread(lambda: self._history.show(id))

    async def cancel(self, run: str, reason: str = "") -> RunView:
        """End a run; see `RunService.cancel`."""
        finish = replace(CANCELLED, error=clean_line(reason) or CANCELLED.error)
        id = await self.settled(run)
        if id not in self._working:
            async with self._changing:
                if id not in self._working:
                    await self._cancel_at_rest(id, finish)
        if id in self._working:
            if isinstance(self._working.runner(id), Rollback):
                raise _rolled_back(id)
            await self._working.end(id, finish)
        return await self._tools.in_thread(lambda: self._history.show(id))

    async def cancel_task(self, run: str, task: str, reason: str) -> RunView:
        """End one task of a run; see `RunService.cancel`."""
        id = await self.settled(run)
        why = f": {text}" if (text := clean_line(reason).strip()) else ""
        reason = f"cancelled by {self._me}{why}"
        async with self._changing:
            state = await self._tools.in_thread(lambda: self._history.state(id))
            _not_over(state)
            self._history.task(state, task)
            if id not in self._working:
                await self._tools.in_thread(lambda: self.kill_leftovers(id))
                await self._tools.journal.record_all(ended_at_rest(state, self._clock(), reason, task))
                return await self._tools.in_thread(lambda: self._history.show(id))
            runner = self._working.runner(id)
        if isinstance(runner, Rollback):
            raise _rolled_back(id)
        await runner.cancel(task, reason)
        return await self._tools.in_thread(lambda: self._history.show(id))

    async def settled(self, run: str) -> str:
        """The whole id of `run`; if it has just told its end, nothing of it goes on any more."""
        id = await self._tools.in_thread(lambda: self._history.find(run))
        state = self._working.state(id)
        if state is not None and state.outcome is not None:
            await self._working.gone(id)
        return id

    def kill_leftovers(self, run: str) -> None:
        """End what an engine that was killed may have left of a run, so that two attempts never run at the same time.

        Blocks.
        """
        kill_marked(f"CIS_HOME={self._tools.home.root}", f"CIS_RUN={run}")

    async def _cancel_at_rest(self, run: str, finish: Finish) -> None:
        state = await self._tools.in_thread(lambda: self._history.state(run))
        _not_over(state)
        await self._tools.in_thread(lambda: self.kill_leftovers(run))
        end = {"run": run, "status": finish.status.value, "error": finish.error}
        ends = ended_at_rest(state, self._clock(), finish.error)
        await self._tools.journal.record_all([*ends, (EventType.RUN_FAILED, end)])


def _not_over(state: RunState) -> None:
    """Raises Refused if a run that nothing works on has ended, or is being rolled back."""
    if state.outcome is not None:
        raise Refused("CIS-DAG-062", f"the run {state.id} is already {state.outcome}")
    if state.undo.rolling:
        hint = f"cis run resume {state.id} goes on with that"
        raise Refused("CIS-DAG-124", f"the run {state.id} is being rolled back", hint=hint)


def _rolled_back(run: str) -> Refused:
    return Refused("CIS-DAG-124", f"the run {run} is being rolled back", hint=f"cis run show {run} tells how far")
