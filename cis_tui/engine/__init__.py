"""The composition root: builds the services of one CIS home and offers them as `EngineApi`."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from pathlib import Path

from cis_tui import __version__
from cis_tui.agents.conversations import Conversations
from cis_tui.agents.provider import CONVERSATION, ToolServer
from cis_tui.agents.roster import Roster
from cis_tui.agents.service import AgentService
from cis_tui.agents.surroundings import Surroundings
from cis_tui.agents.tasks import AgentTasks
from cis_tui.agents.tools import Tool
from cis_tui.core.clock import Clock, utc_now
from cis_tui.core.config import AgentSettings, Settings, load_config
from cis_tui.core.events import Event, EventBus
from cis_tui.core.identity import Identity, load_identity
from cis_tui.core.lock import take_lock
from cis_tui.core.logs import start_log, stop_log
from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE, Home
from cis_tui.core.pulse import Activity, Pulse, gathered
from cis_tui.dag.journal import Journal
from cis_tui.dag.runs import RunService
from cis_tui.dag.tool_questions import ToolQuestions
from cis_tui.engine.agents import Agents
from cis_tui.engine.decisions import Decisions
from cis_tui.engine.matrix import Matrix, book_of, memory_in_room
from cis_tui.engine.memory import Memory
from cis_tui.engine.nodes import Nodes
from cis_tui.engine.peers import Peers
from cis_tui.engine.projects import Projects
from cis_tui.engine.skills import Skills
from cis_tui.matrix.service import MatrixService
from cis_tui.matrix.talk import RoomTalk
from cis_tui.memory.keeper import IndexKeeper
from cis_tui.memory.rollback import roll_back
from cis_tui.memory.service import MemoryService
from cis_tui.memory.weekly import WeeklyArchive
from cis_tui.p2p.service import PeerService
from cis_tui.p2p.settings import follow
from cis_tui.p2p.sharing import sync_with
from cis_tui.project.agent_tools import workspace_tools
from cis_tui.project.following import Following
from cis_tui.project.guide import agent_context
from cis_tui.project.session import ProjectSession
from cis_tui.project.trust import TrustStore
from cis_tui.protocol import EngineStatus
from cis_tui.skills.audit import MemoryTrail
from cis_tui.skills.kernel import Probe, this_kernel
from cis_tui.skills.snapshot import Snapshots

log = logging.getLogger(__name__)

PEERS_AFTER = 2.0
"""Seconds after which an engine speaks to peers unless it is told when: one of a short command never does."""


class Engine(Projects, Memory, Skills, Decisions, Agents, Peers, Matrix):
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
    ) -> None:
        """Use `start`."""
        self._probe = probe
        self.home = home
        self.settings = settings
        self.bus = journal.bus
        self.staying = False
        self.faces = 0
        self._opened = ExitStack()
        self._identity = identity
        self._clock = clock
        self._started_at = clock()
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="cis-engine")
        self._journal = journal
        self.bus.began_after = self._journal.last_seq
        self._pulse = Pulse(self._started_at)
        self.bus.subscribe(self._pulse.take)
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
            roll_back_memory=partial(roll_back, self._memory),
            skill_memory=self._memory_for,
            probe=probe,
            find_skill=lambda project, name: self._session(project).runnable_skill(name),
            agents=AgentTasks(self._agents, self._memory),
            elsewhere=lambda: self._nodes.errands,
        )
        self._peers = PeerService(home, identity, settings.p2p, tell=journal.emit, clock=clock)
        self._matrix = MatrixService(
            home, identity, settings.matrix, book=book_of(self._peers.book), tell=journal.emit, clock=clock
        )
        self._talk = RoomTalk(self._matrix)
        self._nodes = Nodes(
            peers=self._peers,
            matrix=self._matrix,
            identity=identity,
            runs=self._runs,
            journal=journal,
            home=home,
            clock=clock,
            find_skill=lambda name: self._session("").runnable_skill(name),
            exposed=lambda: load_config(home.config_file).settings.p2p.expose,
        )
        syncing = sync_with(self._peers, self._memory, identity, tell=journal.emit, clock=clock)
        self._room_memory = memory_in_room(
            self._matrix,
            self._memory,
            syncing.service,
            self._peers.book,
            own=identity.did,
            share=settings.matrix.share,
            tell=journal.emit,
            clock=clock,
        )
        self._sessions: dict[str, ProjectSession] = {}
        self._following = Following(home, journal.note, self._threads)
        self._watching: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
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
        peers_after: float = PEERS_AFTER,
    ) -> Engine:
        """Bring an engine to life on `home`; `probe` says what the kernel can hold a native skill to.

        Peers are spoken to from `peers_after` seconds on.

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
            )
            engine._opened = opened.pop_all()
        try:
            await engine._begin(peers_after)
        except BaseException:
            await engine.close()
            raise
        log.info("engine %s started, pid %d", __version__, os.getpid())
        return engine

    async def _begin(self, peers_after: float) -> None:
        """Go on with what an engine before this one has left, and with what is done in the background."""
        await self._finish_rollbacks()
        await self._wait_for_scheduled()
        await self._nodes.start()
        self._weekly.start()
        self._runs.begin_pruning()
        self._index.start()
        self._peers.begin(after=peers_after)
        file = self.home.config_file
        self._watching = asyncio.create_task(follow(file, lambda: load_config(file).settings.p2p, self._peers.take))
        self._matrix.begin(after=peers_after)
        self._room_memory.begin()

    async def close(self) -> None:
        """End every process, write what is buffered, and let go of the home. Runs that go on become paused."""
        if self._closed:
            return
        self._closed = True
        async with AsyncExitStack() as parts:  # whatever one of them raises, the others are closed too
            parts.callback(self._threads.shutdown)
            for close in reversed(
                (
                    self._following.close,
                    self._unwatch,
                    self._runs.close,  # tasks that other nodes carry out are ended there
                    self._nodes.close,
                    self._matrix.close,
                    self._room_memory.close,
                    self._peers.close,
                    self._agents.close,
                    partial(self._in_thread, self._snapshots.clear),
                    self._weekly.stop,
                    partial(self._in_thread, self._index.close),
                    partial(self._in_thread, self._memory.close),
                    partial(self._in_thread, self._let_go),
                )
            ):
                parts.push_async_callback(close)

    async def _unwatch(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])

    def _let_go(self) -> None:
        log.info("engine stopped")
        self._opened.close()

    @property
    def idle(self) -> bool:
        """Whether no conversation, no call of a skill and no run is active, but for those that wait for their time."""
        return self._runs.busy == 0 and self._agents.active == 0 and self._runs.skill_calls.active == 0

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

    async def recent(self, *, limit: int = 100) -> tuple[Event, ...]:
        """See `EngineApi`."""
        since, latest = self.bus.kept_since, self.bus.latest(limit)
        if len(latest) == limit:
            return tuple(latest)
        return (*await self._in_thread(self._journal.latest, limit - len(latest), since), *latest)

    async def activity(self, *, step: int = 60, spans: int = 60) -> Activity:
        """See `EngineApi`."""
        now, pulse = self._clock(), self._pulse
        minutes = Counter(pulse.minutes())
        if (since := now - step * spans) < pulse.since:
            minutes.update(await self._in_thread(self._journal.minutes, since, pulse.since))
        return gathered(minutes, step=step, spans=spans, now=now)

    async def events(self, since: int | None = None) -> AsyncIterator[Event]:
        """See `EngineApi`. Events that the bus no longer keeps are read from the journal."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Event] = asyncio.Queue()

        def hand_over(event: Event) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, event)

        unsubscribe = self.bus.subscribe(hand_over, since=since)
        try:
            last = 0
            if since is not None and since < (kept_since := self.bus.kept_since):
                for event in await self._in_thread(self._journal.events_since, since, kept_since):
                    last = event.seq
                    yield event
            while True:
                event = await queue.get()
                if event.seq > last:  # else the bus has let go of it since we subscribed, and the journal has told it
                    yield event
        finally:
            unsubscribe()

    def _surroundings(self) -> Surroundings:
        """What agents are given of this engine."""

        def settings() -> AgentSettings:
            return load_config(self.home.config_file).settings.agent

        def server(project: str, conversation: str) -> ToolServer:
            about = ("--home", str(self.home.root.absolute()), *(("--project", project) if project else ()))
            command = (sys.executable, "-P", "-m", "cis_tui.cli", "mcp", *about)
            return ToolServer(command, {CONVERSATION: conversation})

        store = Conversations(self._memory.private, self._clock)
        return Surroundings(
            home=self.home,
            store=store,
            memory=self._memory,
            roster=Roster(self.home, settings, store),
            clock=self._clock,
            tell=self._journal.emit,
            ask=lambda question: ToolQuestions(self._runs.decisions)(question),
            settings=settings,
            project=lambda project: agent_context(self._session(project), self._trust),
            default_domain=self._default_domain,
            tools=self._tools_of,
            server=server,
            anybody=lambda: self.faces > 0,
        )

    def _tools_of(self, project: str) -> tuple[Tool, ...]:
        """The tools that a project adds to those of every agent."""
        return workspace_tools(self, self._session(project).skills())
