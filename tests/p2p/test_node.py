"""What the rest of the program relies on: requests between nodes, and the gate."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import pytest

from cis_tui.core.errors import Invalid, Unavailable
from cis_tui.p2p.addresses import parse_address
from cis_tui.p2p.link import OWN_KEY, LinkEventKind
from tests.p2p.conftest import ECHO, OPEN, SETTINGS, Make, befriend, until


async def test_admitted_peers_ask_and_answer_and_know_of_each_other(peer: Make) -> None:
    a, b = await peer(), await peer()
    befriend(a, b)
    assert await a.echo(b) == b"cba"
    assert await b.echo(a) == b"cba"
    assert b.served == [(a.did, b"abc")], "the handler is told whose key was proven"
    big = bytes(range(256)) * 4096
    assert await a.echo(b, big) == big[::-1]
    await until(lambda: a.saw(LinkEventKind.CONNECTED, b.did))
    await until(lambda: a.node.links[b.did].latency)
    link = a.node.links[b.did]
    assert link.outbound
    assert link.bytes_out > len(big)
    assert link.addr == b.addr.split("/p2p/")[0]
    await b.node.stop()
    await until(lambda: a.saw(LinkEventKind.DISCONNECTED, b.did))
    assert not a.node.links


async def test_a_stranger_is_turned_away_before_anything_is_spoken(peer: Make) -> None:
    a, b = await peer(), await peer()
    with pytest.raises(Unavailable, match="not admitted") as refused:
        await a.echo(b)
    assert refused.value.code == "CIS-P2P-001"
    a.door.admitted.add(b.did)
    with pytest.raises(Unavailable):
        await a.echo(b)
    await until(lambda: b.saw(LinkEventKind.REFUSED, a.did, "not admitted"))
    assert not b.served
    assert not b.node.links


async def test_whoever_pairs_speaks_only_what_anyone_may(peer: Make) -> None:
    a, b = await peer(), await peer()
    a.door.admitted.add(b.did)
    b.door.pairing.add(a.did)
    assert await a.node.request(b.did, OPEN, b"abc", addrs=[b.addr]) == b"cba"
    with pytest.raises(Unavailable, match="does not speak"):
        await a.node.request(b.did, ECHO, b"abc")
    assert not b.node.links, "a guest is no peer"
    b.door.admitted.add(a.did)
    assert await a.node.request(b.did, ECHO, b"abc") == b"cba"
    await until(lambda: b.saw(LinkEventKind.CONNECTED, a.did))


async def test_a_revoked_peer_is_cut_off_at_once(peer: Make) -> None:
    a, b = await peer(), await peer()
    befriend(a, b)
    await a.echo(b)
    b.door.admitted.clear()
    await b.node.drop(a.did)
    await until(lambda: not a.node.links)
    with pytest.raises(Unavailable):
        await a.echo(b)
    assert len(b.served) == 1


async def test_without_being_dropped_it_gets_no_answer_any_more(peer: Make) -> None:
    a, b = await peer(), await peer()
    befriend(a, b)
    await a.echo(b)
    b.door.admitted.clear()
    with pytest.raises(Unavailable):
        await a.echo(b)
    assert len(b.served) == 1
    await until(lambda: not b.node.links and not a.node.links)
    await until(lambda: b.saw(LinkEventKind.REFUSED, a.did, "no longer admitted"))


async def test_a_changed_gate_is_asked_about_those_who_are_connected(peer: Make) -> None:
    a, b = await peer(), await peer()
    befriend(a, b)
    await a.echo(b)
    b.door.admitted.clear()
    await b.node.recheck()
    await until(lambda: not a.node.links)


async def test_a_request_that_fails_says_why(peer: Make) -> None:
    a, b = await peer(), await peer()
    befriend(a, b)
    for body in (b"fail", b"huge"):
        with pytest.raises(Unavailable) as failed:
            await a.echo(b, body)
        assert failed.value.code == "CIS-P2P-003"
        assert failed.value.retryable
    with pytest.raises(Unavailable) as late:
        await a.echo(b, b"slow", timeout=0.3)
    assert late.value.code == "CIS-P2P-002"
    with pytest.raises(Invalid, match="1,048,577"):
        await a.echo(b, bytes(1_048_577))
    with pytest.raises(Unavailable, match="does not speak"):
        await a.node.request(b.did, "/cis/other/1.0.0", b"")
    with pytest.raises(Invalid, match="not an address"):
        await a.node.request(b.did, ECHO, b"", addrs=["localhost:7677"])
    assert await a.echo(b) == b"cba", "the connection is as good as before"


async def test_a_taken_port_is_said_and_another_one_used(peer: Make) -> None:
    import dataclasses

    a = await peer()
    b = await peer(dataclasses.replace(SETTINGS, listen_port=a.node.port))
    assert b.node.port != a.node.port
    await until(lambda: b.saw(LinkEventKind.NOTICE, reason=f"port {a.node.port} is taken"))
    befriend(a, b)
    assert await a.echo(b) == b"cba"


async def test_it_starts_and_stops_without_a_trace(peer: Make) -> None:
    before = set(threading.enumerate())
    a, b = await peer(), await peer()
    befriend(a, b)
    await a.echo(b)
    waiting = asyncio.ensure_future(a.echo(b, b"slow"))
    await until(lambda: len(b.served) == 2)
    await a.node.stop()
    await b.node.stop()
    with pytest.raises(Unavailable):
        await waiting
    left = {thread for thread in set(threading.enumerate()) - before if not thread.name.startswith("asyncio_")}
    assert not left
    with pytest.raises(Unavailable, match="not running"):
        await a.echo(b)


async def test_two_nodes_with_one_key_notice_each_other_on_a_network(peer: Make) -> None:
    seed = os.urandom(32)
    a, b = await peer(seed=seed), await peer(seed=seed)
    found: Any = a.node._found_on_lan  # pyright: ignore[reportPrivateUsage]
    found(a.did, [parse_address(a.addr)])
    assert not a.events, "its own announcement"
    found(a.did, [parse_address(b.addr)])
    await until(lambda: all(one.saw(LinkEventKind.REFUSED, one.did, OWN_KEY) for one in (a, b)))
