"""Who can be asked, and the provider behind each: made at first use, kept until the engine ends. On the event loop."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from cis_tui.agents.context import ProjectContext
from cis_tui.agents.definitions import (
    CLAUDE,
    FILE,
    LOCAL,
    MESSAGES,
    OFFLINE,
    PROGRAM,
    AgentDefinition,
    find_agents,
    named,
)
from cis_tui.agents.keys import find_key, is_local, origin_of
from cis_tui.agents.local import LocalProvider, missing
from cis_tui.agents.messages import MessagesProvider
from cis_tui.agents.model import AgentInfo
from cis_tui.agents.offline import OfflineProvider
from cis_tui.agents.program import ProgramProvider, Sessions
from cis_tui.agents.provider import Provider
from cis_tui.core.config import AgentSettings
from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home

REACH = 0.2
"""Seconds in which a service on this machine takes a connection, if it is there."""


class Roster:
    """The agents of one home."""

    def __init__(self, home: Home, settings: Callable[[], AgentSettings], sessions: Sessions) -> None:
        """`settings` reads those in force now; may block. `sessions`: where programs' sessions are kept."""
        self._home = home
        self._sessions = sessions
        self._settings = settings
        self._timeout = AgentSettings().timeout
        self._providers: dict[AgentDefinition, Provider] = {}

    async def infos(self, project: ProjectContext) -> tuple[AgentInfo, ...]:
        """Every agent by name, whether it can be asked, and which one is asked by default."""
        return await asyncio.to_thread(self._infos, project)

    async def choose(self, name: str, project: ProjectContext, model: str = "") -> AgentDefinition:
        """The agent `name`, or for an empty name the default: the trusted project's, else that of the settings.

        With nothing set up the default is `local` where a model is installed with the program, else `offline`.
        `model`: another one than the agent's own.

        Raises:
            NotFound, Invalid: there is no such agent, or its file is broken (CIS-AGENT-001, 002).
        """
        chosen = await asyncio.to_thread(self._choose, name, project)
        return replace(chosen, model=model or chosen.model) if chosen.kind not in (OFFLINE, FILE) else chosen

    def provider(self, definition: AgentDefinition) -> Provider:
        """What answers for an agent."""
        # One connection serves all models of a service.
        same = replace(definition, model="", max_tokens=None, effort="", temperature=None, description="")
        if same not in self._providers:
            self._providers[same] = self._make(definition)
        return self._providers[same]

    async def close(self) -> None:
        """Let go of every connection and program."""
        await asyncio.gather(*(each.close() for each in self._providers.values()), return_exceptions=True)
        self._providers.clear()

    def _make(self, definition: AgentDefinition) -> Provider:
        if definition.kind == MESSAGES:
            return MessagesProvider(
                base_url=definition.base_url,
                key=partial(find_key, self._home, definition.base_url),
                timeout=self._timeout,
                official=definition.official,
            )
        if definition.kind == PROGRAM:
            return ProgramProvider(definition, self._timeout, self._sessions)
        if definition.kind == FILE:
            return LocalProvider(definition, self._timeout)
        return OfflineProvider()

    def _choose(self, name: str, project: ProjectContext) -> AgentDefinition:
        settings = self._settings()
        self._timeout = settings.timeout
        agents = find_agents(self._home, settings)
        if name:
            return named(agents, name)
        chosen = named(agents, project.provider or settings.default)
        if project.provider and project.model and chosen.kind != FILE:
            chosen = replace(chosen, model=project.model)
        if chosen.name == CLAUDE and self._problem(chosen):
            local = agents[LOCAL]
            return local if local.kind == FILE and not self._problem(local) else agents[OFFLINE]
        return chosen

    def _infos(self, project: ProjectContext) -> tuple[AgentInfo, ...]:
        agents = find_agents(self._home, self._settings())
        try:
            default = self._choose("", project).name
        except CisError:
            default = ""
        return tuple(self._info(each, default) for _, each in sorted(agents.items()))

    def _info(self, definition: AgentDefinition, default: str) -> AgentInfo:
        problem = self._problem(definition) or (_away(definition.base_url) if definition.kind == MESSAGES else "")
        return AgentInfo(
            name=definition.name,
            kind=definition.kind,
            model=definition.model,
            where=definition.where,
            description=definition.description,
            ready=not problem,
            problem=problem,
            default=definition.name == default,
        )

    def _problem(self, definition: AgentDefinition) -> str:
        """Why an agent cannot be asked, as far as that is known without asking it."""
        if definition.problem:
            return definition.problem
        if definition.kind == PROGRAM and shutil.which(definition.command[0]) is None:
            return f"{definition.command[0]} is not on the PATH" + (
                f"; {definition.install}" if definition.install else ""
            )
        if definition.kind == FILE:
            return missing(definition.file)
        if definition.kind == MESSAGES:
            try:
                find_key(self._home, definition.base_url)
            except CisError as error:
                return f"{error.message}; {error.hint}"
        return ""


def _away(base_url: str) -> str:
    """Why a service on this machine cannot be asked now; others are not called for that. Blocks for `REACH` at most."""
    address = urlsplit(origin_of(base_url))
    host = address.hostname or ""
    if not is_local(host):
        return ""
    port = address.port or {"http": 80, "https": 443}[address.scheme]
    try:
        # Other names of this machine might be asked of the network.
        socket.create_connection(("localhost" if host.endswith("localhost") else host, port), REACH).close()
    except OSError:
        return f"nothing listens at {address.geturl()}; start it, then try again"
    return ""
