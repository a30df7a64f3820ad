"""What peers cost: an idle connection, a request beside a plain one over TCP, and everybody with everybody."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.p2p.conftest import Make, befriend, peer, until

pytestmark = pytest.mark.bench
assert peer, "a fixture"


async def milliseconds(ask: Callable[[], Awaitable[object]], *, times: int = 300) -> float:
    """The median of many in a row."""
    taken: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


async def test_an_idle_connection_costs_less_than_100_bytes_a_second(peer: Make) -> None:
    a, b = await peer(), await peer()
    befriend(a, b)
    await a.echo(b)
    await asyncio.sleep(2)
    before = a.node.links[b.did]
    await asyncio.sleep(40)
    after = a.node.links[b.did]
    said = (after.bytes_in + after.bytes_out - before.bytes_in - before.bytes_out) / 40
    # Each message of 30 bytes is a packet of its own, with 66 bytes of headers, and every second one is acknowledged.
    print(f"\nidle: {said:.1f} bytes/s inside of TCP, about {said * (30 + 66 * 1.5) / 30:.0f} with headers")
    assert said * (30 + 66 * 1.5) / 30 < 100


async def test_a_request_beside_one_over_plain_tcp(peer: Make) -> None:
    a, b = await peer(), await peer()
    befriend(a, b)
    await a.echo(b)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.read(1024):
            writer.write(line)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])

        async def plain() -> None:
            writer.write(b"abc")
            await reader.read(3)

        reference = await milliseconds(plain)
        measured = await milliseconds(lambda: a.echo(b))
        writer.close()
    print(f"\nrequest: {measured:.2f} ms, plain TCP {reference:.2f} ms")
    assert measured < 5000 * reference, "two threads, encryption and a stream of its own, also where much else runs"


async def test_twenty_nodes_are_connected_with_each_other_soon(peer: Make) -> None:
    peers = [await peer() for _ in range(20)]
    befriend(*peers)
    began = time.perf_counter()
    for one, other in itertools.combinations(peers, 2):
        one.node.keep(other.did, [other.addr])
    await until(lambda: all(len(one.node.links) == 19 for one in peers))
    print(f"\n190 connections: {time.perf_counter() - began:.1f} s")
    assert time.perf_counter() - began < 20
