"""Nodes with a memory, in a room of a real homeserver."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cis_tui.matrix.digest import Pace
from cis_tui.matrix.memory_carrier import MemoryCarrier
from cis_tui.matrix.memory_model import MatrixMemory
from cis_tui.matrix.memory_news import Relay
from cis_tui.matrix.model import MatrixState
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService
from cis_tui.sync.service import SyncService
from tests.matrix.nodes import Network, Node
from tests.matrix.synapse import Synapse
from tests.sync.support import Said

PACE = Pace(settle=0.3, digest=1.0, ask=(0.2, 0.5), longest=5.0, gather=0.05, again=1.0)
RELAY = Relay((0.1, 0.3), (300.0, 900.0))


@dataclass
class Knower:
    """One node with its memory."""

    node: Node
    pace: Pace = PACE
    share: tuple[str, ...] = ("",)
    policy: Said = field(default_factory=Said)

    @property
    def did(self) -> str:
        return self.node.identity.did

    def make(self, **options: object) -> None:
        """All of it, as after a start of the engine; nothing lives yet."""
        service = self.node.make(**options)
        self.memory = MemoryService(self.node.home, node=self.did, on_event=lambda kind, data: None)
        self.sync = SyncService(memory=self.memory, identity=self.node.identity, policy=self.policy, clock=service.now)
        self.carrier = MemoryCarrier(
            service,
            self.memory,
            self.sync.outbox,
            self.sync.heard,
            own=self.did,
            share=self.share,
            prefixes=self.policy.prefixes,
            pace=self.pace,
            relay=RELAY,
        )

    async def start(self, **options: object) -> None:
        """Let it live, and wait until it is online."""
        self.make(**options)
        self.begin()
        await self.node.until_state(MatrixState.ONLINE)

    def begin(self) -> None:
        self.carrier.begin()
        self.node.service.begin()

    async def stop(self) -> None:
        """End it; `start` makes it live again, as after a restart of the engine."""
        await self.node.service.close()
        del self.node.service
        await self.carrier.close()
        self.memory.close()

    def put(self, key: str, value: str | bytes, domain: Domain = Domain.PUBLIC) -> None:
        self.memory.set(MemoryWrite(key, value, domain))

    def put_many(self, prefix: str, count: int, value: str = "v") -> None:
        self.memory.set_many(MemoryWrite(f"{prefix}/{n}", f"{value}{n}", Domain.PUBLIC) for n in range(count))

    def value(self, key: str) -> str | bytes | None:
        item = self.memory.current(key)
        return None if item is None else item.value

    @property
    def total(self) -> int:
        return self.memory.list(limit=1, domain=Domain.PUBLIC).total

    def noted(self) -> bool:
        """Whether it is noted, beside public memory, that what is heard in the room goes there."""
        return bool(self.memory.exchange.standing(f"matrix:{self.node.service.intake.federation}").scope)

    async def status(self) -> MatrixMemory:
        return await self.carrier.status()

    def dump(self) -> list[tuple[object, ...]]:
        """What all are to agree on."""
        dots = [offer.dot for offer in self.memory.exchange.page("", ("",)).offers]
        return sorted(
            (each.key, each.origin, each.hlc, repr(each.value)) for each in self.memory.exchange.records(dots)
        )


class Knowers:
    """Makes nodes that know each other, and lets go of them."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._made: list[Knower] = []

    async def add(self, server: Synapse, name: str, **options: Any) -> Knower:
        """One that does not live yet."""
        knower = Knower(await self._network.add(server, name), **options)
        self._made.append(knower)
        return knower

    async def live(self, *servers: Synapse) -> list[Knower]:
        """A live one for each of the servers."""
        found = [await self.add(server, name) for server, name in zip(servers, ("ann", "bob", "cem"), strict=False)]
        for each in found:
            await each.start()
        return found

    async def close(self) -> None:
        """End them all."""
        for each in self._made:
            if hasattr(each.node, "service"):
                await each.stop()


async def until_one(nodes: Sequence[Knower], total: int = 0, *, seconds: float = 30) -> None:
    """Wait until all have the same, `total` entries if that is known."""
    async with asyncio.timeout(seconds):
        while {node.total for node in nodes} != {total or nodes[0].total}:  # noqa: ASYNC110 - rows of files
            await asyncio.sleep(0.1)
        while any(node.dump() != nodes[0].dump() for node in nodes):  # noqa: ASYNC110 - rows of files
            await asyncio.sleep(0.1)
