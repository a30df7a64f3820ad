"""A room that is encrypted: nodes read each other, and neither the homeserver nor a device that is not trusted does."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from tests.matrix.nodes import Network, Node, until
from tests.matrix.synapse import Synapse

if TYPE_CHECKING:
    import pytest


async def pair(network: Network, server: Synapse) -> tuple[Node, Node]:
    ann, bob = await network.add(server, "ann"), await network.add(server, "bob")
    for node in (ann, bob):
        node.encrypted = True
        await node.start()

    async def known() -> bool:
        return (await ann.service.status()).nodes == (await bob.service.status()).nodes == 2

    await until(known)
    return ann, bob


async def test_nodes_read_each_other_and_nobody_else_does(synapse: Synapse, network: Network) -> None:
    ann, bob = await pair(network, synapse)
    room = ann.service.intake.federation
    assert (await ann.service.status()).encrypted
    spy = await network.stranger(synapse, room, bob.person)  # with another device, on bob's own account
    await ann.say("for nodes alone")
    await bob.until_heard("for nodes alone")
    await bob.say("and back")
    await ann.until_heard("and back")
    page = await spy.messages(room, "")
    assert sum(event.type == "m.room.encrypted" for event in page.events) == 2
    assert not any("for nodes alone" in str(event.content) for event in page.events)
    with sqlite3.connect(f"file:{synapse.database}?mode=ro", uri=True) as database:
        kept = [json for (json,) in database.execute("SELECT json FROM event_json WHERE room_id = ?", (room,))]
    database.close()
    assert len(kept) > 5
    assert not any("for nodes alone" in each or "and back" in each for each in kept)


async def test_it_goes_on_after_a_restart_and_with_who_comes_later(synapse: Synapse, network: Network) -> None:
    ann, bob = await pair(network, synapse)
    await ann.say("one")
    await bob.until_heard("one")
    await bob.service.close()
    await ann.say("while bob was away")
    await ann.until_said()
    await bob.start()
    await bob.until_heard("while bob was away")
    cleo = await network.add(synapse, "cleo")
    await cleo.start()

    async def known() -> bool:
        return (await ann.service.status()).nodes == 3

    await until(known)
    await ann.say("for three")
    await cleo.until_heard("for three")
    await bob.until_heard("for three")
    assert cleo.texts == ["for three"]
    ann.trusts[cleo.identity.did] = "denied"
    await ann.say("not for cleo")
    await bob.until_heard("not for cleo")
    await bob.say("for all")
    await cleo.until_heard("for all")
    assert "not for cleo" not in cleo.texts
    assert (cleo.home.keys / "matrix").stat().st_mode & 0o777 == 0o700


async def test_a_key_that_has_served_long_is_replaced(
    synapse: Synapse, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nio.crypto.sessions import OutboundGroupSession

    def serves_twice(session: OutboundGroupSession) -> bool:
        return session.message_count >= 2  # and not a hundred times

    monkeypatch.setattr(OutboundGroupSession, "should_rotate", serves_twice)
    ann, bob = await pair(network, synapse)
    for text in ("one", "two", "three", "four", "five"):
        await ann.say(text)
    await bob.until_heard("one", "two", "three", "four", "five")


async def test_a_room_that_is_not_encrypted_is_not_entered(synapse: Synapse, network: Network) -> None:
    ann = await network.add(synapse, "ann")
    await ann.start()
    bob = await network.add(synapse, "bob")
    bob.encrypted = True
    bob.make().begin()

    async def refused() -> bool:
        return "is not encrypted" in (await bob.service.status()).problem

    await until(refused)
