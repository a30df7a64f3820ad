"""People who talk in a room of a real homeserver."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from cis_tui.core.errors import CisError, NotFound, Refused
from cis_tui.matrix.messages import MessagePage, RoomMessage, What
from cis_tui.matrix.model import MatrixState, SendState
from cis_tui.matrix.talk import RoomTalk
from tests.matrix.nodes import Network, Node, until
from tests.matrix.synapse import Synapse


async def talking(node: Node) -> RoomTalk:
    """A node that lives, and keeps what people say."""
    node.make()
    talk = RoomTalk(node.service)
    node.service.begin()
    await node.until_state(MatrixState.ONLINE)
    return talk


async def shows(talk: RoomTalk, holds: Callable[[list[RoomMessage]], object]) -> list[RoomMessage]:
    """What people have said, as soon as `holds` holds of it."""

    async def look() -> list[RoomMessage] | None:
        found = [message for message in (await talk.page()).messages if message.what is not What.MEMBER]
        return found if holds(found) else None

    return await until(look)


async def test_what_one_says_the_other_reads(synapse: Synapse, network: Network) -> None:
    one, other = await network.add(synapse, "ann"), await network.add(synapse, "bob")
    ann, bob = await talking(one), await talking(other)
    await ann.say(f"Is {other.person.id} there?")
    (question,) = await shows(bob, len)
    assert question.mentions_me and not question.mine
    await bob.say("I am\nhere", answers=question.id)
    await bob.react(question.id, "👍")
    first, second = await shows(ann, lambda found: len(found) == 2 and found[0].reactions)
    assert second.answers is not None and second.answers.text == first.text
    assert [(each.key, each.senders, each.mine) for each in first.reactions] == [("👍", (other.person.id,), "")]

    await bob.edit(second.id, "I am")
    await bob.react(question.id, "👍")
    first, second = await shows(ann, lambda found: found[1].edited and not found[0].reactions)
    assert second.text == "I am"
    with pytest.raises(Refused, match="of your own"):
        await ann.edit(second.id, "I am not")

    await bob.remove(second.id)
    first, second = await shows(ann, lambda found: found[1].what is What.GONE)
    with pytest.raises(NotFound):
        await ann.say("what?", answers="$nothing")
    assert (await ann.page()).problem == ""


async def test_the_past_is_read_page_by_page_from_the_homeserver(synapse: Synapse, network: Network) -> None:
    one, other = await network.add(synapse, "ann"), await network.add(synapse, "bob")
    ann = await talking(one)
    for number in range(30):
        await ann.say(f"message {number}")
    await one.until_said()
    bob = await talking(other)
    await until(lambda: _idle(other))
    # As on a device that was away so long that nothing of it is kept.
    await other.service.store.write(lambda transaction: transaction.execute("DELETE FROM timeline").rowcount)
    pages: list[MessagePage] = [await bob.page(limit=12)]
    while pages[-1].before:
        pages.append(await bob.page(before=pages[-1].before, limit=12))
    texts = [each.text for page in reversed(pages) for each in page.messages if each.what is What.TEXT]
    assert texts == [f"message {number}" for number in range(30)], "each once, in order"
    with pytest.raises(CisError, match="names no part"):
        await bob.page(before="yesterday")


async def _idle(node: Node) -> bool:
    return (await node.service.status()).gaps.open == 0


async def test_how_far_one_has_read_is_known_on_every_device(synapse: Synapse, network: Network) -> None:
    one, other = await network.add(synapse, "ann"), await network.add(synapse, "bob")
    ann, bob = await talking(one), await talking(other)
    again = await network.add(synapse, person=other.person)
    bob_too = await talking(again)
    for text in "abc":
        await ann.say(text)
    a, b, _ = await shows(bob, lambda found: len(found) == 3)
    await bob.mark_read(b.id)
    await bob.mark_read(a.id)
    assert (await bob.page()).read == b.id, "never backwards"

    async def read() -> bool:
        return (await bob_too.page()).read == b.id

    await until(read)


async def test_without_a_homeserver_it_waits(own_synapse: Synapse, network: Network) -> None:
    node = await network.add(own_synapse)
    talk = await talking(node)
    await asyncio.to_thread(own_synapse.kill)
    await node.until_state(MatrixState.RETRYING)
    await talk.say("later")
    (message,) = await shows(talk, len)
    assert (message.state, message.mine) == (SendState.QUEUED, True)
    page = await talk.page()
    assert page.problem == "", "what is kept is there at once"
    page = await talk.page(before=page.before)
    assert "homeserver is away" in page.problem, "older messages may be there"
    await asyncio.to_thread(own_synapse.start)
    await shows(talk, lambda found: found[0].state is SendState.SENT)


async def test_what_the_homeserver_refuses_can_be_sent_again_or_forgotten(synapse: Synapse, network: Network) -> None:
    one, other = await network.add(synapse, "ann"), await network.add(synapse, "bob")
    ann, bob = await talking(one), await talking(other)
    await ann.say("mine")
    (message,) = await shows(bob, len)
    await bob.remove(message.id)
    _, failed = await shows(bob, lambda found: len(found) == 2 and found[1].state is SendState.FAILED)
    assert failed.text.startswith("removal") and "refuses" in failed.problem
    await bob.retry(failed.id)
    _, failed = await shows(bob, lambda found: len(found) == 2 and found[1].state is SendState.FAILED)
    assert await bob.remove(failed.id) is None
    (message,) = await shows(bob, lambda found: len(found) == 1)
    assert message.what is What.TEXT
