"""What agents are given of the program around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cis_tui.agents.context import ProjectContext
from cis_tui.agents.conversations import Conversations
from cis_tui.agents.door import Pages
from cis_tui.agents.memory import Memory
from cis_tui.agents.provider import ToolServer
from cis_tui.agents.roster import Roster
from cis_tui.agents.telling import Tell
from cis_tui.agents.tools import Ask, Tool
from cis_tui.core.clock import Clock
from cis_tui.core.config import AgentSettings
from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain


class MemoryAndPages(Memory, Pages, Protocol):
    """Memory as agents' services use it."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Made once by the engine."""

    home: Home
    store: Conversations
    memory: MemoryAndPages
    roster: Roster
    clock: Clock
    tell: Tell
    ask: Ask
    settings: Callable[[], AgentSettings]
    """Those in force now; may block."""
    project: Callable[[str], ProjectContext]
    """What of a project agents are told; may block."""
    default_domain: Callable[[str], Domain | None]
    """Where the entries of a project go; may block."""
    tools: Callable[[str], tuple[Tool, ...]]
    """The tools that a project adds: its DAGs and skills; may block."""
    server: Callable[[str, str], ToolServer]
    """The server of our tools for a program that talks in a conversation about a project: project, conversation."""
    anybody: Callable[[], bool]
    """Whether somebody sits before a workspace, and can be asked."""
