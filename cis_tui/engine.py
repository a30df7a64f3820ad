"""The composition root: builds the services of one CIS home and offers them as `EngineApi`."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec, TypeVar

from cis_tui import __version__
from cis_tui.agents.conversations import Conversations
from cis_tui.agents.door import build_door
from cis_tui.agents.model import (
    AgentInfo,
    ContextView,
    Conversation,
    ConversationView,
    FileUndo,
    Sent,
    Stopped,
    ToolRule,
)
from cis_tui.agents.roster import Roster
from cis_tui.agents.service import AgentService
from cis_tui.agents.surroundings import Surroundings
from cis_tui.agents.talk import Prompting
from cis_tui.agents.tasks import AgentTasks
from cis_tui.agents.tools import Tool
from cis_tui.core.clock import Clock, Instant, utc_now
from cis_tui.core.config import AgentSettings, Settings, load_config
from cis_tui.core.errors import CisError, NotFound
from cis_tui.core.events import Event, EventBus, EventType
from cis_tui.core.identity import Identity, load_identity
from cis_tui.core.lock import take_lock
from cis_tui.core.logs import start_log, stop_log
from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE, Home
from cis_tui.dag.answers import Edit, Refusal
from cis_tui.dag.dag_skills import endings, result_of
from cis_tui.dag.executors.opening import foresee
from cis_tui.dag.inspection import DecisionDetail, Rule, TrailEntry
from cis_tui.dag.journal import Journal
from cis_tui.dag.model import DagSpec
from cis_tui.dag.prune import Keep
from cis_tui.dag.runs import RunService
from cis_tui.dag.skill_calls import read_log
from cis_tui.dag.template import Private, bind_params
from cis_tui.dag.tool_calls import ToolCall, ask_about
from cis_tui.dag.tool_questions import ToolQuestions
from cis_tui.dag.views import (
    Choice,
    DagInfo,
    DagPlan,
    Debt,
    Decision,
    LogChunk,
    PruneReport,
    RunSummary,
    RunView,
    UndoItem,
    UndoKind,
)
from cis_tui.memory.branches import MemoryTree
from cis_tui.memory.keeper import IndexKeeper
from cis_tui.memory.queries import IndexStatus, Query, SearchResult
from cis_tui.memory.records import (
    ArchiveReport,
    Domain,
    ExportPage,
    IndexType,
    KeyState,
    MemoryConflict,
    MemoryItem,
    MemoryPage,
    MemoryUndo,
    MemoryWrite,
    RekeyReport,
)
from cis_tui.memory.rekey import Rekey
from cis_tui.memory.service import MemoryService
from cis_tui.memory.stats import MemoryStats
from cis_tui.memory.weekly import WeeklyArchive
from cis_tui.project.agent_tools import workspace_tools
from cis_tui.project.following import Following
from cis_tui.project.guide import agent_context
from cis_tui.project.model import ProjectInfo, TrustReport
from cis_tui.project.session import ProjectSession
from cis_tui.project.trust import TrustStore
from cis_tui.protocol import EngineStatus
from cis_tui.skills.arguments import checked
from cis_tui.skills.audit import MemoryTrail
from cis_tui.skills.intent import Intent, read_intent
from cis_tui.skills.kernel import Probe, this_kernel
from cis_tui.skills.memory import Caller, SkillMemory
from cis_tui.skills.model import SkillInfo, SkillManifest, SkillResult, SkillRun, SkillType
from cis_tui.skills.snapshot import Snapshots

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class Engine:
    """One live engine: it owns a CIS home and serves any number of projects and faces.

    Implements `EngineApi`. At most one is live for a home (architecture, "The engine").
    """

    def __init__(
        self,
        *,
        home: Home,
        settings: Settings,
        identity: Identity,
        journal: Journal,
        clock: Clock,
        probe: Probe,
        opened: ExitStack,
    ) -> None:
        """Use `start`."""
        self._probe = probe
        self.home = home
        self.settings = settings
        self.bus = journal.bus
        self.staying = False
        """Whether it was asked to live without a face."""
        self.faces = 0
        """Workspaces attached, kept by the server."""
        self._opened = opened
        self._identity = identity
        self._clock = clock
        self._started_at = clock()
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="cis-engine")
        self._journal = journal
        self.bus.began_after = self._journal.last_seq
        self._memory = MemoryService(
            home,
            node=identity.did,
            clock=clock,
            hot_weeks=settings.memory.hot_weeks,
            total_weeks=settings.memory.total_weeks,
            vectors=settings.memory.vectors,
            on_event=self._on_memory,
            auto_lock=settings.memory.auto_lock,
        )
        self._trail = MemoryTrail(journal.note, journal.emit, clock)
        self._weekly = WeeklyArchive(self._memory.archive, clock)
        self._index = IndexKeeper(self._memory)
        self._trust = TrustStore(home)
        self._snapshots = Snapshots(home.skill_copies)
        self._agents = AgentService(self._surroundings())
        self._runs = RunService(
            home=home,
            journal=self._journal,
            identity=identity,
            settings=settings,
            clock=clock,
            memory_get=self._memory_text,
            roll_back_memory=self._memory.roll_back,
            skill_memory=self._memory_for,
            probe=probe,
            find_skill=lambda project, name: self._session(project).runnable_skill(name),
            agents=AgentTasks(self._agents, self._memory),
        )
        self._sessions: dict[str, ProjectSession] = {}
        self._following = Following(home, journal.note, self._threads)
        self._closed = False

    @classmethod
    async def start(
        cls,
        home: Home,
        *,
        project: Path | None = None,
        flags: Mapping[str, object] | None = None,
        clock: Clock = utc_now,
        probe: Probe = this_kernel,
    ) -> Engine:
        """Bring an engine to life on `home`; `probe` says what the kernel can hold a native skill to.

        Raises:
            Unavailable: another engine is live there (CIS-ENG-001).
            CisError: the settings, the identity or the journal cannot be read.
        """
        with ExitStack() as opened:
            opened.callback(os.close, take_lock(home.ensure()))
            project_file = project / PROJECT_DIR / PROJECT_FILE if project else None
            config = load_config(home.config_file, project_file=project_file, flags=flags)
            opened.callback(stop_log, start_log(home, config.settings.core.log_level))
            for warning in config.warnings:
                log.warning("%s", warning)
            identity = load_identity(home)
            journal = Journal(home.runs_db, EventBus(), clock=clock, identity=identity)
            opened.callback(journal.close)
            engine = cls(
                home=home,
                settings=config.settings,
                identity=identity,
                journal=journal,
                clock=clock,
                probe=probe,
                opened=opened.pop_all(),
            )
        await engine._finish_rollbacks()
        await engine._wait_for_scheduled()
        engine._weekly.start()
        engine._runs.begin_pruning()
        engine._index.start()
        log.info("engine %s started, pid %d", __version__, os.getpid())
        return engine

    async def close(self) -> None:
        """End every process, write what is buffered, and let go of the home. Runs that go on become paused."""
        if self._closed:
            return
        self._closed = True
        await self._following.close()
        await self._runs.close()
        await self._agents.close()
        await self._in_thread(self._snapshots.clear)
        await self._weekly.stop()
        await self._in_thread(self._index.close)
        await self._in_thread(self._memory.close)
        log.info("engine stopped")
        await self._in_thread(self._opened.close)
        self._threads.shutdown()

    @property
    def idle(self) -> bool:
        """Whether no conversation and no run is active, but for those that wait for their time."""
        return self._runs.busy == 0 and self._agents.active == 0

    async def status(self) -> EngineStatus:
        """See `EngineApi`."""
        return EngineStatus(
            version=__version__,
            pid=os.getpid(),
            started_at=self._started_at,
            home=str(self.home.root),
            did=self._identity.did,
            staying=self.staying,
            faces=self.faces,
            active_runs=self._runs.active,
            pending_decisions=len(self._runs.decisions.list()),
            memory_entries=await self._in_thread(self._memory.counts),
            last_seq=self._journal.last_seq,
        )

    # Projects and trust

    async def project_open(self, project: str) -> ProjectInfo:
        """See `EngineApi`."""
        session = self._session(project)
        info = await self._in_thread(session.info)
        self._following.follow(session)
        self._journal.emit(EventType.PROJECT_OPENED, {"project": info.root, "name": info.name})
        return info

    async def trust_report(self, project: str) -> TrustReport:
        """See `EngineApi`."""
        return await self._in_thread(self._trust.report, Path(project))

    async def trust_grant(self, project: str, digest: str, *, author: bool = False) -> ProjectInfo:
        """See `EngineApi`."""
        root = Path(project)
        await self._in_thread(lambda: self._trust.grant(root, digest, author=author))
        await self._following.look(self._session(str(root)))
        return await self._announce_reload(root)

    async def trust_revoke(self, project: str) -> None:
        """See `EngineApi`."""
        root = Path(project)
        await self._in_thread(self._trust.revoke, root)
        await self._announce_reload(root)

    async def _announce_reload(self, root: Path) -> ProjectInfo:
        info = await self._in_thread(self._session(str(root)).info)
        self._journal.emit(EventType.PROJECT_RELOADED, {"project": info.root, "trust": info.trust.value})
        return info

    # Memory

    async def memory_set(self, write: MemoryWrite, *, project: str = "") -> MemoryItem:
        """See `EngineApi`."""
        domain = await self._in_thread(self._default_domain, project)
        return await self._in_thread(lambda: self._memory.set(write, default_domain=domain))

    async def memory_set_many(self, writes: tuple[MemoryWrite, ...], *, project: str = "") -> int:
        """See `EngineApi`."""
        domain = await self._in_thread(self._default_domain, project)
        return await self._in_thread(lambda: self._memory.set_many(writes, default_domain=domain))

    async def memory_get(self, key: str, *, public_only: bool = False) -> MemoryItem | None:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.get(key, public_only=public_only))

    async def memory_delete(self, key: str, *, run: str = "") -> bool:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.delete(key, run=run))

    async def memory_list(
        self, prefix: str = "", *, domain: Domain | None = None, limit: int = 1000, offset: int = 0, cut: int = 0
    ) -> MemoryPage:
        """See `EngineApi`."""
        return await self._in_thread(
            lambda: self._memory.list(prefix, domain=domain, limit=limit, offset=offset, cut=cut)
        )

    async def memory_tree(self, prefix: str = "", *, domain: Domain | None = None) -> MemoryTree:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.tree(prefix, domain=domain))

    async def memory_history(self, key: str) -> tuple[MemoryItem, ...]:
        """See `EngineApi`."""
        return await self._in_thread(self._memory.history, key)

    async def memory_export(
        self, prefix: str = "", *, after: str = "", include_private: bool = False, include_sensitive: bool = False
    ) -> ExportPage:
        """See `EngineApi`."""
        return await self._in_thread(
            lambda: self._memory.export(
                prefix, after=after, include_private=include_private, include_sensitive=include_sensitive
            )
        )

    async def memory_stats(self) -> MemoryStats:
        """See `EngineApi`."""
        return await self._in_thread(self._memory.stats)

    async def memory_archive(self, week: str = "") -> tuple[ArchiveReport, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.archive(week, cancelled=self._weekly.stopping))

    async def memory_pin(self, key: str, *, pinned: bool = True, run: str = "") -> MemoryItem:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.revising(run).pin(key, pinned=pinned))

    async def memory_classify(
        self, key: str, kind: IndexType, *, declassify: bool = False, run: str = ""
    ) -> MemoryItem:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.revising(run).classify(key, kind, declassify=declassify))

    async def memory_undo(self, *, run: str = "") -> MemoryUndo:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.revising(run).undo())

    async def memory_conflicts(self, *, limit: int = 100) -> tuple[MemoryConflict, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.revisions.conflicts(limit=limit))

    async def memory_resolve(self, key: str, *, keep: str = "", run: str = "") -> MemoryItem:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.revising(run).resolve(key, keep=keep))

    async def memory_search(self, query: Query) -> SearchResult:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.search(query, embed_waiting=False))

    async def memory_index_status(self) -> IndexStatus:
        """See `EngineApi`."""
        return await self._in_thread(self._memory.index_status)

    async def memory_reindex(self) -> tuple[str, ...]:
        """See `EngineApi`."""
        found = await self._in_thread(self._memory.reindex)
        self._index.wake()
        return tuple(found)

    def _on_memory(self, type: str, data: Mapping[str, object]) -> None:
        # What a skill reached in memory, or tried to, is kept; what a person did is told and forgotten.
        (self._trail if "skill" in data else self._journal.emit)(type, data)
        if type != EventType.MEMORY_ACCESS:
            self._index.wake()

    async def memory_key_state(self) -> KeyState:
        """See `EngineApi`."""
        return await self._in_thread(self._memory.key_state)

    async def memory_unlock(self, passphrase: str = "") -> None:
        """See `EngineApi`."""
        await self._in_thread(self._memory.unlock, passphrase)

    async def memory_lock(self) -> None:
        """See `EngineApi`."""
        await self._in_thread(self._memory.lock)

    async def memory_rekey(self, kept: str = "", *, current: str = "", new: str = "") -> RekeyReport:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.rekey(Rekey(kept, current, new), _log_step))

    def _default_domain(self, project: str) -> Domain | None:
        project_file = Path(project) / PROJECT_DIR / PROJECT_FILE if project else None
        return Domain(load_config(self.home.config_file, project_file=project_file).settings.memory.default_domain)

    def _memory_for(self, caller: Caller) -> SkillMemory:
        """What a skill sees of memory."""
        return SkillMemory(self._memory, caller, self._on_memory, default_domain=self._default_domain)

    def _memory_text(self, key: str) -> str | None:
        """What `memory("key")` gives in a template."""
        item = self._memory.get(key)
        if item is None:
            return None
        text = item.value if isinstance(item.value, str) else item.value.decode("utf-8", "replace")
        return Private(text) if item.domain is Domain.PRIVATE else text

    # DAGs and runs

    async def dag_list(self, project: str) -> tuple[DagInfo, ...]:
        """See `EngineApi`."""
        return await self._in_thread(self._session(project).dags)

    async def dag_show(self, project: str, name: str) -> DagInfo:
        """See `EngineApi`."""
        return await self._in_thread(self._session(project).dag, name)

    async def dag_plan(self, project: str, name: str, params: Mapping[str, str], *, executor: str = "") -> DagPlan:
        """See `EngineApi`."""
        session = self._session(project)
        planned = await self._in_thread(lambda: session.plan(name, params, durations=self._runs.durations))
        if not executor:
            return planned
        spec, skills = await self._in_thread(session.called, name)
        warnings = await foresee(executor, spec, skills, self.settings.dask, project=project)
        return replace(planned, executor=executor, warnings=warnings)

    async def run_start(
        self, project: str, name: str, params: Mapping[str, str], *, yes: bool = False, executor: str = "local"
    ) -> RunView:
        """See `EngineApi`."""
        spec, skills = await self._in_thread(self._session(project).runnable, name)
        return await self._start_run(project, spec, skills, params, yes=yes, executor=executor)

    async def _start_run(
        self,
        project: str,
        spec: DagSpec,
        skills: Mapping[str, SkillManifest],
        params: Mapping[str, object],
        *,
        yes: bool,
        executor: str = "local",
    ) -> RunView:
        bound = bind_params(spec, params)
        info = await self._in_thread(self._session(project).info) if project else None
        return await self._runs.start(
            spec,
            project=project,
            project_name=info.name if info else "",
            max_parallel=info.max_parallel if info else None,
            stakeholders=info.stakeholders if info else {},
            params=bound,
            skills=skills,
            yes=yes,
            executor=executor,
        )

    async def run_list(self, project: str = "", *, limit: int = 50) -> tuple[RunSummary, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._runs.list(project, limit=limit))

    async def run_show(self, run: str) -> RunView:
        """See `EngineApi`."""
        return await self._in_thread(self._runs.show, run)

    async def run_logs(self, run: str, task: str, *, attempt: int = 0, offset: int = 0, limit: int = 65536) -> LogChunk:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._runs.logs(run, task, attempt=attempt, offset=offset, limit=limit))

    async def run_resume(self, run: str, *, yes: bool = False, executor: str = "") -> RunView:
        """See `EngineApi`."""
        view = await self.run_show(run)
        return await self._runs.resume(view.id, skills=await self._skills_of(view), yes=yes, executor=executor)

    async def run_rerun(self, run: str, task: str, *, yes: bool = False, executor: str = "") -> RunView:
        """See `EngineApi`."""
        view = await self.run_show(run)
        if view.project:
            await self._in_thread(self._session(view.project).require_trust)
        skills = await self._skills_of(view)
        return await self._runs.rerun(view.id, task, skills=skills, yes=yes, executor=executor)

    async def run_undo_plan(self, run: str) -> tuple[UndoItem, ...]:
        """See `EngineApi`."""
        view = await self.run_show(run)
        items = await self._in_thread(self._runs.undo_plan, view.id)
        return (*items, *await self._in_thread(self._memory_to_undo, view))

    def _memory_to_undo(self, view: RunView) -> list[UndoItem]:
        """What a run wrote into memory, as its journal would tell it: private entries are not named."""
        known = {item.id: item for item in view.undo if item.kind is UndoKind.MEMORY}
        try:
            keys = self._memory.entries_to_roll_back(view.id, view.started_at)
        except CisError as error:
            return [UndoItem(UndoKind.MEMORY, "memory", detail=error.message)]
        names = [key or f"private entry {number}" for number, key in enumerate(keys, 1)]
        return [known.get(name, UndoItem(UndoKind.MEMORY, name)) for name in names]

    async def run_rollback(self, run: str, *, skip: tuple[str, ...] = (), executor: str = "") -> RunView:
        """See `EngineApi`."""
        view = await self.run_show(run)
        return await self._runs.roll_back(view.id, skills=await self._skills_of(view), skip=skip, executor=executor)

    async def _skills_of(self, view: RunView) -> Mapping[str, SkillManifest]:
        """The skills that a run calls, once they are trusted as they are now."""
        names = await self._in_thread(self._runs.skills_of, view.id)
        return await self._in_thread(self._session(view.project).trusted_skills, names)

    async def _finish_rollbacks(self) -> None:
        """Go on with the rollbacks in which an engine ended."""
        for run in await self._in_thread(self._runs.rolling_back):
            try:
                await self.run_resume(run)
            except (CisError, OSError) as error:
                log.warning("the rollback of the run %s waits: %s", run, error)

    async def _wait_for_scheduled(self) -> None:
        """Go on with what skills have scheduled and an engine did not begin."""
        for run in await self._in_thread(self._runs.scheduled):
            try:
                await self.run_resume(run)
            except (CisError, OSError) as error:
                log.warning("the scheduled run %s waits: %s", run, error)

    async def run_pause(self, run: str) -> RunView:
        """See `EngineApi`."""
        return await self._runs.pause(run)

    async def run_cancel(self, run: str, task: str = "", *, reason: str = "") -> RunView:
        """See `EngineApi`."""
        return await self._runs.cancel(run, task, reason=reason)

    async def run_debts(self, run: str = "", *, project: str = "", all: bool = False) -> tuple[Debt, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._runs.debts(run, project, all=all))

    async def run_prune(self, *, before: Instant | None = None, newest: int = 0, dry_run: bool = False) -> PruneReport:
        """See `EngineApi`."""
        return await self._runs.prune(Keep(before, newest), dry_run=dry_run)

    async def run_settle(self, run: str, task: str, *, reason: str) -> Debt:
        """See `EngineApi`."""
        return await self._runs.settle(run, task, reason=reason)

    # Decisions

    async def decision_list(self, *, all: bool = False) -> tuple[Decision, ...]:
        """See `EngineApi`."""
        return self._runs.decisions.list(all=all)

    async def decision_show(self, id: str) -> DecisionDetail:
        """See `EngineApi`."""
        asked = self._runs.decisions.asked(id)
        try:
            return await self._in_thread(self._runs.history.detail, id)
        except NotFound:
            if asked is None:
                raise
            return asked  # it is on its way to the journal

    async def decision_ask(self, project: str, call: ToolCall) -> Decision:
        """See `EngineApi`."""
        return await ask_about(self._runs.decisions, call, project)

    async def decision_approve(
        self, id: str, *, reason: str = "", edit: Edit | None = None, alike: bool = False
    ) -> Decision:
        """See `EngineApi`."""
        return await self._runs.decisions.approve(id, reason=reason, edit=edit, alike=alike)

    async def decision_reject(self, id: str, *, reason: str = "", how: Refusal | None = None) -> Decision:
        """See `EngineApi`."""
        return await self._runs.decisions.reject(id, reason=reason, how=how)

    async def decision_hold(self, id: str) -> Decision:
        """See `EngineApi`."""
        return await self._runs.decisions.hold(id)

    async def decision_vote(self, id: str, choice: Choice, *, seat: str = "", reason: str = "") -> Decision:
        """See `EngineApi`."""
        return await self._runs.decisions.vote(id, choice, seat=seat, reason=reason)

    async def decision_rules(self, run: str = "", *, all: bool = False) -> tuple[Rule, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._runs.history.rules(run, all=all))

    async def decision_withdraw(self, id: str, *, reason: str = "") -> Rule:
        """See `EngineApi`."""
        rule = await self._in_thread(self._runs.history.rule, id)
        return await self._runs.decisions.withdraw(rule, reason=reason)

    async def decision_trail(self, id: str = "", *, run: str = "", limit: int = 1000) -> tuple[TrailEntry, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._runs.history.trail(id, run, limit=limit))

    # Skills

    async def skill_list(self, project: str) -> tuple[SkillInfo, ...]:
        """See `EngineApi`."""
        return await self._in_thread(self._session(project).skills)

    async def skill_intent(self, project: str, text: str) -> Intent:
        """See `EngineApi`."""
        return read_intent(text, await self.skill_list(project))

    async def skill_run(
        self,
        project: str,
        name: str,
        args: tuple[str, ...],
        input: Mapping[str, object],
        *,
        call: str = "",
        yes: bool = False,
    ) -> SkillResult:
        """See `EngineApi`."""
        manifest = await self._in_thread(self._session(project).runnable_skill, name)
        if manifest.type is SkillType.DAG:
            given = checked(name, manifest.exports, args, input)
            return await self._call_dag(manifest, project, given, yes=yes)
        return await self._runs.skill_calls.run(manifest, project=project, args=args, input=input, call=call, yes=yes)

    async def _call_dag(
        self, manifest: SkillManifest, project: str, params: Mapping[str, object], *, yes: bool
    ) -> SkillResult:
        """A call of a skill of type dag is a run, which ends with whoever called it."""
        spec, skills = await self._in_thread(self._session(project).tasks_of, manifest)
        async with endings(self.bus) as ends:
            run = (await self._start_run(project, spec, skills, params, yes=yes)).id
            try:
                await ends.of(run)
            except asyncio.CancelledError:
                await self._runs.cancel(run)
                raise
        result = result_of(await self.run_show(run))
        told = {"skill": manifest.name, "project": project, "run": run, "success": result.success}
        self._journal.note(EventType.SKILL_EXECUTED, {**told, "duration": result.duration})
        return result

    async def skill_cancel(self, call: str) -> bool:
        """See `EngineApi`."""
        return self._runs.skill_calls.cancel(call)

    async def skill_runs(self, project: str = "", *, skill: str = "", limit: int = 50) -> tuple[SkillRun, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._runs.skill_runs(skill, project=project, limit=limit))

    async def skill_log(self, call: str, *, offset: int = 0, limit: int = 65536) -> LogChunk:
        """See `EngineApi`."""
        live = self._runs.skill_calls.goes_on(call)
        return await self._in_thread(lambda: read_log(self.home, call, offset=offset, limit=limit, live=live))

    # Agents

    async def agent_list(self, project: str) -> tuple[AgentInfo, ...]:
        """See `EngineApi`."""
        return await self._agents.agents(project)

    async def agent_new(self, project: str, *, agent: str = "", title: str = "") -> Conversation:
        """See `EngineApi`."""
        return await self._agents.new(project, agent=agent, title=title)

    async def agent_conversations(
        self, project: str = "", *, query: str = "", limit: int = 50
    ) -> tuple[Conversation, ...]:
        """See `EngineApi`."""
        return await self._agents.list(project, query=query, limit=limit)

    async def agent_show(self, id: str) -> ConversationView:
        """See `EngineApi`."""
        return await self._agents.show(id)

    async def agent_send(self, id: str, text: str, *, steer: bool = False, attended: bool = True) -> Sent:
        """See `EngineApi`."""
        return await self._agents.send(id, text, steer=steer, how=Prompting(attended=attended))

    async def agent_take_back(self, id: str) -> tuple[str, ...]:
        """See `EngineApi`."""
        return await self._agents.take_back(id)

    async def agent_stop(self, id: str) -> Stopped:
        """See `EngineApi`."""
        return await self._agents.stop(id)

    async def agent_fork(self, id: str, *, upto: int = 0) -> Conversation:
        """See `EngineApi`."""
        return await self._agents.fork(id, upto=upto)

    async def agent_rename(self, id: str, title: str) -> Conversation:
        """See `EngineApi`."""
        return await self._agents.rename(id, title)

    async def agent_use(self, id: str, agent: str, *, model: str = "") -> Conversation:
        """See `EngineApi`."""
        return await self._agents.use(id, agent, model=model)

    async def agent_delete(self, id: str) -> None:
        """See `EngineApi`."""
        await self._agents.delete(id)

    async def agent_export(self, id: str) -> str:
        """See `EngineApi`."""
        return await self._agents.export(id)

    async def agent_undo(self, id: str, *, turn: str = "") -> tuple[FileUndo, ...]:
        """See `EngineApi`."""
        return await self._agents.undo(id, turn=turn)

    async def agent_context(self, id: str) -> ContextView:
        """See `EngineApi`."""
        return await self._agents.context(id)

    async def agent_mask(self, data: Mapping[str, object]) -> Mapping[str, object]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: build_door(self._memory).tree(data))

    async def agent_rules(self) -> tuple[ToolRule, ...]:
        """See `EngineApi`."""
        return await self._agents.rules()

    async def agent_allow(self, pattern: str, level: str) -> tuple[ToolRule, ...]:
        """See `EngineApi`."""
        return await self._agents.allow(pattern, level)

    # Events

    async def events(self, since: int | None = None) -> AsyncIterator[Event]:
        """See `EngineApi`. Events that the bus no longer keeps are read from the journal."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Event] = asyncio.Queue()

        def hand_over(event: Event) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, event)

        unsubscribe = self.bus.subscribe(hand_over, since=since)
        try:
            if since is not None and since < self.bus.kept_since:
                for event in await self._in_thread(self._journal.events_since, since, self.bus.kept_since):
                    yield event
            while True:
                yield await queue.get()
        finally:
            unsubscribe()

    def _surroundings(self) -> Surroundings:
        """What agents are given of this engine."""

        def settings() -> AgentSettings:
            return load_config(self.home.config_file).settings.agent

        return Surroundings(
            home=self.home,
            store=Conversations(self._memory, self._clock),
            memory=self._memory,
            roster=Roster(self.home, settings),
            clock=self._clock,
            tell=self._journal.emit,
            ask=lambda question: ToolQuestions(self._runs.decisions)(question),
            settings=settings,
            project=lambda project: agent_context(self._session(project), self._trust),
            default_domain=self._default_domain,
            tools=self._tools_of,
            anybody=lambda: self.faces > 0,
        )

    def _tools_of(self, project: str) -> tuple[Tool, ...]:
        """The tools that a project adds to those of every agent."""
        return workspace_tools(self, self._session(project).skills())

    def _session(self, project: str) -> ProjectSession:
        """The session of a project folder, or of none for an empty path."""
        if project not in self._sessions:
            root = Path(project) if project else None
            self._sessions[project] = ProjectSession(self.home, self._trust, root, self._snapshots, probe=self._probe)
        if self.staying or self.faces:
            self._following.follow(self._sessions[project])
        return self._sessions[project]

    async def _in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `call` off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: call(*args, **kwargs))


def _log_step(done: int, count: int, what: str) -> None:
    log.info("rekey: %s (%d of %d)", what, done, count)
