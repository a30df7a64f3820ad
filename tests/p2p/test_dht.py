"""Finding a peer through others that know where it is."""

from __future__ import annotations

import dataclasses

import pytest
from libp2p.kad_dht.pb.kademlia_pb2 import Message

from cis_tui.core.config import P2PSettings
from cis_tui.core.errors import Unavailable
from cis_tui.core.identity import Identity
from cis_tui.p2p.dht import KAD
from cis_tui.p2p.framing import framed
from cis_tui.p2p.link import LinkEventKind
from tests.p2p.conftest import ECHO, SETTINGS, Make, befriend, until
from tests.p2p.stranger import Stranger, in_trio, open_stream

SEED = b"stranger".ljust(32, b".")
DHT = dataclasses.replace(SETTINGS, dht=True)


def knowing(*addrs: str) -> P2PSettings:
    return dataclasses.replace(DHT, bootstrap=addrs)


async def test_two_find_each_other_through_a_bootstrap_node_that_is_no_peer_of_theirs(peer: Make) -> None:
    guide = await peer(DHT)
    a, b = await peer(knowing(guide.addr)), await peer(knowing(guide.addr))
    befriend(a, b)
    guide.door.admitted |= {a.did, b.did}
    b.node.keep(a.did, [])
    await until(lambda: b.node.looking["dht"] == a.node.looking["dht"] == "active")
    await until(lambda: a.did in b.node.links)
    assert await b.node.request(a.did, ECHO, b"abc") == b"cba"
    await until(lambda: b.saw(LinkEventKind.DISCOVERED, guide.did))
    assert set(a.node.links) == {b.did}, "the guide helps, and is no peer"
    with pytest.raises(Unavailable, match="does not speak"):
        await guide.node.request(a.did, ECHO, b"abc")


async def test_nothing_else_is_served_by_way_of_the_table(peer: Make) -> None:
    node = await peer(DHT)
    node.door.admitted.add(Identity(SEED).did)

    async def ask(kind: int) -> bytes:
        async with Stranger(SEED, node.node.port).connected() as muxed:
            stream = await open_stream(muxed, KAD)
            await stream.write(framed(Message(type=kind, key=b"/pk/x").SerializeToString()))  # pyright: ignore[reportArgumentType]
            return await stream.read(1)

    async def attack() -> list[str]:
        told: list[str] = []
        for kind in (Message.PUT_VALUE, Message.GET_VALUE, Message.ADD_PROVIDER, Message.GET_PROVIDERS, Message.PING):
            try:
                told.append("answered" if await ask(kind) else "nothing")
            except Exception as error:
                told.append(type(error).__name__)
        return told

    told = await in_trio(attack)
    assert told[-1] == "answered"
    assert "answered" not in told[:-1]


async def test_a_wrong_bootstrap_address_is_said_and_the_others_do(peer: Make) -> None:
    guide = await peer(DHT)
    unsaid = guide.addr.partition("/p2p/")[0]
    node = await peer(knowing("bootstrap.example.org:7677", unsaid, guide.addr))
    guide.door.admitted.add(node.did)
    await until(lambda: node.saw(LinkEventKind.NOTICE, reason="not an address of a peer: bootstrap.example.org:7677"))
    await until(lambda: node.saw(LinkEventKind.NOTICE, reason=f"{unsaid} does not say whose address it is"))
    await until(lambda: node.node.looking["dht"] == "active")
