"""Which way a question to another node takes: peer to peer if it is connected so, else the room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from cis_tui.core.errors import Unavailable
from cis_tui.dag.peers.jobs import PROTOCOL
from cis_tui.dag.peers.line import Topic
from cis_tui.engine.lines import NodeLine
from cis_tui.matrix.answering import Way
from cis_tui.matrix.line import PACE
from tests.matrix.hall import Guest, Hall
from tests.matrix.test_line import ANN, BOB, EVE


@dataclass
class Peers:
    """A network of peers in which somebody is connected, or nobody."""

    links: dict[str, object] = field(default_factory=dict[str, object])
    wanted: bool = True

    @property
    def node(self) -> Peers:
        return self

    async def live(self) -> Peers:
        return self

    async def request(self, did: str, protocol: str, body: bytes, *, timeout: float) -> bytes:
        if did not in self.links:
            raise Unavailable("CIS-P2P-001", "it cannot be reached")
        return b"by peers"


@asynccontextmanager
async def ways(folder: Path) -> AsyncGenerator[tuple[NodeLine, Peers, Guest, Hall]]:
    hall, peers = Hall(), Peers()
    ann, bob = Guest(hall, ANN, folder / "ann"), Guest(hall, BOB, folder / "bob")

    async def handle(did: str, kind: str, body: bytes, age: float) -> bytes:
        return b"by the room"

    for guest in (ann, bob):
        guest.line.speak(Way(PROTOCOL, {"run": "task.request"}, "task.answer", {}, handle))
        await guest.enter()
    yield NodeLine(cast("Any", peers), ann.line, ann.service), peers, ann, hall
    await ann.leave()
    await bob.leave()


async def ask(line: NodeLine, did: str, hall: Hall) -> bytes:
    asked = asyncio.ensure_future(line.request(did, PROTOCOL, b"x", timeout=5, topic=Topic(what="run")))
    while not asked.done():
        await hall.settle()
        await asyncio.sleep(0.002)
    return await asked


async def test_each_question_takes_the_way_that_there_is(tmp_path: Path) -> None:
    async with ways(tmp_path) as (line, peers, ann, hall):
        assert (line.pace(BOB.did), await ask(line, BOB.did, hall)) == (PACE, b"by the room")
        peers.links[BOB.did] = object()
        assert (line.pace(BOB.did), await ask(line, BOB.did, hall)) == (0, b"by peers")
        del peers.links[BOB.did]
        assert await ask(line, BOB.did, hall) == b"by the room"
        ann.service.is_online = False
        assert line.pace(BOB.did) == 0
        with pytest.raises(Unavailable, match="cannot be reached"):
            await ask(line, BOB.did, hall)


async def test_without_peers_it_is_said_why_the_room_is_no_way(tmp_path: Path) -> None:
    async with ways(tmp_path) as (line, peers, ann, hall):
        peers.wanted = False
        with pytest.raises(Unavailable, match="is not in the room") as caught:
            await ask(line, EVE.did, hall)
        assert caught.value.retryable
        ann.service.is_online = False
        with pytest.raises(Unavailable, match="the room in which nodes meet cannot be reached") as caught:
            await ask(line, BOB.did, hall)
        assert caught.value.retryable
        peers.links[BOB.did], ann.service.account = object(), None
        assert await ask(line, BOB.did, hall) == b"by peers", "nobody is logged in"
