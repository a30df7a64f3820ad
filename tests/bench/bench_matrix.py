"""What it costs that memory becomes one in a room: a change on the other node, 500 changes, a thousand entries.

Both nodes and the real homeserver are on this machine; so the figures tell of our own part and of the homeserver's.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cis_tui.matrix.digest import Pace
from tests.matrix.memory_nodes import Knower, Knowers
from tests.matrix.nodes import Network
from tests.matrix.synapse import data_folder, make_server

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]
CHANGES, ROUNDS = 500, 5
SINGLE = 60


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[Knower, Knower]]:
    server = make_server(data_folder())
    network = Network(tmp_path)
    knowers = Knowers(network)
    try:
        await asyncio.to_thread(server.start)
        ann, bob = await knowers.live(server, server)
        ann.pace = bob.pace = Pace()
        yield ann, bob
        await knowers.close()
        await network.close()
    finally:
        server.stop()
        shutil.rmtree(server.root, ignore_errors=True)


async def until(node: Knower, key: str, value: str) -> None:
    while node.value(key) != value:  # noqa: ASYNC110 - rows of a file
        await asyncio.sleep(0.002)


async def test_a_change_is_on_the_other_node(pair: tuple[Knower, Knower]) -> None:
    ann, bob = pair
    took: list[float] = []
    for number in range(SINGLE):
        await asyncio.sleep(0.1)
        started = time.perf_counter()
        ann.put("change", str(number))
        await until(bob, "change", str(number))
        took.append(time.perf_counter() - started)
    took.sort()
    half, most = took[SINGLE // 2] * 1e3, took[SINGLE * 95 // 100] * 1e3
    print(f"\na change on the other node: p50 {half:.0f} ms, p95 {most:.0f} ms")


async def test_five_hundred_changes(pair: tuple[Knower, Knower]) -> None:
    ann, bob = pair
    took: list[float] = []
    for each in range(ROUNDS):
        started = time.perf_counter()
        await asyncio.to_thread(ann.put_many, f"round{each}", CHANGES)
        await until(bob, f"round{each}/{CHANGES - 1}", f"v{CHANGES - 1}")
        took.append(time.perf_counter() - started)
        await asyncio.sleep(0.2)
    said = (await ann.status()).said
    print(f"\n{CHANGES} changes: {', '.join(f'{each:.2f}' for each in sorted(took))} s, in {said / ROUNDS:.1f} events")
    assert said <= ROUNDS * CHANGES / 20, "what is written together is said together"
