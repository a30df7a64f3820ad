"""Peers as an engine has them, over real connections: paired, let in, turned away, told of."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from cis_tui.core.config import P2PSettings
from cis_tui.core.errors import CisError, Invalid, Refused, Unavailable
from cis_tui.core.events import EventType
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.p2p.model import NodeState, PairingState, PeerInfo, Trust
from cis_tui.p2p.service import PeerService
from cis_tui.p2p.settings import follow
from tests.p2p.conftest import ECHO, SETTINGS, until


@dataclass
class Life:
    """The peers of one home, live, and what was told of them."""

    service: PeerService
    did: str
    told: list[tuple[str, dict[str, object]]] = field(default_factory=list[tuple[str, dict[str, object]]])

    def heard(self, type: EventType, **data: object) -> bool:
        return any(what == type and data.items() <= found.items() for what, found in self.told)

    async def addr(self) -> str:
        return next(addr for addr in (await self.service.identity()).addrs if "127.0.0.1" in addr)

    async def of(self, other: Life) -> PeerInfo | None:
        return next((peer for peer in await self.service.list() if peer.did == other.did), None)

    async def ask(self, other: Life) -> bytes:
        node = await self.service.live()
        return await node.request(other.did, ECHO, b"abc", addrs=[await other.addr()])


Live = Callable[..., Awaitable[Life]]


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    """Brings the peers of a new home to life, until the test ends."""
    made: list[Life] = []

    async def make(settings: P2PSettings = SETTINGS, **changes: object) -> Life:
        identity = Identity(os.urandom(32))
        told: list[tuple[str, dict[str, object]]] = []
        service = PeerService(
            Home(tmp_path / f"home{len(made)}").ensure(),
            identity,
            replace(settings, **changes),  # pyright: ignore[reportArgumentType]
            tell=lambda what, data: told.append((what, dict(data))),
        )

        async def answer(did: str, body: bytes) -> bytes:
            return body[::-1]

        service.serve(ECHO, answer)
        service.begin()
        made.append(Life(service, identity.did, told))
        return made[-1]

    yield make
    await asyncio.gather(*(life.service.close() for life in made))


async def paired(a: Life, b: Life, *, own: bool = True) -> None:
    pairing = await a.service.pair_open(own=own)
    await b.service.pair_join(pairing.code, at=await a.addr(), own=True)


async def test_a_pair_talks_and_what_is_denied_stops_at_once(live: Live) -> None:
    a, b = await live(), await live()
    pairing = await a.service.pair_open(own=True, name="laptop")
    waiting = asyncio.create_task(a.service.pairs.wait(pairing.id))
    assert (await a.service.status()).pairing
    there = await b.service.pair_join(pairing.code, at=await a.addr(), own=True, name="desk")
    ended = await waiting
    assert (ended.state, ended.did, ended.name) == (PairingState.PAIRED, b.did, "laptop")
    here = await a.of(b)
    assert here is not None
    assert ended.fingerprint == here.fingerprint
    assert (there.did, there.name, there.own, there.status) == (a.did, "desk", True, Trust.ALLOWED)
    assert (here.name, here.own, here.admitted, here.share) == ("laptop", True, True, ("",))
    assert await a.ask(b) == await b.ask(a) == b"cba"
    await until(lambda: a.heard(EventType.PEER_CONNECTED, peer=b.did, name="laptop", transport="tcp"))
    assert a.heard(EventType.PAIRING_ENDED, peer=b.did, change="paired")
    assert b.heard(EventType.PEER_CHANGED, peer=a.did, name="desk", change="allowed")
    connected = await a.of(b)
    assert connected is not None
    assert connected.connected
    assert connected.bytes_in > 0
    assert (await b.service.status()).connected == 1

    assert (await a.service.deny("laptop")).status is Trust.DENIED
    await until(lambda: b.heard(EventType.PEER_DISCONNECTED, peer=a.did))
    with pytest.raises(Unavailable):
        await b.ask(a)
    await until(lambda: a.heard(EventType.PEER_REFUSED, peer=b.did))
    refused = await a.of(b)
    assert refused is not None
    assert (refused.connected, refused.own) == (False, False)
    assert refused.refusals
    assert "admitted" in refused.refusal
    assert (await a.service.status()).refusals[0].did == b.did


async def test_one_side_alone_makes_nobody_an_own_node(live: Live) -> None:
    a, b = await live(), await live()
    await paired(a, b, own=False)
    for one, other in ((a, b), (b, a)):
        peer = await one.of(other)
        assert peer is not None
        assert (peer.status, peer.own) == (Trust.ALLOWED, False)


async def test_a_stranger_waits_with_a_fingerprint_until_it_is_allowed(live: Live) -> None:
    a, b = await live(), await live()
    await a.service.live()
    await b.service.add(await a.addr())
    await b.service.allow(a.did)
    with pytest.raises(CisError):
        await b.ask(a)
    await until(lambda: a.heard(EventType.PEER_DISCOVERED, peer=b.did, via="incoming", status="pending"))
    stranger = await a.of(b)
    assert stranger is not None
    assert (stranger.status, stranger.admitted, stranger.share) == (Trust.PENDING, False, ())
    assert len(stranger.fingerprint.split()) == 8
    await a.service.allow(b.did)
    assert await b.ask(a) == b"cba"


async def test_a_wrong_code_is_seen_and_lets_nobody_in(live: Live) -> None:
    a, b = await live(), await live()
    pairing = await a.service.pair_open(own=True)
    wrong = pairing.code[:-1] + str((int(pairing.code[-1]) + 1) % 10)
    with pytest.raises(Refused) as refused:
        await b.service.pair_join(wrong, at=await a.addr(), own=True)
    assert refused.value.code == "CIS-P2P-051"
    with pytest.raises(Unavailable):
        await b.ask(a)
    await until(lambda: a.heard(EventType.PEER_REFUSED, peer=b.did))
    assert any("wrong pairing code" in refusal.reason for refusal in (await a.service.status()).refusals)
    assert await b.of(a) is None or not (await b.service.list())[0].admitted
    a.service.pairs.opening.cancel(pairing.id)
    await until(lambda: not a.service.node.links)


async def test_whoever_waits_no_more_takes_the_code_back(live: Live) -> None:
    a = await live()
    pairing = await a.service.pair_open(own=True)
    waiting = asyncio.create_task(a.service.pairs.wait(pairing.id))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not (await a.service.status()).pairing
    assert a.heard(EventType.PAIRING_ENDED, change="cancelled")


async def test_open_lets_strangers_speak_but_never_who_was_denied(live: Live) -> None:
    a, b = await live(mode="open"), await live(mode="open")
    await a.service.live()
    assert await b.ask(a) == b"cba"
    await until(lambda: a.heard(EventType.PEER_CONNECTED, peer=b.did))
    known = await a.of(b)
    assert known is not None
    assert (known.status, known.admitted) == (Trust.PENDING, True)
    await a.service.deny(b.did)
    with pytest.raises(Unavailable):
        await b.ask(a)


@pytest.mark.parametrize(
    ("changes", "named"), [({"mode": "solitary"}, "p2p.mode"), ({"enabled": False}, "p2p.enabled")]
)
async def test_who_wants_no_peers_opens_no_port_and_can_still_keep_the_book(
    live: Live, changes: dict[str, object], named: str
) -> None:
    a = await live(**changes)
    status = await a.service.status()
    assert (status.state, status.listening, status.identity.addrs) == (NodeState.OFF, (), ())
    with pytest.raises(Unavailable, match=named):
        await a.service.pair_open(own=True)
    assert (await a.service.allow(Identity(bytes(32)).did, name="desk")).status is Trust.ALLOWED


async def test_a_node_that_cannot_start_is_said_and_nothing_else_fails(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = await live()

    async def fail() -> None:
        raise Unavailable("CIS-P2P-006", "no port can be had")

    monkeypatch.setattr(a.service.node, "start", fail)
    with pytest.raises(Unavailable, match="no port can be had"):
        await a.service.live()
    assert (await a.service.status()).state is NodeState.FAILED
    assert (await a.service.status()).problem == "no port can be had"
    assert a.heard(EventType.ERROR, code="CIS-P2P-006")


async def test_settings_are_taken_up_by_a_live_node_and_what_is_not_is_said(live: Live, tmp_path: Path) -> None:
    a, b = await live(mode="open"), await live(mode="open")
    await b.service.add(await a.addr())
    assert await b.ask(a) == b"cba"
    file, given = tmp_path / "config.toml", replace(SETTINGS, mode="open")
    file.write_text("wrong")
    loop, wrong, taken = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def load() -> P2PSettings:
        if file.read_text() == "wrong":
            loop.call_soon_threadsafe(wrong.set)
            raise Invalid("CIS-CORE-020", "a mistake")
        return replace(given, mode=file.read_text(), listen_port=1)

    async def take(settings: P2PSettings) -> None:
        await a.service.take(settings)
        taken.set()

    following = asyncio.create_task(follow(file, load, take))
    try:
        await asyncio.wait_for(wrong.wait(), 10)
        file.write_text("whitelist")
        await asyncio.wait_for(taken.wait(), 10)
    finally:
        following.cancel()
    await until(lambda: b.service.node.links.get(a.did) is None)
    with pytest.raises(Unavailable):
        await b.ask(a)
    status = await a.service.status()
    assert status.mode == "whitelist"
    assert status.notices[-1] == "p2p.listen_port was changed: it holds when the engine is started anew"
    await a.service.take(replace(given, listen_port=1))
    assert len((await a.service.status()).notices) == len(status.notices), "said once"
    await until(lambda: a.service.node.links.get(b.did) is not None or b.service.node.links.get(a.did) is not None)
    assert await b.ask(a) == b"cba"
