"""Staying connected: after a restart, after a long absence, after a change of address."""

from __future__ import annotations

import asyncio
import dataclasses
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_tui.core.config import P2PSettings
from cis_tui.core.errors import Invalid
from cis_tui.p2p.addresses import Address
from cis_tui.p2p.link import LinkEventKind
from cis_tui.p2p.reconnect import LONGEST_WAIT, MAX_TRIED, Kept, patience_for, wait_before
from tests.p2p.conftest import SETTINGS, Make, Peer, befriend, until

SEED = bytes(range(32))


async def test_kept_peers_connect_and_a_restarted_one_is_back_at_once(peer: Make) -> None:
    a, b = await peer(), await peer(seed=SEED)
    befriend(a, b)
    a.node.keep(b.did, [b.addr])
    await until(lambda: a.node.links and b.node.links)
    port = b.node.port
    await b.node.stop()
    await until(lambda: not a.node.links)
    await asyncio.sleep(1.2)  # some attempts fail: the library alone would then not try again for a minute
    began = time.monotonic()
    b = await peer(dataclasses.replace(SETTINGS, listen_port=port), seed=SEED)
    befriend(a, b)
    await until(lambda: a.node.links and b.node.links, seconds=20)
    assert time.monotonic() - began < 20
    assert await b.node.request(a.did, "/cis/echo/1.0.0", b"abc") == b"cba", "both ways over the one connection"


async def test_two_that_dial_each_other_end_up_with_one_connection(peer: Make) -> None:
    a, b = await peer(), await peer()
    befriend(a, b)
    await asyncio.gather(a.echo(b), b.echo(a))
    a.node.keep(b.did, [b.addr])
    b.node.keep(a.did, [a.addr])
    await until(lambda: connections(a) == connections(b) == 1)
    assert await a.echo(b) == await b.echo(a) == b"cba"


def connections(peer: Peer) -> int:
    host = peer.node._host  # pyright: ignore[reportPrivateUsage]
    assert host is not None
    return len(host.connections.every())


async def test_a_dropped_peer_is_not_dialled_again(peer: Make) -> None:
    a, b = await peer(), await peer()
    befriend(a, b)
    a.node.keep(b.did, [b.addr])
    await until(lambda: a.node.links)
    await a.node.drop(b.did)
    await until(lambda: not b.node.links)
    await asyncio.sleep(0.8)
    assert not a.node.links


async def test_another_key_at_the_address_is_refused_and_said(peer: Make) -> None:
    a, b, other = await peer(), await peer(), await peer()
    befriend(a, b, other)
    await b.node.stop()
    a.node.keep(b.did, [other.addr.split("/p2p/")[0]])
    await until(lambda: a.saw(LinkEventKind.REFUSED, b.did, "somebody else answers there"))
    assert not a.node.links


async def test_the_network_begins_again_should_it_ever_fail(peer: Make) -> None:
    a, b = await peer(), await peer()
    befriend(a, b)
    a.node.keep(b.did, [b.addr])
    await until(lambda: a.node.links)
    port = a.node.port

    def fail(*_: object) -> None:
        raise ValueError("something nobody thought of")

    a.node._post(fail)  # pyright: ignore[reportPrivateUsage]
    await until(lambda: a.saw(LinkEventKind.NOTICE, reason="begins again"))
    await until(lambda: a.node.links and b.node.links)
    assert a.node.port == port
    assert await a.echo(b) == b"cba"


def test_the_first_attempts_follow_at_once_and_later_ones_with_the_absence() -> None:
    assert wait_before(0, 0, 0) == 0.1
    assert wait_before(20, 12, 0) + patience_for(12) < 1.5, "a line that was gone for 12 s is taken up at once"
    assert wait_before(50, 60, 0) + patience_for(59) < 5
    assert wait_before(10_000, 86_400, 0) == LONGEST_WAIT


@given(st.integers(0, 10**6), st.floats(0, 10**6), st.floats(0, 1))
def test_no_wait_is_longer_than_the_longest(failed: int, away: float, chance: float) -> None:
    assert 0.05 < wait_before(failed, away, chance) <= LONGEST_WAIT


def test_no_source_takes_the_place_of_the_others() -> None:
    kept = Kept("did:key:z6Mk")
    kept.named("kept", [Address("10.0.0.1", 7677)])
    kept.named("mdns", [Address(f"10.6.6.{place}", 666) for place in range(100)])
    kept.named("dht", [Address("10.0.0.2", 7677)])
    kept.worked = Address("10.0.0.3", 7677)
    tried = kept.addresses()
    assert tried[0] == kept.worked
    assert {Address("10.0.0.1", 7677), Address("10.0.0.2", 7677)} <= set(tried)
    assert len(tried) == MAX_TRIED
    everything = {address for _ in range(200) for address in kept.addresses()}
    assert Address("10.6.6.31", 666) in everything, "whatever is named has its turn"


async def test_only_addresses_can_be_kept(peer: Make) -> None:
    a = await peer(P2PSettings(listen_port=0, mdns=False))
    with pytest.raises(Invalid, match="not an address"):
        a.node.keep(a.did, ["/ip4/1.2.3.4/udp/7677"])
