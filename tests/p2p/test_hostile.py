"""Strangers, and admitted peers that turned bad: they get nothing, are seen, and honest peers are served meanwhile."""

# pyright: reportUnknownMemberType=false, reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import asyncio
import os
import random
import resource
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from cis_tui.core.identity import Identity
from cis_tui.p2p.framing import framed
from cis_tui.p2p.link import LinkEventKind
from cis_tui.p2p.requests import MAX_STREAMS
from tests.p2p.conftest import ECHO, Make, Peer, befriend, until
from tests.p2p.stranger import Stranger, ended, in_trio, open_stream

SEED = b"stranger".ljust(32, b".")
STRANGER = Identity(SEED).did
TWO_GB = b"\xff\xff\xff\xff\x07"
MULTISTREAM = framed(b"/multistream/1.0.0\n")


def memory() -> int:
    """Bytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def served(honest: Peer, node: Peer, *, within: float = 10) -> None:
    """The honest peer is answered, over a new connection."""
    befriend(honest, node)
    await honest.node.drop(node.did)
    began = time.monotonic()
    assert await honest.echo(node) == b"cba"
    assert time.monotonic() - began < within


async def test_three_hundred_connections_that_come_and_go_leave_nothing(peer: Make) -> None:
    node, honest = await peer(), await peer()
    node.door.admitted.add(STRANGER)
    stranger = Stranger(SEED, node.node.port)

    async def attack() -> None:
        async def some() -> None:
            for _ in range(30):
                line, _ = await stranger.secured()
                await trio.aclose_forcefully(line._stream)  # pyright: ignore[reportPrivateUsage]

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(some)
        for _ in range(10):
            async with stranger.connected() as muxed:
                stream = await open_stream(muxed, ECHO)
                await stream.write(framed(b"abc"))
                assert await stream.read(4) == framed(b"cba")

    await in_trio(attack)
    await served(honest, node)
    await until(lambda: set(node.node.links) == {honest.did})


async def test_nothing_but_noise_is_agreed_to(peer: Make) -> None:
    node = await peer()

    async def attack() -> list[bytes]:
        stream = await Stranger(SEED, node.node.port).tcp()
        answers: list[bytes] = []
        async with stream:
            await stream.send_all(MULTISTREAM)
            assert await stream.receive_some(1000) == MULTISTREAM
            for offer in (b"/plaintext/2.0.0\n", b"/secio/1.0.0\n", b"/tls/1.0.0\n"):
                await stream.send_all(framed(offer))
                answers.append(await stream.receive_some(1000))
        return answers

    assert await in_trio(attack) == [framed(b"na\n")] * 3
    await until(lambda: node.saw(LinkEventKind.REFUSED, reason="no Noise handshake"))


async def test_a_plaintext_peer_with_the_name_of_an_admitted_one_gets_nowhere(peer: Make) -> None:
    node, victim = await peer(), await peer()
    node.door.admitted.add(victim.did)

    async def attack() -> str:
        from libp2p import new_host
        from libp2p.crypto.ed25519 import create_new_key_pair
        from libp2p.custom_types import TProtocol
        from libp2p.peer.peerinfo import info_from_p2p_addr
        from libp2p.security.insecure.transport import PLAINTEXT_PROTOCOL_ID, InsecureTransport
        from multiaddr import Multiaddr

        keys = create_new_key_pair(SEED)
        host = new_host(key_pair=keys, sec_opt={TProtocol(PLAINTEXT_PROTOCOL_ID): InsecureTransport(keys)})
        async with host.run([]):
            with suppress(Exception):
                await host.connect(info_from_p2p_addr(Multiaddr(node.addr)))
                return "connected"
            return "refused"

    assert await in_trio(attack) == "refused"
    assert not node.node.links


async def test_the_library_s_own_peers_are_understood_both_ways(peer: Make) -> None:
    node = await peer()
    node.door.admitted.add(STRANGER)

    async def talk() -> tuple[bytes, str]:
        from libp2p import new_host
        from libp2p.crypto.ed25519 import create_new_key_pair
        from libp2p.custom_types import TProtocol
        from libp2p.peer.peerinfo import info_from_p2p_addr
        from libp2p.request_response import BytesCodec, RequestResponse
        from multiaddr import Multiaddr

        host = new_host(key_pair=create_new_key_pair(SEED))

        async def upper(body: bytes, context: object) -> bytes:
            return body.upper()

        async with host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]):
            requests = RequestResponse(host)
            requests.set_handler(TProtocol("/cis/upper/1.0.0"), upper, BytesCodec())
            there = info_from_p2p_addr(Multiaddr(node.addr))
            await host.connect(there)
            answer = await requests.send_request(there.peer_id, [TProtocol(ECHO)], b"abc", BytesCodec())
            asked = await asyncio_call(node.node.request(STRANGER, "/cis/upper/1.0.0", b"abc"))
            await host.close()
        return answer, asked.decode()

    loop = asyncio.get_running_loop()

    async def asyncio_call(coroutine: Coroutine[Any, Any, bytes]) -> bytes:
        return await trio.to_thread.run_sync(asyncio.run_coroutine_threadsafe(coroutine, loop).result)

    assert await in_trio(talk) == (b"cba", "ABC")


async def test_silent_sockets_do_not_keep_honest_peers_out(peer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cis_tui.p2p.entrance.HANDSHAKE_PATIENCE", 2.0)
    node, honest = await peer(), await peer()
    befriend(node, honest)

    async def attack(ready: asyncio.Event) -> int:
        stranger = Stranger(SEED, node.node.port)
        silent = [await stranger.tcp() for _ in range(300)]
        for one in silent[:20]:
            await one.send_all(MULTISTREAM[:3])  # a loris: it begins, and then takes its time
        loop.call_soon_threadsafe(ready.set)
        closed = 0
        for one in silent:
            closed += await ended(one, within=10)
            await trio.aclose_forcefully(one)
        return closed

    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    attacking = asyncio.create_task(in_trio(lambda: attack(ready)))
    await ready.wait()
    await served(honest, node, within=10)
    assert await attacking == 300, "none of them stays"
    await until(lambda: node.saw(LinkEventKind.REFUSED, reason="took too long"))


async def test_two_gigabytes_are_announced_at_every_door(peer: Make) -> None:
    node, honest = await peer(), await peer()
    node.door.admitted.add(STRANGER)
    before = memory()

    async def attack() -> None:
        stranger = Stranger(SEED, node.node.port)
        bare = await stranger.tcp()
        await bare.send_all(TWO_GB)
        assert await ended(bare, within=10)
        await bare.aclose()
        line, secured = await stranger.secured()
        await secured.write(TWO_GB + b"/multistream/1.0.0\n")
        assert await ended(line._stream, within=10)  # pyright: ignore[reportPrivateUsage]
        await trio.aclose_forcefully(line._stream)  # pyright: ignore[reportPrivateUsage]
        async with stranger.connected() as muxed:
            stream = await muxed.open_stream()
            await stream.write(TWO_GB)  # in place of a protocol
            with pytest.raises(Exception, match=r"reset|closed"), trio.fail_after(20):
                while True:
                    await stream.read(100)
            for length in (TWO_GB, framed(bytes(1_048_577)), b"\xff" * 12):
                request = await open_stream(muxed, ECHO)
                with pytest.raises(Exception, match=r"reset|gone|closed"), trio.fail_after(20):
                    await request.write(length)
                    await request.read(1)
        async with stranger.connected() as muxed:
            await muxed._write_frame(b"\0\0\0\x01\0\0\0\x63" + (2**31).to_bytes(4, "big"))  # pyright: ignore[reportPrivateUsage]
            with trio.fail_after(20):
                await muxed.event_closed.wait()

    await in_trio(attack)
    assert memory() - before < 50_000_000
    await served(honest, node)
    assert not [body for did, body in node.served if did == STRANGER]


async def test_garbage_ends_the_connection_it_comes_over(peer: Make) -> None:
    node, honest = await peer(), await peer()
    node.door.admitted.add(STRANGER)
    dice = random.Random(7)

    async def attack() -> None:
        stranger = Stranger(SEED, node.node.port)
        for _ in range(20):
            bare = await stranger.tcp()
            with suppress(trio.BrokenResourceError):
                await bare.send_all(dice.choice([b"", MULTISTREAM + framed(b"/noise\n")]) + dice.randbytes(3000))
                await bare.send_eof()
            assert await ended(bare, within=10)
            await bare.aclose()
        for _ in range(10):
            async with stranger.connected() as muxed:
                for _ in range(5):
                    with suppress(Exception):
                        await muxed.secured_conn.write(dice.randbytes(dice.randrange(1, 500)))
        for _ in range(10):
            async with stranger.connected() as muxed:
                stream = await muxed.open_stream()
                with suppress(Exception):
                    await stream.write(dice.randbytes(500))
                    await stream.read(10)

    await in_trio(attack)
    await served(honest, node)


async def test_idle_streams_of_one_peer_are_bounded_and_the_others_served(
    peer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cis_tui.p2p.requests.READ_PATIENCE", 2.0)
    node, honest = await peer(), await peer()
    node.door.admitted.add(STRANGER)

    async def attack(ready: asyncio.Event, go: trio.Event, token: list[trio.lowlevel.TrioToken]) -> int:
        token.append(trio.lowlevel.current_trio_token())
        async with Stranger(SEED, node.node.port).connected() as muxed:
            streams = [await muxed.open_stream() for _ in range(256)]
            with trio.move_on_after(20):
                while sum(stream.reset_received for stream in streams) < 256 - MAX_STREAMS:  # noqa: ASYNC110
                    await trio.sleep(0.02)
            loop.call_soon_threadsafe(ready.set)
            await go.wait()
            for stream in streams:
                if not stream.reset_received:
                    await stream.write(MULTISTREAM[:3])  # a loris here as well
            with trio.move_on_after(20):
                while not all(stream.reset_received for stream in streams):  # noqa: ASYNC110
                    await trio.sleep(0.02)
            return sum(stream.reset_received for stream in streams)

    loop, ready, go = asyncio.get_running_loop(), asyncio.Event(), trio.Event()
    token: list[trio.lowlevel.TrioToken] = []
    attacking = asyncio.create_task(in_trio(lambda: attack(ready, go, token)))
    await ready.wait()
    await served(honest, node, within=10)
    token[0].run_sync_soon(go.set)
    assert await attacking == 256, "those that say nothing are ended as well"
    await until(lambda: node.saw(LinkEventKind.REFUSED, STRANGER, "too many requests at the same time"))


async def test_a_flood_of_requests_is_slowed_and_seen(peer: Make) -> None:
    node, honest = await peer(), await peer()
    node.door.pairing.add(STRANGER)

    async def attack() -> int:
        answered = 0
        async with Stranger(SEED, node.node.port).connected() as muxed:
            for _ in range(40):
                with suppress(Exception):
                    stream = await open_stream(muxed, "/cis/open/1.0.0")
                    await stream.write(framed(b"abc"))
                    answered += await stream.read(4) == framed(b"cba")
        return answered

    assert 15 <= await in_trio(attack) <= 30
    assert await in_trio(attack) < 15, "coming anew gives no more"
    await until(lambda: node.saw(LinkEventKind.REFUSED, STRANGER, "more requests than"))
    await served(honest, node)


async def test_what_nobody_reads_does_not_pile_up(peer: Make) -> None:
    node = await peer()
    node.door.admitted.add(STRANGER)
    before = memory()

    async def attack() -> bool:
        async with Stranger(SEED, node.node.port).connected() as muxed:
            streams = [await open_stream(muxed, ECHO) for _ in range(4)]
            for stream in streams:
                await stream.write(framed(b"slow"))
            piece = bytes(60_000)
            with suppress(Exception):
                for turn in range(500):  # 30 MB, against every window
                    sid = streams[turn % 4].stream.stream_id
                    await muxed._write_frame(  # pyright: ignore[reportPrivateUsage]
                        b"\0\0\0\0" + sid.to_bytes(4, "big") + len(piece).to_bytes(4, "big") + piece
                    )
            with trio.move_on_after(3):
                await muxed.event_closed.wait()
            return muxed.is_closed

    assert await in_trio(attack)
    assert memory() - before < 50_000_000
    await until(lambda: not node.node.links)


async def test_a_line_that_went_dead_is_noticed_and_given_up(peer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cis_tui.p2p.wire.PING_AFTER", 0.2)
    monkeypatch.setattr("cis_tui.p2p.wire.PING_PATIENCE", 0.5)
    node = await peer()
    node.door.admitted.add(STRANGER)

    async def attack(ready: asyncio.Event) -> bool:
        stranger = Stranger(SEED, node.node.port)
        line, secured = await stranger.secured()
        await stranger._securing.multiplex(secured, outbound=True)  # pyright: ignore[reportPrivateUsage]
        loop.call_soon_threadsafe(ready.set)  # and now it is never heard of again
        closed = await ended(line._stream, within=10)  # pyright: ignore[reportPrivateUsage]
        await trio.aclose_forcefully(line._stream)  # pyright: ignore[reportPrivateUsage]
        return closed

    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    attacking = asyncio.create_task(in_trio(lambda: attack(ready)))
    await ready.wait()
    await until(lambda: STRANGER in node.node.links)
    assert await attacking
    await until(lambda: node.saw(LinkEventKind.DISCONNECTED, STRANGER))
    assert not node.node.links


async def test_strangers_cannot_fill_the_events(peer: Make) -> None:
    node = await peer()

    async def attack() -> None:
        for turn in range(30):
            stranger = Stranger(os.urandom(32) if turn % 2 else SEED, node.node.port)
            line, _ = await stranger.secured()
            await ended(line._stream, within=10)  # pyright: ignore[reportPrivateUsage]
            await trio.aclose_forcefully(line._stream)  # pyright: ignore[reportPrivateUsage]

    await in_trio(attack)
    refused = [event.did for event in node.events if event.kind is LinkEventKind.REFUSED]
    assert refused.count(STRANGER) == 1
    assert len(refused) == 16, "each of the others is told of, once"
