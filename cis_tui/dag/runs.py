"""`RunService`: starts, resumes, cancels and shows runs (spec, Task Execution Flow)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from cis_tui.core.clock import Clock, Instant, utc_now
from cis_tui.core.config import Settings
from cis_tui.core.errors import NotFound, Refused
from cis_tui.core.events import EventType
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.core.text import clean_line
from cis_tui.dag.begin import run_resumed, run_started, task_views
from cis_tui.dag.calls import Calls
from cis_tui.dag.carried import Carried, again, carry, dropped, ended_at_rest, superseded
from cis_tui.dag.decisions import DecisionService
from cis_tui.dag.executors.names import LOCAL, PEER
from cis_tui.dag.executors.opening import Executors, memory_for
from cis_tui.dag.halting import CANCELLED, Halting
from cis_tui.dag.history import RunHistory
from cis_tui.dag.journal import Change, Journal
from cis_tui.dag.live import LiveState
from cis_tui.dag.model import DagSpec
from cis_tui.dag.outputs import log_path, read_chunk
from cis_tui.dag.prune import Keep, Pruner
from cis_tui.dag.record import RunRecord
from cis_tui.dag.rollback import Rollback, RollBackMemory
from cis_tui.dag.runner import Runner
from cis_tui.dag.scheduled import Due, scheduled_spec
from cis_tui.dag.skill_calls import SkillCalls
from cis_tui.dag.state import RunState
from cis_tui.dag.taken import carried_over, taken_over, taking
from cis_tui.dag.tools import AskAgent, Elsewhere, Tools
from cis_tui.dag.undo_plan import undo_plan
from cis_tui.dag.views import Debt, PruneReport, RunStatus, RunView, TaskView, UndoItem
from cis_tui.dag.working import WorkingRuns, stopping
from cis_tui.skills.kernel import Probe, this_kernel
from cis_tui.skills.memory import Caller, SkillMemory
from cis_tui.skills.model import SkillManifest
from cis_tui.skills.native import NativeSkills
from cis_tui.skills.process import Processes
from cis_tui.skills.scheduling import MAX_DEPTH, MAX_WAITING, Task
from cis_tui.skills.scheduling import REFUSED as SCHEDULING
from cis_tui.skills.wasm.cache import CompiledCache
from cis_tui.skills.wasm.pool import Pool
from cis_tui.skills.wasm.run import WasmSkills

T = TypeVar("T")
_LASTING = (RunStatus.COMPLETED, RunStatus.ROLLED_BACK, RunStatus.ROLLBACK_FAILED)
"""Ends from which a run does not go on."""


def _no_skill(project: str, name: str) -> SkillManifest:
    raise NotFound("CIS-SKILL-002", f'there is no skill "{name}"')


class RunService:
    """All runs of one engine.

    To be used on the engine's event loop, except `history`, `undo_plan`, `skills_of` and `rolling_back`, which block.
    """

    def __init__(
        self,
        *,
        home: Home,
        journal: Journal,
        identity: Identity,
        settings: Settings,
        clock: Clock = utc_now,
        memory_get: Callable[[str], str | None] = lambda key: None,
        roll_back_memory: RollBackMemory = lambda run, since: (),
        skill_memory: Callable[[Caller], SkillMemory] | None = None,
        find_skill: Callable[[str, str], SkillManifest] = _no_skill,
        probe: Probe = this_kernel,
        agents: AskAgent | None = None,
        elsewhere: Callable[[], Elsewhere | None] = lambda: None,
    ) -> None:
        """`memory_get` is what `memory("key")` gives in a template; both are called in threads. `skill_memory`: the
        memory that a skill sees. `find_skill`: the skill that a project calls by a name, trusted, or an error. `probe`:
        what the kernel can hold a native skill to. `agents`: what does the tasks that ask an agent. `elsewhere`: what
        has tasks carried out by other nodes, once there is something."""
        self._home = home
        self._journal = journal
        self._memory_get = memory_get
        self._roll_back_memory = roll_back_memory
        self._find_skill = find_skill
        self._clock = clock
        self._identity = identity
        self.history = RunHistory(home, lambda run: self._working.state(run))
        """What the journal tells, of decisions too; its methods block."""
        self.decisions = DecisionService(
            journal=journal,
            identity=identity,
            settings=settings.decisions,
            clock=clock,
            stored=self.history.decisions,
            known=self.history.decision,
        )
        self._tools = Tools(
            home=home,
            journal=journal,
            decisions=self.decisions,
            processes=Processes(),
            log_limit=int(settings.runs.log_mb * 1_000_000),
            threads=ThreadPoolExecutor(max_workers=4, thread_name_prefix="cis-runs"),
            agents=agents,
            elsewhere=elsewhere,
        )
        self._wasm = WasmSkills(
            Pool(CompiledCache(home.compiled, identity.derived("compiled modules"))),
            memory=skill_memory,
            schedule=self.schedule,
            threads=self._tools.threads,
        )
        self._native = NativeSkills(
            home, self._tools.processes, probe=probe, memory=skill_memory, threads=self._tools.threads
        )
        self._executors = Executors(
            home,
            self._tools.processes,
            settings.dask,
            native=self._native,
            wasm=self._wasm,
            max_parallel=settings.core.max_parallel,
        )
        self._working = WorkingRuns(self._tools, roll_back_memory)
        self.skill_calls = SkillCalls(home, self._native, self._wasm, journal, self.decisions)
        """The skills that are called outside of any run."""
        self._changing = asyncio.Lock()
        """Held while a run that is not live is made live, or ended."""
        self._changes: set[asyncio.Task[RunView]] = set()
        self._closed = False
        self._keep_days = settings.runs.keep_days
        self._pruner = Pruner(self._tools, self._working, self._changing)
        self._halting = Halting(
            tools=self._tools,
            history=self.history,
            working=self._working,
            changing=self._changing,
            me=identity.did,
            clock=clock,
        )

    @property
    def busy(self) -> int:
        """Those of them that wait for more than their time."""
        return self._working.busy

    @property
    def active(self) -> int:
        """Runs that are worked on."""
        return len(self._working)

    # Reading

    def skills_of(self, run: str) -> set[str]:
        """The names of the skills that the run with this whole id calls."""
        return self.history.record(run).spec.skills

    def undo_plan(self, run: str) -> tuple[UndoItem, ...]:
        """What a rollback of `run` would take back of its tasks and files, in that order, with how far that is.

        Raises:
            NotFound: there is no such run.
        """
        state = self.history.state(self.history.find(run))
        record = self.history.record(state.id)
        plan = undo_plan(record, Calls(record, {}, self._memory_get), state)
        return tuple(state.undo.items.get(item.key, item) for item in plan.items)

    # Changing

    async def schedule(self, caller: Caller, task: Task, held: asyncio.Event) -> str:
        """Have a skill called later, for the skill that calls; the id of the run when it is recorded.

        It begins when `held` is set and its time has come.

        Raises:
            CisError: there is no such skill, it has errors, or is not trusted.
            Refused: too much is scheduled, or too much by what was scheduled itself (CIS-SKILL-077).
            Unavailable: as `start`.
        """
        manifest = await self._tools.in_thread(lambda: self._find_skill(caller.project, task.skill))
        depth = 1
        if caller.run in self._working:
            depth += self._working.runner(caller.run).record.depth
        if depth > MAX_DEPTH or self._working.scheduled >= MAX_WAITING:
            raise Refused(SCHEDULING, f"the skill {caller.skill} may schedule no more: too much waits already")
        at = Instant(float(self._clock()) + task.after)
        record = RunRecord(
            id=secrets.token_hex(5),
            spec=scheduled_spec(manifest, caller.skill, task.input, at),
            project=caller.project,
            by=caller.skill,
            depth=depth,
        )
        return (await self._unbroken(self._start(record, {manifest.name: manifest}, held=held))).id

    async def start(
        self,
        spec: DagSpec,
        *,
        project: str = "",
        project_name: str = "",
        max_parallel: int | None = None,
        stakeholders: Mapping[str, str] | None = None,
        params: Mapping[str, object] | None = None,
        skills: Mapping[str, SkillManifest] | None = None,
        yes: bool = False,
        executor: str = LOCAL,
    ) -> RunView:
        """Start a run of `spec`, which is valid and trusted; returns when that is recorded.

        Raises:
            CisError: `executor` cannot be used, or not for this, see `Executors.begin`.
            Unavailable: the journal cannot be written, or the engine is stopping (CIS-DAG-041, 064).
        """
        record = RunRecord(
            id=secrets.token_hex(5),
            spec=spec,
            project=project,
            project_name=project_name,
            max_parallel=max_parallel,
            stakeholders=dict(stakeholders or {}),
            params=dict(params or {}),
            yes=yes,
        )
        return await self._unbroken(self._start(record, skills or {}, executor))

    async def begin(self, record: RunRecord, skills: Mapping[str, SkillManifest]) -> RunView:
        """Start the run that `record` describes, here; returns when that is recorded.

        Raises:
            Unavailable: as `start`.
        """
        return await self._unbroken(self._start(record, skills))

    async def resume(
        self, run: str, *, skills: Mapping[str, SkillManifest] | None = None, yes: bool = False, executor: str = ""
    ) -> RunView:
        """Go on with a paused run, or run again what failed, was cancelled or skipped; completed tasks never.

        `executor`: another one than it had.

        Raises:
            NotFound: there is no such run.
            Refused: it goes on, and with another executor (CIS-DAG-172).
            CisError: as `start`.
        """
        return await self._unbroken(self._resume(run, skills or {}, yes, executor))

    async def rerun(
        self,
        run: str,
        start: str,
        *,
        skills: Mapping[str, SkillManifest] | None = None,
        yes: bool = False,
        executor: str = "",
    ) -> RunView:
        """A new run of the DAG of `run`, which has ended, that begins with the task `start`; see `taken_over`.

        Raises:
            NotFound: there is no such run, or no such task in it (CIS-DAG-063).
            Refused: it has not ended (CIS-DAG-124).
            Unavailable: as `start`.
        """
        return await self._unbroken(self._rerun(run, start, skills or {}, yes, executor))

    async def roll_back(
        self,
        run: str,
        *,
        skills: Mapping[str, SkillManifest] | None = None,
        skip: Iterable[str] = (),
        executor: str = "",
    ) -> RunView:
        """Take back what a run did that has ended or is paused; returns when it is recorded that this begins.

        `skip`: tasks whose steps are left out; `executor`: where steps run, rather than where their tasks ran.

        Raises:
            NotFound: there is no such run, or no such task to skip (CIS-DAG-063).
            Refused: it goes on (CIS-DAG-124) or is rolled back already (CIS-DAG-125).
            Unavailable: as `start`.
        """
        return await self._unbroken(self._begin_rollback(run, skills or {}, tuple(skip), executor))

    def rolling_back(self) -> Sequence[str]:
        """The runs whose rollback was interrupted, to be resumed; blocks."""
        return [id for id in self.history.rolling_back() if id not in self._working]

    async def cancel(self, run: str, task: str = "", *, reason: str = "") -> RunView:
        """End a run, or one task of it, and all its processes; returns when it has ended. See `Runner.cancel`.

        Raises:
            NotFound: there is no such run, or task (CIS-DAG-063).
            Refused: it has ended already (CIS-DAG-062, 181), or is being rolled back (CIS-DAG-124).
            Unavailable: as `start`.
        """
        return await self._unbroken(
            self._halting.cancel_task(run, task, reason) if task else self._halting.cancel(run, reason)
        )

    async def pause(self, run: str) -> RunView:
        """Let no task of a run start any more, see `Runner.pause`; of one that is paused already nothing changes.

        Raises:
            NotFound: there is no such run.
            Refused: it has ended (CIS-DAG-062), is being rolled back (CIS-DAG-124), or its engine ended (CIS-DAG-180).
            Unavailable: as `start`.
        """
        return await self._unbroken(self._halting.pause(run))

    async def prune(self, keep: Keep, *, dry_run: bool = False) -> PruneReport:
        """Remove runs that are over, with their events, logs and before-images, unless something is open about them.

        Raises:
            Unavailable: as `start`; what is left goes with the next prune.
        """
        return await self._pruner.prune(keep, dry_run=dry_run)

    def begin_pruning(self) -> None:
        """Remove in the background what is older than the settings allow, and what an earlier prune has left."""
        before = Instant(self._clock() - 86_400 * self._keep_days) if self._keep_days else None
        self._pruner.begin(before)

    async def settle(self, run: str, task: str, *, reason: str) -> Debt:
        """Say that the failure of `task`, which was tolerated, is made good, and how; recorded when this returns.

        Raises:
            NotFound: there is no such run or task.
            Refused: it is no debt (CIS-DAG-104), is settled already (CIS-DAG-105), or no reason is given (CIS-DAG-106).
            Unavailable: as `start`.
        """
        reason = clean_line(reason).strip()
        if not reason:
            raise Refused("CIS-DAG-106", "a debt is settled for a reason", hint='--reason "how it was made good"')
        async with self._changing:
            id = await self._tools.in_thread(lambda: self.history.find(run))
            await self._tools.in_thread(lambda: self.history.open_debt(id, task))
            settled = {"run": id, "task": task, "reason": reason, "by": self._identity.did}
            await self._journal.record(EventType.DEBT_SETTLED, settled)
            found = await self._tools.in_thread(lambda: self.history.debts(id, all=True))
        return next(debt for debt in found if debt.task == task)

    async def close(self) -> None:
        """End every process. Runs that had not ended are paused; nothing is recorded about what was in flight."""
        self._closed = True
        self._tools.processes.hurry()
        self._working.shut()
        await self._pruner.close()
        await asyncio.gather(self.skill_calls.close(), *self._changes, return_exceptions=True)
        await self._working.close()
        await self.decisions.close()
        await self._native.close()
        await self._wasm.close()
        await self._tools.processes.close()
        self._tools.threads.shutdown()

    # How

    async def _start(
        self,
        record: RunRecord,
        skills: Mapping[str, SkillManifest],
        executor: str = LOCAL,
        *,
        held: asyncio.Event | None = None,
    ) -> RunView:
        runner = await self._runner(record, skills, executor, held=held)
        tasks = task_views(record.spec)
        data = run_started(record.id, record.spec, record.project, record.params, tasks, executor=runner.executors.name)
        return await self._working.begin(runner, LiveState(tasks=tasks), [(EventType.RUN_STARTED, data)], record)

    async def _runner(
        self,
        record: RunRecord,
        skills: Mapping[str, SkillManifest],
        executor: str,
        carried: Carried | None = None,
        *,
        held: asyncio.Event | None = None,
    ) -> Runner:
        """What works on a run, with an executor that can carry it out."""
        executors = await self._executors.begin(executor, record, skills)
        calls = Calls(record, skills, memory_for(executor, self._memory_get))
        return Runner(record, calls, self._tools, executors, carried=carried, due=self._due(record, held))

    async def _begin_rollback(
        self, run: str, skills: Mapping[str, SkillManifest], skip: tuple[str, ...], executor: str
    ) -> RunView:
        id = await self._halting.settled(run)
        async with self._changing:
            state, record = await self._tools.in_thread(lambda: (self.history.state(id), self.history.record(id)))
            if id in self._working:
                hint = f"cis run cancel {id} ends it first"
                raise Refused("CIS-DAG-124", f"the run {id} is {state.status}", hint=hint)
            if state.status is RunStatus.ROLLED_BACK:
                raise Refused("CIS-DAG-125", f"the run {id} is rolled back already")
            for task in skip:
                self.history.task(state, task)
            await self._tools.in_thread(lambda: self._halting.kill_leftovers(id))
            changes = [] if state.undo.rolling else ended_at_rest(state, self._clock(), CANCELLED.error)
            again = state.outcome is RunStatus.ROLLBACK_FAILED or state.undo.rolling
            data = {"run": id, "error": state.undo.reason if again else state.error, "skip": list(skip)}
            changes.append((EventType.ROLLBACK_STARTED, data))
            return await self._begin_undo(record, skills, state, changes, executor)

    async def _begin_undo(
        self,
        record: RunRecord,
        skills: Mapping[str, SkillManifest],
        state: RunState,
        changes: list[Change],
        executor: str = "",
    ) -> RunView:
        """Record `changes`, after which the run is rolling back, and go on with that."""
        await self._journal.record_all(changes)
        state = await self._tools.in_thread(lambda: self.history.state(record.id))
        executors = self._executors.as_before(record, executor)
        abroad = next((task.executor for task in state.tasks.values() if task.executor not in ("", PEER)), LOCAL)
        calls = Calls(record, skills, memory_for(executor or abroad, self._memory_get))
        rollback = Rollback(record, calls, self._tools, executors, state, self._roll_back_memory)
        return await self._working.begin_rollback(rollback, state)

    def _due(self, record: RunRecord, held: asyncio.Event | None = None) -> Due | None:
        return Due(self._clock, held) if record.by else None

    async def _resume(self, run: str, skills: Mapping[str, SkillManifest], yes: bool, executor: str) -> RunView:
        id = await self._halting.settled(run)
        async with self._changing:
            if id in self._working:
                runner = self._working.runner(id)
                if executor and executor != runner.executors.name:
                    what = f"the run {id} goes on with {runner.executors.name}"
                    raise Refused("CIS-DAG-172", what, hint=f"cis run cancel {id} ends it first")
                if isinstance(runner, Runner):
                    await runner.go_on(self._identity.did)
                return await self._tools.in_thread(lambda: self.history.show(id))
            state, record = await self._tools.in_thread(lambda: (self.history.state(id), self.history.record(id)))
            if state.outcome in _LASTING:
                return state.view()
            await self._tools.in_thread(lambda: self._halting.kill_leftovers(id))
            if state.undo.rolling:
                return await self._begin_undo(record, skills, state, [], executor)
            anew = again(state)
            carried = await self._tools.in_thread(
                lambda: carry(state, anew, last_words=lambda task: self._last(state, task))
            )
            # A yes that was given to the run still holds; that a task may run a second time is asked on its own.
            record = replace(record, yes=record.yes or yes)
            carried = replace(carried, rerun=yes)
            self.decisions.adopt(await self._tools.in_thread(lambda: self.history.rules(id, all=True)))
            runner = await self._runner(record, skills, executor or state.executor, carried)
            resumed = run_resumed(id, anew, dropped(state, anew), executor=runner.executors.name)
            changes = [*superseded(state, self._clock()), (EventType.RUN_STARTED, resumed)]
            return await self._working.begin(runner, LiveState(state), changes)

    async def _rerun(
        self, run: str, start: str, skills: Mapping[str, SkillManifest], yes: bool, executor: str
    ) -> RunView:
        id = await self._halting.settled(run)
        state, record = await self._tools.in_thread(lambda: (self.history.state(id), self.history.record(id)))
        if state.outcome is None or id in self._working:
            hint = f"cis run resume {id} goes on with it, cis run cancel {id} ends it"
            raise Refused("CIS-DAG-124", f"the run {id} has not ended", hint=hint)
        self.history.task(state, start)
        record = replace(record, id=secrets.token_hex(5), yes=yes)
        over = taken_over(state, start)
        runner = await self._runner(record, skills, executor or state.executor, carried_over(state, over))
        tasks, name = task_views(record.spec), runner.executors.name
        started = run_started(record.id, record.spec, record.project, record.params, tasks, executor=name)
        changes: list[Change] = [(EventType.RUN_STARTED, {**started, "rerun_of": id, "from": start})]
        changes += taking(record.id, state, over)
        return await self._working.begin(runner, LiveState(tasks=tasks), changes, record)

    def _last(self, state: RunState, task: TaskView) -> str:
        path = log_path(self._home.runs, state.id, task.id, task.attempts)
        return read_chunk(path, task.attempts, -400, 400, live=False).text.strip()

    async def _unbroken(self, work: Coroutine[object, object, RunView]) -> RunView:
        """Do `work` to its end even when the caller goes away."""
        if self._closed:
            work.close()
            raise stopping()
        task = asyncio.ensure_future(work)
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        return await asyncio.shield(task)
