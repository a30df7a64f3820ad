"""Memory in a room of real homeservers: on one, on two that federate, on one that is killed, or stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from shutil import rmtree

import pytest

from cis_tui.matrix.model import MatrixState
from cis_tui.matrix.store import Database
from cis_tui.memory.records import Domain
from tests.matrix.memory_nodes import Knower, Knowers, until_one
from tests.matrix.nodes import Network, until
from tests.matrix.synapse import Synapse
from tests.sync.support import talk

PLANTED = "planted-4711"


@pytest.fixture
async def knowers(network: Network) -> AsyncIterator[Knowers]:
    made = Knowers(network)
    yield made
    await made.close()


async def no_holes(*nodes: Knower) -> None:
    """Wait until each has heard all of each other, and knows that the other has."""

    async def told() -> bool:
        members = [member for node in nodes for member in (await node.status()).members]
        return bool(members) and all(each.holes == 0 and each.heard == each.last for each in members)

    await until(told)


async def test_a_thousand_entries_become_one_across_two_servers_and_a_restart(
    federation: tuple[Synapse, Synapse], knowers: Knowers
) -> None:
    ann, bob = await knowers.live(*federation)
    ann.put_many("ann", 250)
    bob.put_many("bob", 250)
    await bob.stop()
    bob.make()
    bob.put_many("away", 250)
    ann.put_many("more", 250)
    bob.begin()
    await until_one([ann, bob], 1000)
    await no_holes(ann, bob)
    assert not await bob.node.service.rejections()
    said = (await ann.status()).said
    await ann.stop()
    await ann.start()
    ann.put("last", "one")
    await until_one([ann, bob], 1001)
    assert (await ann.status()).said == said + 1, "what was said is not said again after a restart"


async def test_a_server_that_is_killed_while_memory_becomes_one(own_synapse: Synapse, knowers: Knowers) -> None:
    ann, bob = await knowers.live(own_synapse, own_synapse)
    ann.put_many("ann", 400)
    bob.put_many("bob", 400)
    await until(lambda: bob.value("ann/150"))
    own_synapse.kill()
    ann.put_many("dead", 100)
    bob.put_many("gone", 100)
    await ann.node.until_state(MatrixState.RETRYING)
    await asyncio.to_thread(own_synapse.start)
    await until_one([ann, bob], 1000)
    await no_holes(ann, bob)


async def test_what_conflicts_while_the_server_stands_still_is_kept_and_settled(
    own_synapse: Synapse, knowers: Knowers
) -> None:
    ann, bob = await knowers.live(own_synapse, own_synapse)
    ann.put("motto", "before")
    await until(lambda: bob.value("motto") == "before")
    own_synapse.freeze()
    for number in range(20):
        ann.put(f"both/{number}", "ann")
        bob.put(f"both/{number}", "bob")
    ann.put("motto", "ann")
    bob.memory.delete("motto")
    await asyncio.sleep(2)  # the length of the outage
    own_synapse.thaw()
    await until_one([ann, bob])
    for node in (ann, bob):
        await until(lambda node=node: len(node.memory.revisions.conflicts()) == 21)
    for conflict in bob.memory.revisions.conflicts():
        bob.memory.revisions.resolve(conflict.key)
    for node in (ann, bob):
        await until(lambda node=node: not node.memory.revisions.conflicts())
    await until_one([ann, bob])


async def test_what_is_private_is_nowhere_on_the_server_and_what_is_large_is_whole(
    own_synapse: Synapse, knowers: Knowers
) -> None:
    ann, bob = await knowers.live(own_synapse, own_synapse)
    ann.put("plan", PLANTED, Domain.PRIVATE)
    ann.put("api_token", f"ghp_{PLANTED.replace('-', '')}0123456789abcdefghijklmn")
    ann.put("moved", "public")
    ann.put("moved", PLANTED, Domain.PRIVATE)
    large = {"large/text": "ä" * 400_000, "large/bytes": bytes(range(256)) * 4_000, "middle": "y" * 31_000}
    for key, value in large.items():
        ann.put(key, value)
    await until(lambda: {key: bob.value(key) for key in large} == large)
    await no_holes(ann, bob)
    own_synapse.stop()
    files = [path.read_bytes() for path in own_synapse.root.rglob("*") if path.is_file()]
    assert len(files) > 5 and any(b"y" * 1_000 in data for data in files)
    assert not any(word in data for data in files for word in (PLANTED.encode(), b"ghp_planted"))


async def test_an_event_that_was_taken_back_leaves_a_hole_that_is_filled(synapse: Synapse, knowers: Knowers) -> None:
    ann = await knowers.add(synapse, "ann")
    await ann.start()
    for number in range(3):
        ann.put(f"note/{number}", "x")
        await until(lambda number=number: ann.node.service.store.at_once(_said) > number)
    event = ann.node.service.store.at_once(_first_event)
    client = ann.node.service.client
    assert client is not None
    await client.redact(ann.node.service.intake.federation, event, "taken-back")
    bob = await knowers.add(synapse, "bob")
    await bob.start()
    await until_one([ann, bob], 3)
    await no_holes(ann, bob)
    assert (await ann.status()).answered >= 1 and (await bob.status()).healed >= 1


async def test_who_is_admitted_later_gives_and_gets_everything_and_both_ways_carry_the_same(
    synapse: Synapse, knowers: Knowers
) -> None:
    ann, bob = await knowers.add(synapse, "ann"), await knowers.add(synapse, "bob")
    for one, other in ((ann, bob), (bob, ann)):
        one.node.trusts[other.did] = "pending"
        await one.start()
        one.put_many(one.node.person.name, 120)
    await ann.node.until_rejected("may not: memory")
    await bob.node.until_rejected("may not: memory")
    assert ann.total == bob.total == 120
    ann.node.trusts[bob.did] = "allowed"
    bob.node.trusts[ann.did] = "allowed"
    await until_one([ann, bob], 240)
    before = [(await node.status()).said for node in (ann, bob)]
    for one, other in ((ann, bob), (bob, ann)):
        talk(one.sync.pull(other.did), lambda body, one=one, other=other: other.sync.answer(one.did, body))
        talk(one.sync.push(other.did), lambda body, one=one, other=other: other.sync.answer(one.did, body))
    await no_holes(ann, bob)
    assert [(await node.status()).said for node in (ann, bob)] == before


async def test_a_memory_that_was_lost_comes_back_from_the_room(synapse: Synapse, knowers: Knowers) -> None:
    ann, bob = await knowers.live(synapse, synapse)
    ann.put_many("ann", 30)
    bob.put_many("bob", 30)
    await until_one([ann, bob], 60)
    await no_holes(ann, bob)
    await until(bob.noted)
    await bob.stop()
    rmtree(bob.node.home.memory)
    await bob.start()
    await until_one([ann, bob], 60)


async def test_memory_goes_through_a_room_that_is_encrypted(synapse: Synapse, knowers: Knowers) -> None:
    """Two hundred entries, in events as large as they get, and a large value."""
    ann, bob = await knowers.add(synapse, "ann"), await knowers.add(synapse, "bob")
    for node in (ann, bob):
        node.node.encrypted = True
        await node.start()
    ann.put("first", "one")
    await until(lambda: bob.value("first") == "one")
    ann.put_many("key", 200, "v" * 400)
    ann.put("large", "z" * 100_000)
    await until_one([ann, bob], 202)
    await no_holes(ann, bob)


def _said(database: Database) -> int:
    return int(database.execute("SELECT count(*) FROM memory_said WHERE number > 0").fetchone()[0])


def _first_event(database: Database) -> str:
    sql = "SELECT event FROM operations WHERE kind = 'memory' ORDER BY at LIMIT 1"
    return str(database.execute(sql).fetchone()[0])
