"""Takes back what a run did (spec, Rollback Flow): steps of its tasks, then files, then memory, each recorded first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from cis_tui.core.clock import Instant
from cis_tui.core.codec import encode
from cis_tui.core.errors import CisError, Unavailable
from cis_tui.core.events import EventType
from cis_tui.core.text import clean_line
from cis_tui.dag.attempt import Outcome, stored
from cis_tui.dag.attempts import elsewhere
from cis_tui.dag.calls import Call, Calls
from cis_tui.dag.checkpoint import Checkpoints, undo_folder
from cis_tui.dag.executors.base import Place, Work
from cis_tui.dag.executors.names import PEER
from cis_tui.dag.executors.opening import RunExecutors
from cis_tui.dag.groups import Groups
from cis_tui.dag.journal import Change
from cis_tui.dag.model import TaskSpec, UndoStep
from cis_tui.dag.outputs import Output, log_path
from cis_tui.dag.record import RunRecord
from cis_tui.dag.restore import restore
from cis_tui.dag.schedule import Finish
from cis_tui.dag.state import RunState
from cis_tui.dag.tools import Tools
from cis_tui.dag.undo import OPEN
from cis_tui.dag.undo_plan import facts_at_end, has_steps, undo_plan
from cis_tui.dag.views import RunStatus, UndoItem, UndoKind, UndoStatus
from cis_tui.memory.rollback import Restored

log = logging.getLogger(__name__)
RollBackMemory = Callable[[str, Instant], Sequence[Restored]]
"""Brings every entry that a run, which began at that moment, wrote back to the version before; blocks."""


class Rollback:
    """One rollback, from its start or resumption to its end."""

    def __init__(
        self,
        record: RunRecord,
        calls: Calls,
        tools: Tools,
        executors: RunExecutors,
        state: RunState,
        roll_back_memory: RollBackMemory,
    ) -> None:
        """`state`: the run after its RollbackStarted event."""
        self.record = record
        self._calls = calls
        self._tools = tools
        self._journal = tools.journal
        self.executors = executors
        self._state = state
        self._undo = state.undo
        self._items = dict(state.undo.items)
        self._roll_back_memory = roll_back_memory
        self._facts = facts_at_end(state)
        self._checkpoints = Checkpoints(undo_folder(tools.home.runs, record.id), calls.root)
        self._working: asyncio.Task[None] | None = None
        self._stopped = False

    async def drive(self) -> None:
        """Work until everything is taken back, something cannot be, or it is stopped.

        Raises:
            CisError: the journal cannot be written; the rollback can be resumed.
        """
        if self._stopped:
            return
        self._working = asyncio.ensure_future(self._work())
        await asyncio.wait({self._working})
        if not self._working.cancelled():
            self._working.result()

    def stop(self, finish: Finish | None) -> None:
        """Leave the rollback as it is, to be resumed."""
        self._stopped = True
        if self._working is not None:
            self._working.cancel()

    async def _work(self) -> None:
        plan = await self._tools.in_thread(lambda: undo_plan(self.record, self._calls, self._state))
        await self._plan(plan.items)
        stuck = await self._take_back(plan.groups, plan.order)
        if not stuck:
            await self._restore_files()
            await self._restore_memory()
        await self._conclude(stuck)

    # What there is to do

    async def _plan(self, items: Iterable[UndoItem]) -> None:
        """Record what is left to do."""
        known = {item.key: self._items.get(item.key, item) for item in items}
        left = [replace(item, attempts=known[item.key].attempts) for item in items if known[item.key].status in OPEN]
        await self._tell(EventType.UNDO_PLANNED, left)

    async def _tell(self, type: EventType, items: Sequence[UndoItem]) -> None:
        """Record the present state of some items."""
        if items:
            self._items.update((item.key, item) for item in items)
            await self._journal.record(type, {"run": self.record.id, "items": encode(items)})

    # Phase 1: the tasks' own steps, the latest task first

    async def _take_back(self, groups: Groups, order: Sequence[str]) -> str:
        """Run the steps of each task; why it stopped, empty if it did not."""
        passed: list[str] = []
        for id in order:
            if id in self._undo.skipped:
                await self._leave_out(id)
                continue
            task = groups.tasks.get(id)
            if task is None or not has_steps(task):
                if task is not None and self._undo.effects[id]:
                    passed.append(id)
                continue
            await self._record_passed(passed)
            for number, step in enumerate(task.rollback, 1):
                failure = await self._step(groups, task, number, step)
                if failure:
                    return f'the rollback of "{id}" failed: {failure}'
            passed.append(id)
        await self._record_passed(passed)
        return ""

    async def _leave_out(self, id: str) -> None:
        items = [item for item in self._items.values() if item.task == id and item.kind is UndoKind.COMMAND]
        left = [replace(item, status=UndoStatus.SKIPPED) for item in items if item.status in OPEN]
        await self._tell(EventType.UNDO_ENDED, left)

    async def _record_passed(self, passed: list[str]) -> None:
        if passed:
            run = self.record.id
            await self._journal.record_all((EventType.TASK_ROLLED_BACK, {"run": run, "task": id}) for id in passed)
            passed.clear()

    async def _step(self, groups: Groups, task: TaskSpec, number: int, step: UndoStep) -> str:
        """Run one step, attempt after attempt; why it failed, empty if it did not or had ended before."""
        item = self._items[UndoKind.COMMAND, f"{task.id}#{number}"]
        if item.status not in OPEN:
            return ""
        retry = step.retry or task.retry
        failures = 0
        while True:
            outcome, item = await self._attempt(groups, task, step, item)
            if outcome.ok:
                await self._tell(EventType.UNDO_ENDED, [replace(item, status=UndoStatus.RESTORED, detail="")])
                return ""
            failures += 1
            detail = clean_line(outcome.error, limit=1000)
            if outcome.final or failures > retry.max:
                await self._tell(EventType.UNDO_ENDED, [replace(item, status=UndoStatus.FAILED, detail=detail)])
                return detail
            await asyncio.sleep(retry.delay(failures))

    async def _attempt(
        self, groups: Groups, task: TaskSpec, step: UndoStep, item: UndoItem
    ) -> tuple[Outcome, UndoItem]:
        """One attempt, whose start is recorded before it; with the item as it is then."""
        try:
            calls = groups.of(task.id).calls
            call = await self._tools.in_thread(lambda: calls.undoing(task, step, self._facts))
        except CisError as error:
            return Outcome(False, None, error=error.message, final=True), item
        item = replace(item, attempts=item.attempts + 1, command=clean_line(call.shown), detail="")
        async with AsyncExitStack() as slots:
            try:
                place = await self._place(task, slots)
            except CisError as error:
                return Outcome(False, None, error=error.message), item
            await self._tell(EventType.UNDO_STARTED, [item])
            self._calls.secrets.add_env(call.env)
            path = log_path(self._tools.home.runs, self.record.id, f"{item.id} rollback", item.attempts)
            try:
                output = Output(
                    path,
                    lambda text: self._tell_output(item, text),
                    secrets=self._calls.secrets,
                    limit=self._tools.log_limit,
                )
            except OSError as error:
                return Outcome(False, None, error=f"the output cannot be kept: {error}"), item
            try:
                outcome = await place.run(self._work_of(task, step, call, item), output)
                outcome = stored(outcome, output, self._calls.secrets)
            finally:
                output.close()
        last = (outcome.output if outcome.shown is None else outcome.shown).strip()
        return (outcome if outcome.ok or not last else replace(outcome, error=f"{outcome.error}: {last[-500:]}")), item

    async def _place(self, task: TaskSpec, slots: AsyncExitStack) -> Place:
        """Room where the task ran, or at least on its machine."""
        ran = self._state.tasks[task.id]
        if ran.executor == PEER:
            place = elsewhere(self._tools, task.target_node or "", self._calls.secrets, self.record)
            if place is None:
                raise Unavailable("CIS-P2P-103", f"{ran.worker}, where it ran, is no node of yours any more")
            return place
        executor = await self.executors.of(ran.executor)
        worker = ran.worker if executor.name == ran.executor else ""
        return await slots.enter_async_context(executor.place(task.target_node, worker=worker))

    def _tell_output(self, item: UndoItem, text: str) -> None:
        data = {"run": self.record.id, "task": item.id, "attempt": item.attempts, "text": text}
        self._journal.emit(EventType.TASK_OUTPUT, data)

    def _work_of(self, task: TaskSpec, step: UndoStep, call: Call, item: UndoItem) -> Work:
        outcome = "completed" if self._undo.effects[task.id] else "unknown"
        told = {"CIS_ROLLBACK": "1", "CIS_OUTCOME": outcome}
        return Work(call, self.record.id, self.record.project, task.id, item.attempts, step.skill, told)

    # Phase 2: files, then memory

    async def _restore_files(self) -> None:
        items = [item for item in self._items.values() if item.kind is UndoKind.FILE and item.status in OPEN]
        if not items:
            return
        items = [replace(item, attempts=item.attempts + 1, detail="") for item in items]
        await self._tell(EventType.UNDO_STARTED, items)
        kept = [self._undo.files[item.id] for item in items]
        found = await self._tools.in_thread(lambda: restore(kept, self._checkpoints))
        ended = [replace(item, status=found[item.id][0], detail=found[item.id][1]) for item in items]
        await self._tell(EventType.UNDO_ENDED, ended)

    async def _restore_memory(self) -> None:
        """Memory itself knows what the run wrote, and what is taken back: a kill is mended by doing it again."""
        try:
            found = await self._tools.in_thread(lambda: self._roll_back_memory(self.record.id, self._state.started_at))
        except CisError as error:
            item = UndoItem(UndoKind.MEMORY, "memory", UndoStatus.FAILED, detail=clean_line(error.message, limit=1000))
            await self._tell(EventType.UNDO_ENDED, [item])
            return
        items = [_memory_item(number, each) for number, each in enumerate(found, 1)]
        whole = self._items.get((UndoKind.MEMORY, "memory"))
        if whole is not None:
            items.append(replace(whole, status=UndoStatus.RESTORED, detail=""))
        await self._tell(EventType.UNDO_ENDED, items)

    # The end

    async def _conclude(self, stuck: str) -> None:
        failed = [item for item in self._items.values() if item.status is UndoStatus.FAILED]
        conflicts = sum(item.status is UndoStatus.CONFLICT for item in self._items.values())
        status = RunStatus.ROLLBACK_FAILED if failed or stuck else RunStatus.ROLLED_BACK
        told = [self._undo.reason]
        if stuck:
            told.append(stuck)
        elif failed:
            told.append(f"{failed[0].id} could not be taken back: {failed[0].detail}")
        if conflicts:
            told.append(f"{conflicts} changed since by somebody else and kept")
        error = clean_line("; ".join(filter(None, told)), limit=2000)
        end: Change = (EventType.RUN_FAILED, {"run": self.record.id, "status": status.value, "error": error})
        await self._journal.record_all([end])
        if status is RunStatus.ROLLED_BACK and not any(item.detail for item in self._items.values()):
            await self._tools.in_thread(self._checkpoints.drop)


def _memory_item(number: int, restored: Restored) -> UndoItem:
    """The journal is in clear: it does not name what is private."""
    status = {True: UndoStatus.RESTORED, False: UndoStatus.CONFLICT}[restored.done]
    return UndoItem(UndoKind.MEMORY, restored.key or f"private entry {number}", status, detail=restored.detail)
