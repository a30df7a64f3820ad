"""Nodes that meet in a room of a real homeserver."""

from __future__ import annotations

import time

from cis_tui.core.events import EventType
from cis_tui.matrix.model import MatrixState
from tests.matrix.nodes import Network, until
from tests.matrix.synapse import Synapse


async def test_nodes_meet(synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(synapse)
    await ann.say("hello")
    await bob.until_heard("hello")
    await bob.say("hello yourself")
    await ann.until_heard("hello yourself")
    assert bob.heard[0].did == ann.identity.did
    status = await ann.service.status()
    assert (status.members, status.nodes, status.rejected, status.queued) == (2, 2, 0, 0)
    known = {each.user: (each.did, each.trust) for each in await ann.service.members()}
    assert known == {
        ann.person.id: (ann.identity.did, "self"),
        bob.person.id: (bob.identity.did, "allowed"),
    }
    (room,) = await ann.service.rooms()
    assert room.federation
    assert room.alias == ann.alias
    states = [data["state"] for what, data in ann.told if what is EventType.MATRIX_CONNECTED]
    assert states == ["connecting", "online"]


async def test_people_talk(synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(synapse)
    sent = await ann.service.post("m.room.message", {"msgtype": "m.text", "body": "good\x1b[31m morning"})
    message = await until(lambda: next((data for what, data in bob.told if what is EventType.MATRIX_MESSAGE), None))
    assert message["text"] == "good morning"
    assert message["sender"] == ann.person.id
    done = await ann.service.said(sent.id, timeout=5)
    assert (done.state.value, done.event) == ("sent", message["event"])


async def test_what_was_said_meanwhile_is_heard_later(synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(synapse)
    await bob.service.close()
    wanted = [f"note {number}" for number in range(120)]
    for text in wanted:
        await ann.say(text)
    await ann.until_said()
    bob.heard.clear()
    await bob.start()
    await bob.until_heard(*wanted)
    assert sorted(map(str, bob.texts)) == sorted(wanted), "each once"
    assert await bob.until_healed() == 1
    await bob.service.close()
    bob.heard.clear()
    await bob.start()
    await ann.say("last")
    await bob.until_heard("last")
    assert bob.texts == ["last"], "nothing is heard twice"


async def test_it_is_quick(synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(synapse)
    took: list[float] = []
    for number in range(15):
        begun = time.monotonic()
        await ann.say(str(number))
        await until(lambda number=number: str(number) in bob.texts)
        took.append(time.monotonic() - begun)
    assert sorted(took)[7] < 0.5, took
    print(sorted(took)[7])
    assert (await bob.service.status()).state is MatrixState.ONLINE
