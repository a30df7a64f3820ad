"""What tests do with an engine that has agents: say something, wait for its end, look at what was told and kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cis_tui.agents.model import Message, Role
from cis_tui.core.events import Event, EventType
from cis_tui.core.paths import Home
from cis_tui.engine import Engine

LONG = 60.0
"""Seconds after which a test has failed."""


class Desk:
    """One engine."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.events: list[Event] = []
        self._changed = asyncio.Event()
        self.loop = asyncio.get_running_loop()

        def hand_over(event: Event) -> None:
            self.loop.call_soon_threadsafe(self._take, event)

        engine.bus.subscribe(hand_over)

    @classmethod
    @asynccontextmanager
    async def open(cls, home: Home, folder: Path) -> AsyncGenerator[Desk]:
        engine = await Engine.start(home)
        try:
            yield cls(engine, folder)
        finally:
            await engine.close()

    def project(self) -> str:
        """A project folder of its own."""
        root = self.folder / "project"
        (root / ".cis").mkdir(parents=True, exist_ok=True)
        (root / ".cis/project.toml").write_text('[project]\nname = "demo"\n')
        return str(root)

    async def ask(
        self, text: str, *, id: str = "", project: str = "", attended: bool = True
    ) -> tuple[str, dict[str, Any]]:
        """Say something and wait for the end of the turn; the conversation and what its last event says."""
        id = id or (await self.engine.agent_new(project)).id
        sent = await self.engine.agent_send(id, text, attended=attended)
        return id, await self.ended(sent.turn)

    async def ended(self, turn: str) -> dict[str, Any]:
        """What the last event of a turn says."""
        event = await self.until(lambda event: event.type == EventType.AGENT_COMPLETED and event.data["turn"] == turn)
        return dict(event.data)

    async def until(self, wanted: Callable[[Event], bool]) -> Event:
        """The first event that is wanted, also if it has come already."""
        async with asyncio.timeout(LONG):
            while True:
                for event in self.events:
                    if wanted(event):
                        return event
                self._changed.clear()
                await self._changed.wait()

    async def step(self, what: str, **more: object) -> Event:
        """The first AgentStep that says so."""
        wanted = {"what": what, **more}
        return await self.until(
            lambda event: event.type == EventType.AGENT_STEP and wanted.items() <= event.data.items()
        )

    async def messages(self, id: str) -> tuple[Message, ...]:
        return (await self.engine.agent_show(id)).messages

    async def last(self, id: str) -> str:
        """The text of the last answer."""
        answers = [message for message in await self.messages(id) if message.role is Role.ASSISTANT]
        return answers[-1].text if answers else ""

    def texts(self, what: str) -> list[str]:
        """What the steps of a kind say."""
        steps = [event.data for event in self.events if event.type == EventType.AGENT_STEP]
        return [str(data.get("text", "")) for data in steps if data["what"] == what]

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()
