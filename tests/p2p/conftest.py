"""Nodes of one test, and a gate that a test can open and shut."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from cis_tui.core.config import P2PSettings
from cis_tui.core.identity import Identity
from cis_tui.p2p.link import Admission, LinkEvent, LinkEventKind
from cis_tui.p2p.node import PeerNode

ECHO = "/cis/echo/1.0.0"
OPEN = "/cis/open/1.0.0"
SETTINGS = P2PSettings(listen_port=0, mdns=False)


@dataclass
class Door:
    """A gate for a test."""

    admitted: set[str] = field(default_factory=set[str])
    pairing: set[str] = field(default_factory=set[str])

    def admits(self, did: str) -> Admission:
        if did in self.admitted:
            return Admission.ADMIT
        return Admission.PAIRING if did in self.pairing else Admission.REFUSE


@dataclass
class Peer:
    """A node and what happened to it."""

    node: PeerNode
    door: Door
    events: list[LinkEvent]
    served: list[tuple[str, bytes]]

    @property
    def did(self) -> str:
        return self.node.did

    @property
    def addr(self) -> str:
        """Where it is reached from this machine."""
        return f"/ip4/127.0.0.1/tcp/{self.node.port}/p2p/{self.node.peer_id}"

    def saw(self, kind: LinkEventKind, did: str = "", reason: str = "") -> bool:
        return any(event.kind is kind and event.did == did and reason in event.reason for event in self.events)

    async def echo(self, other: Peer, body: bytes = b"abc", timeout: float = 10) -> bytes:
        return await self.node.request(other.did, ECHO, body, addrs=[other.addr], timeout=timeout)


Make = Callable[..., Awaitable[Peer]]


@pytest.fixture
async def peer() -> AsyncIterator[Make]:
    """Makes a node that runs until the test ends, and that answers `ECHO` and `OPEN` with the body, reversed."""
    made: list[PeerNode] = []

    async def make(settings: P2PSettings = SETTINGS, *, seed: bytes | None = None) -> Peer:
        door, events, served = Door(), list[LinkEvent](), list[tuple[str, bytes]]()
        node = PeerNode(identity=Identity(seed or os.urandom(32)), settings=settings, gate=door, on_event=events.append)

        async def answer(did: str, body: bytes) -> bytes:
            served.append((did, body))
            if body == b"fail":
                raise ValueError("this request fails")
            if body == b"slow":
                await asyncio.sleep(30)
            return b"x" * 1_100_000 if body == b"huge" else body[::-1]

        node.serve(ECHO, answer)
        node.serve(OPEN, answer, anyone=True)
        await node.start()
        made.append(node)
        return Peer(node, door, events, served)

    yield make
    await asyncio.gather(*(node.stop() for node in made))


def befriend(*peers: Peer) -> None:
    """Let all of them admit each other."""
    for one in peers:
        one.door.admitted |= {other.did for other in peers}


async def until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions of another thread
            await asyncio.sleep(0.01)
