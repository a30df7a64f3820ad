"""Homeservers that are killed, frozen, that forget a login or a place: it is seen, told, and made good."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cis_tui.core.events import EventType
from cis_tui.matrix import ledger
from cis_tui.matrix.account import read_account, write_account
from cis_tui.matrix.client import Patience
from cis_tui.matrix.model import MatrixState
from tests.matrix.nodes import Network, Node, until
from tests.matrix.synapse import Synapse


def states(node: Node) -> list[object]:
    """How it stood with its homeserver, one after the other."""
    return [data["state"] for what, data in node.told if what is EventType.MATRIX_CONNECTED]


async def test_a_homeserver_is_killed_and_comes_back(own_synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(own_synapse)
    await ann.say("before")
    await bob.until_heard("before")
    await asyncio.to_thread(own_synapse.kill)
    await bob.until_state(MatrixState.RETRYING)
    status = await bob.service.status()
    assert status.retry_in is not None
    assert "away" in status.problem
    told = [data for what, data in bob.told if what is EventType.MATRIX_CONNECTED]
    assert "retry_in" in told[-1]
    for number in range(20):
        await ann.say(f"while it was away {number}")
    assert (await ann.service.status()).queued == 20
    await asyncio.to_thread(own_synapse.start)
    await bob.until_heard(*(f"while it was away {number}" for number in range(20)))
    assert len(bob.texts) == 21, "each once"
    assert states(bob) == ["connecting", "online", "retrying", "online"] or set(states(bob)[2:-1]) == {"retrying"}


async def test_a_homeserver_freezes(own_synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(own_synapse, patience=Patience(call=1.0, poll=3.0, grace=1.0))
    own_synapse.freeze()
    try:
        await ann.say("into the ice")
        await ann.until_state(MatrixState.RETRYING)
    finally:
        own_synapse.thaw()
    await bob.until_heard("into the ice")
    await ann.until_state(MatrixState.ONLINE)
    assert bob.texts == ["into the ice"], "though it was sent more than once"


async def test_a_token_ends(synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(synapse)
    account = read_account(bob.home)
    assert account is not None
    synapse.ask("POST", "/_matrix/client/v3/logout", {}, token=account.token)
    await bob.until_state(MatrixState.AUTH_FAILED)
    asked = (await bob.service.status()).problem
    assert "takes this login no more" in asked
    await ann.say("meanwhile")
    token = await asyncio.to_thread(synapse.token, bob.person, device=account.device)
    write_account(bob.home, replace(account, token=token, password=bob.person.password))
    await bob.service.reload()
    await bob.until_heard("meanwhile")
    synapse.ask("POST", "/_matrix/client/v3/logout", {}, token=token)
    await ann.say("with the password that was kept")
    await bob.until_heard("with the password that was kept")
    kept = read_account(bob.home)
    assert kept is not None
    assert kept.token not in (token, account.token)
    assert kept.device == account.device


async def test_a_place_that_the_homeserver_does_not_know(synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(synapse)
    await ann.say("before")
    await bob.until_heard("before")
    await bob.service.close()
    await ann.say("meanwhile")
    await ann.until_said()
    bob.make()
    await bob.service.store.write(lambda transaction: ledger.put_fact(transaction, "since", "s999_nowhere"))
    bob.service.begin()
    await bob.until_heard("meanwhile")
    assert bob.texts == ["before", "meanwhile"], "each once"


async def test_a_homeserver_that_is_asked_too_often(network: Network, slow_synapse: Synapse) -> None:
    ann, bob = await network.pair(slow_synapse)
    for number in range(8):
        await ann.say(str(number))
    await bob.until_heard(*map(str, range(8)))
    assert sorted(map(str, bob.texts)) == sorted(map(str, range(8)))
    assert (await ann.service.status()).failed == 0


async def test_two_servers_that_federate(federation: tuple[Synapse, Synapse], network: Network) -> None:
    ann, bob = await network.pair(*federation)
    await ann.say("over the border")
    await bob.until_heard("over the border")
    await bob.say("and back")
    await ann.until_heard("and back")
    assert ann.heard[0].account == bob.person.id
    assert (await until(lambda: ann.service.status())).rejected == 0
