"""Nodes of a test: a service each, with a home, a login and what it was told, all in this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from cis_tui.core.config import MatrixSettings
from cis_tui.core.events import EventType
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.core.retry import Retry
from cis_tui.matrix.account import Account, write_account
from cis_tui.matrix.client import MatrixClient
from cis_tui.matrix.model import MatrixRejection, MatrixState
from cis_tui.matrix.operations import Operation
from cis_tui.matrix.policy import Standing
from cis_tui.matrix.service import MatrixService
from cis_tui.matrix.store import Transaction
from tests.matrix.synapse import Person, Synapse

T = TypeVar("T")
NOTE = "io.cis.note"
"""Type, and kind, of what nodes of a test say to each other."""


@dataclass
class Node:
    """One node."""

    home: Home
    server: Synapse
    person: Person
    identity: Identity
    alias: str
    encrypted: bool = False
    trusts: dict[str, str] = field(default_factory=dict[str, str])
    """DIDs, and what was said of them; others are allowed."""
    told: list[tuple[EventType, Mapping[str, object]]] = field(
        default_factory=list[tuple[EventType, Mapping[str, object]]]
    )
    heard: list[Operation] = field(default_factory=list[Operation])
    service: MatrixService = field(init=False)

    def make(self, **options: object) -> MatrixService:
        """Its service, as after a start of the engine."""
        settings = MatrixSettings(room=self.alias, encrypted=self.encrypted)
        self.service = MatrixService(
            self.home,
            self.identity,
            settings,
            book=lambda did: Standing(self.trusts.get(did, "allowed")),
            tell=lambda what, data: self.told.append((what, data)),
            retry=Retry(backoff=0.2, max_delay=0.5, jitter=False),
            **options,  # pyright: ignore[reportArgumentType] # handed through
        )
        self.service.handle("note", self._hear, capability="memory")
        return self.service

    def _hear(self, operation: Operation, transaction: Transaction) -> None:
        transaction.after(lambda: self.heard.append(operation))

    async def start(self, **options: object) -> None:
        """Let it live, and wait until it is online."""
        self.make(**options).begin()
        await self.until_state(MatrixState.ONLINE)

    async def until_state(self, state: MatrixState) -> None:
        """Wait until it stands so with its homeserver."""

        async def stands() -> bool:
            return (await self.service.status()).state is state

        await until(stands)

    async def say(self, text: str) -> str:
        """Say something to the other nodes."""
        return await self.service.queue(NOTE, "note", {"text": text})

    @property
    def texts(self) -> list[object]:
        """What others have said."""
        return [each.data["text"] for each in self.heard]

    async def until_heard(self, *texts: str) -> None:
        """Wait until others have said all that."""
        await until(lambda: set(texts) <= set(self.texts))

    async def until_said(self) -> None:
        """Wait until everything was said."""

        async def idle() -> bool:
            return not (await self.service.status()).queued

        await until(idle)

    async def until_healed(self) -> int:
        """Wait until nothing is missing; gives how many gaps there were."""

        async def healed() -> int:
            gaps = (await self.service.status()).gaps
            return 0 if gaps.open else gaps.healed

        return await until(healed)

    async def until_rejected(self, words: str) -> MatrixRejection:
        """Wait until something was set aside for a reason with these words; gives it."""

        async def found() -> MatrixRejection | None:
            return next((each for each in await self.service.rejections(500) if words in each.reason), None)

        return await until(found)


class Network:
    """Makes nodes and lets go of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._nodes: list[Node] = []
        self._clients: list[MatrixClient] = []
        self.alias = f"#meeting-{os.urandom(4).hex()}"

    async def add(self, server: Synapse, name: str = "ann", *, person: Person | None = None) -> Node:
        """A node that is logged in, and does not live yet."""
        person = person or await asyncio.to_thread(server.person, name)
        token = await asyncio.to_thread(server.token, person, device=f"D{len(self._nodes)}")
        home = Home(self._folder / f"{person.name}-{len(self._nodes)}").ensure()
        write_account(home, Account(server.url, person.id, f"D{len(self._nodes)}", token))
        alias = f"{self.alias}:{(self._nodes[0].server if self._nodes else server).name}"
        node = Node(home, server, person, Identity(os.urandom(32)), alias)
        self._nodes.append(node)
        return node

    async def pair(self, server: Synapse, other: Synapse | None = None, **options: object) -> tuple[Node, Node]:
        """Two nodes that live and know each other."""
        ann = await self.add(server, "ann")
        await ann.start(**options)
        bob = await self.add(other or server, "bob")
        await bob.start(**options)
        return ann, bob

    async def stranger(self, server: Synapse, room: str, person: Person | None = None) -> MatrixClient:
        """Somebody with another client in a room."""
        person = person or await asyncio.to_thread(server.person, "mallory")
        client = MatrixClient(server.url, token=await asyncio.to_thread(server.token, person))
        self._clients.append(client)
        await client.join(room)
        return client

    async def close(self) -> None:
        """End them all."""
        await asyncio.gather(*(node.service.close() for node in self._nodes if hasattr(node, "service")))
        for client in self._clients:
            await client.close()


async def until(condition: Callable[[], T | Awaitable[T | None] | None], *, seconds: float = 30) -> T:
    """What `condition` gives as soon as that is something."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if isinstance(found, Awaitable):
                found = await cast("Awaitable[T | None]", found)
            if found:
                return found
            await asyncio.sleep(0.02)
