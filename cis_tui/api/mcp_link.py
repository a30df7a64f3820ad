"""The MCP server's way to the engine: the live one, or one that is started; a new one when that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from cis_tui.agents.policy import Policy, load_policy
from cis_tui.api.client import RemoteEngine
from cis_tui.api.launch import launch
from cis_tui.core.config import load_config
from cis_tui.core.errors import CisError, Unavailable
from cis_tui.core.paths import Home

MOMENT = 1.0
"""Seconds between a call that is given up and what is done about it."""


class Link:
    """One home and one project folder, for as long as a client is there."""

    def __init__(self, home: Home, project: str, conversation: str = "") -> None:
        """`project` is empty outside of any; `conversation`: the one in which the client is asked, if that is an agent
        which the engine has started."""
        self.home = home
        self.project = project
        self.conversation = conversation
        self._engine: RemoteEngine | None = None
        self._later: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()

    async def engine(self) -> RemoteEngine:
        """The live engine; one is started when there is none.

        Raises:
            CisError: it cannot be started or reached, see `launch`.
        """
        async with self._lock:
            if self._engine is None or not await _answers(self._engine):
                self._engine = await launch(self.home, "agent" if self.conversation else "command")
            return self._engine

    async def granted(self) -> tuple[str, ...]:
        """The prefixes of private keys that the person lets agents read, as the settings say now.

        A project's own file has no say in this: it may be somebody else's.
        """
        config = await asyncio.to_thread(load_config, self.home.config_file)
        return tuple(filter(None, config.settings.agent.memory_read))

    async def policy(self) -> Policy:
        """The person's rules about calls of tools, as they are now: the same that hold for the agents of cis."""
        return await asyncio.to_thread(load_policy, self.home)

    def later(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do something in a moment, unless the client hangs up: what it gave up on purpose is not what it lost."""

        async def wait() -> None:
            await asyncio.sleep(MOMENT)
            with suppress(CisError):
                await work()

        task = asyncio.get_running_loop().create_task(wait())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def close(self) -> None:
        """Let go of the engine, which ends when nobody else needs it."""
        for task in self._later:
            task.cancel()
        if self._engine is not None:
            await self._engine.close()


async def _answers(engine: RemoteEngine) -> bool:
    """Whether an engine is still there; the connection to one that is not is closed."""
    try:
        await engine.status()
    except Unavailable:
        await engine.close()
        return False
    return True
