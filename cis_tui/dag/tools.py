"""What all runs of an engine share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from cis_tui.agents.tasks import AgentWork
from cis_tui.core.paths import Home
from cis_tui.dag.decisions import DecisionService
from cis_tui.dag.executors.base import Place
from cis_tui.dag.journal import Journal
from cis_tui.dag.secrecy import Secrets
from cis_tui.skills.process import Processes

T = TypeVar("T")


class AskAgent(Protocol):
    """See `AgentTasks`."""

    async def run(self, work: AgentWork, heard: Callable[[str], None]) -> str: ...


class Elsewhere(Protocol):
    """See `Errands`."""

    def place(self, label: str, secrets: Secrets, paused: Callable[[], bool], dag: str) -> Place | None: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """The services that a run uses; `RunService` makes them once."""

    home: Home
    journal: Journal
    decisions: DecisionService
    processes: Processes
    log_limit: int
    """Bytes that the log of one attempt may take."""
    threads: ThreadPoolExecutor
    """For what blocks."""
    agents: AskAgent | None = None
    """What asks agents; None where there are none."""
    elsewhere: Callable[[], Elsewhere | None] = lambda: None
    """What has tasks carried out by other nodes of this person, once there is something."""

    async def in_thread(self, call: Callable[[], T]) -> T:
        """What `call`, which blocks, gives."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, call)
