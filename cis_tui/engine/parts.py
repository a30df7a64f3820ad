"""What every part of the engine's API stands on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from cis_tui.agents.service import AgentService
from cis_tui.core.config import Settings
from cis_tui.core.events import EventBus
from cis_tui.core.paths import Home
from cis_tui.dag.journal import Journal
from cis_tui.dag.runs import RunService
from cis_tui.engine.nodes import Nodes
from cis_tui.matrix.memory_carrier import MemoryCarrier
from cis_tui.matrix.service import MatrixService
from cis_tui.matrix.talk import RoomTalk
from cis_tui.memory.keeper import IndexKeeper
from cis_tui.memory.service import MemoryService
from cis_tui.memory.weekly import WeeklyArchive
from cis_tui.p2p.service import PeerService
from cis_tui.project.following import Following
from cis_tui.project.session import ProjectSession
from cis_tui.project.trust import TrustStore
from cis_tui.skills.audit import MemoryTrail
from cis_tui.skills.kernel import Probe
from cis_tui.skills.snapshot import Snapshots

P = ParamSpec("P")
T = TypeVar("T")


class Parts:
    """The services of one CIS home, which `Engine` builds."""

    home: Home
    settings: Settings
    bus: EventBus
    staying: bool
    """Whether it was asked to live without a face."""
    faces: int
    """Workspaces attached, kept by the server."""
    _probe: Probe
    _threads: ThreadPoolExecutor
    _journal: Journal
    _memory: MemoryService
    _trail: MemoryTrail
    _weekly: WeeklyArchive
    _index: IndexKeeper
    _trust: TrustStore
    _snapshots: Snapshots
    _agents: AgentService
    _runs: RunService
    _peers: PeerService
    _matrix: MatrixService
    _nodes: Nodes
    _room_memory: MemoryCarrier
    _talk: RoomTalk
    _sessions: dict[str, ProjectSession]
    _following: Following
    _loop: asyncio.AbstractEventLoop
    _thread: int
    """The thread of that loop."""
    _closed: bool

    def _session(self, project: str) -> ProjectSession:
        """The session of a project folder, or of none for an empty path. On any thread."""
        if project not in self._sessions:
            root = Path(project) if project else None
            self._sessions[project] = ProjectSession(self.home, self._trust, root, self._snapshots, probe=self._probe)
        session = self._sessions[project]
        if not (self.staying or self.faces):
            return session
        if threading.get_ident() == self._thread:
            self._following.follow(session)
        else:
            self._loop.call_soon_threadsafe(self._follow_later, session)
        return session

    def _follow_later(self, session: ProjectSession) -> None:
        if not self._closed:
            self._following.follow(session)

    async def _in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `call` off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: call(*args, **kwargs))
