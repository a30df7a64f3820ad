"""`EngineApi`: the one protocol that every face speaks, in process or over the socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from cis_tui.core.clock import Instant
from cis_tui.core.events import Event
from cis_tui.core.pulse import Activity
from cis_tui.protocol.agents import AgentApi
from cis_tui.protocol.decisions import DecisionApi
from cis_tui.protocol.matrix import MatrixApi
from cis_tui.protocol.memory import MemoryApi
from cis_tui.protocol.peers import PeerApi
from cis_tui.protocol.projects import ProjectApi
from cis_tui.protocol.runs import RunApi
from cis_tui.protocol.skills import SkillApi

PROTOCOL_VERSION = 1


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One glance at an engine."""

    version: str
    pid: int
    started_at: Instant
    home: str
    did: str
    staying: bool
    """It was asked to stay without a face (`cis engine start`)."""
    faces: int
    active_runs: int
    pending_decisions: int
    memory_entries: Mapping[str, int]
    """Current entries by domain."""
    last_seq: int


class EngineApi(ProjectApi, MemoryApi, RunApi, DecisionApi, SkillApi, AgentApi, PeerApi, MatrixApi, Protocol):
    """Commands and queries on one CIS home; all data is plain and frozen.

    `project` is the absolute path of a project folder; empty means none. Every method may raise `CisError`.
    """

    async def status(self) -> EngineStatus: ...

    async def recent(self, *, limit: int = 100) -> tuple[Event, ...]:
        """The last events that are news to a person, oldest first; passing ones only since the engine started."""
        ...

    async def activity(self, *, step: int = 60, spans: int = 60) -> Activity:
        """How many events that are news to a person there were in each of the last `spans` times `step` seconds, which
        are whole minutes; passing ones, such as those of memory and peers, only since the engine started."""
        ...

    def events(self, since: int | None = None) -> AsyncIterator[Event]:
        """Events as they happen; with `since`, first those after that number."""
        ...

    async def close(self) -> None:
        """Let go of the engine; an engine in process stops."""
        ...
