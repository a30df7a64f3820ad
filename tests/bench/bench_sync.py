"""What it costs that memory becomes one: a change on three nodes, a thousand entries, twenty nodes with ten thousand.

All nodes live in one process, which is harder than what people have.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cis_tui.core.config import P2PSettings
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService
from cis_tui.p2p.service import PeerService
from cis_tui.p2p.sharing import sync_with

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1200)]
SETTINGS = P2PSettings(listen_port=0, mdns=False)
NODES, ENTRIES = 20, 10_000
LIMITS = {"change": 0.2, "thousand": 12.0}
"""Seconds, and how much slower than to write the same; generous, since the machine is shared."""


class Life:
    """One node with its memory."""

    def __init__(self, folder: Path, name: str) -> None:
        identity = Identity(hashlib.sha256(name.encode()).digest())
        home = Home(folder / name).ensure()
        self.did = identity.did
        self.memory = MemoryService(home, node=identity.did)
        self.peers = PeerService(home, identity, SETTINGS)
        sync_with(self.peers, self.memory, identity)
        self._counted = (-1, 0)

    @property
    def addr(self) -> str:
        return f"/ip4/127.0.0.1/tcp/{self.peers.node.port}/p2p/{self.peers.node.peer_id}"

    @property
    def total(self) -> int:
        """Entries; counted again when something has changed, for to count costs as much as to merge some."""
        changes = self.memory.exchange.changes()
        if self._counted[0] != changes:
            self._counted = changes, self.memory.list(limit=1, domain=Domain.PUBLIC).total
        return self._counted[1]

    def holds(self, key: str, value: str) -> bool:
        item = self.memory.current(key)
        return item is not None and item.value == value


@asynccontextmanager
async def friends(folder: Path, count: int, prepare: Callable[[int, Life], None]) -> AsyncGenerator[list[Life]]:
    """Nodes that are all connected with each other."""
    lives = [Life(folder, f"n{number}") for number in range(count)]
    try:
        for number, life in enumerate(lives):
            prepare(number, life)
            await life.peers.live()
        for number, one in enumerate(lives):
            for other in lives[:number]:
                await other.peers.allow(one.did)
                await one.peers.add(other.addr)
                await one.peers.allow(other.did)
        await until(lambda: all(len(life.peers.node.links) == count - 1 for life in lives))
        yield lives
    finally:
        await asyncio.gather(*(life.peers.close() for life in lives))
        for life in lives:
            life.memory.close()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - conditions of another thread
        await asyncio.sleep(0.005)


def writes(prefix: str, count: int) -> Sequence[MemoryWrite]:
    return [MemoryWrite(f"{prefix}/{n:05}", f"{n} " + "x" * 200, Domain.PUBLIC) for n in range(count)]


async def test_three_nodes(tmp_path: Path) -> None:
    async with friends(tmp_path, 3, lambda number, life: None) as lives:
        taken: list[float] = []
        for number in range(30):
            began, value = time.perf_counter(), str(number)
            await asyncio.to_thread(lives[number % 3].memory.set, MemoryWrite("note", value, Domain.PUBLIC))
            await until(lambda value=value: all(life.holds("note", value) for life in lives))
            taken.append(time.perf_counter() - began)
            await asyncio.sleep(0.05)
        taken.sort()
        print(f"\na change on three nodes: p50 {taken[15] * 1000:.0f} ms, p95 {taken[28] * 1000:.0f} ms")
        began = time.perf_counter()
        await asyncio.to_thread(lives[0].memory.set_many, writes("key", 1000))
        written = time.perf_counter() - began
        await until(lambda: all(life.total == 1001 for life in lives))
        took = time.perf_counter() - began
        print(f"1,000 entries on three nodes: {took:.2f} s, {took / written:.1f}x of writing them")
        assert taken[15] < LIMITS["change"]
        assert took / written < LIMITS["thousand"]


async def test_twenty_nodes_with_ten_thousand_entries(tmp_path: Path) -> None:
    began = time.perf_counter()

    def prepare(number: int, life: Life) -> None:
        life.memory.set_many(writes(f"n{number}", ENTRIES // NODES))

    async with friends(tmp_path, NODES, prepare) as lives:
        met = time.perf_counter() - began
        await until(lambda: all(life.total == ENTRIES for life in lives))
        took = time.perf_counter() - began - met
        size = sum(link.bytes_in for life in lives for link in life.peers.node.links.values())
        print(
            f"\n{NODES} nodes, {ENTRIES} entries: one after {took:.1f} s more than it took to meet, {size / 1e6:.0f} MB"
        )
