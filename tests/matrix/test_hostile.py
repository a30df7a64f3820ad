"""What somebody in the room, or who has a copy of a key, can send: the state stays right, and each thing is shown."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from cis_tui.core.clock import utc_now
from cis_tui.core.errors import CisError
from cis_tui.core.identity import Identity
from cis_tui.matrix.account import Account, read_account
from cis_tui.matrix.client import MatrixClient
from cis_tui.matrix.entering import announce
from cis_tui.matrix.model import MatrixState
from cis_tui.matrix.operations import OP, new_id, seal_operation
from tests.matrix.nodes import NOTE, Network, Node, until
from tests.matrix.synapse import Synapse

Content = Mapping[str, object]


def sealed(identity: Identity, account: str, room: str, text: str, *, id: str = "") -> dict[str, object]:
    """A note as `identity` would say it."""
    data = {"text": text}
    return seal_operation(
        identity, "note", data, account=account, device="D", room=room, at=utc_now(), id=id or new_id()
    )


async def say(client: MatrixClient, room: str, content: Content, *, type: str = NOTE) -> str:
    return await client.send(room, type, content, new_id())


async def raw_of(node: Node, event: str) -> Content:
    """The content of an event as a server gives it."""
    assert node.service.client is not None
    page = await node.service.client.messages(node.service.intake.federation, "")
    return next(each.content for each in page.events if each.id == event)


async def test_what_is_forged_is_set_aside(synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(synapse)
    room = ann.service.intake.federation
    mallory = await network.stranger(synapse, room)
    (her, _) = await mallory.whoami()
    own = Identity(os.urandom(32))
    note = await bob.say("from bob")
    await ann.until_heard("from bob")
    said = await raw_of(bob, (await bob.service.sent(note)).event)
    assert bob.service.client is not None

    await say(bob.service.client, room, said)
    await ann.until_rejected("this is a replay")
    await say(mallory, room, said)
    await ann.until_rejected("it was said by another account")
    await say(mallory, room, {OP: sealed(own, bob.person.id, room, "in bob's name")})
    forged = sealed(own, her, room, "with bob's name on it")
    await say(mallory, room, {OP: {**forged, "by": bob.identity.did}})
    await ann.until_rejected("did not sign")
    await say(mallory, room, {OP: sealed(bob.identity, her, room, "with bob's key")})
    await ann.until_rejected("speaks by another account")
    await say(mallory, room, {OP: sealed(ann.identity, her, room, "with ann's own key")})
    await ann.until_rejected("this node's own key")
    ann.trusts[own.did] = "denied"
    await say(mallory, room, {OP: sealed(own, her, room, "by who is denied")})
    await ann.until_rejected("may not: memory")
    edit = {
        "m.relates_to": {"rel_type": "m.replace", "event_id": (await bob.service.sent(note)).event},
        "m.new_content": dict(said),
        "body": "* note",
    }
    await say(bob.service.client, room, {**edit, "msgtype": "m.text"}, type="m.room.message")
    await ann.until_rejected("is not edited")

    await bob.say("still here")
    await ann.until_heard("still here")
    assert ann.texts == ["from bob", "still here"], "and nothing else"
    shown = await ann.service.status()
    assert shown.rejected == len(shown.rejections) == 8
    assert all(each.event.startswith("$") and each.sender for each in shown.rejections)


async def test_what_was_said_in_one_room_is_nothing_in_another(synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(synapse)
    room = ann.service.intake.federation
    for node in (ann, bob):
        assert node.service.client is not None
    assert bob.service.client is not None
    assert ann.service.client is not None
    other = await bob.service.client.create({"preset": "public_chat"})
    await ann.service.client.join(other)
    note = await bob.say("for one room")
    await ann.until_heard("for one room")
    said = await raw_of(bob, (await bob.service.sent(note)).event)
    await say(bob.service.client, other, said)
    assert (await ann.until_rejected("it was said in another room")).room == other
    await say(bob.service.client, other, {OP: sealed(bob.identity, bob.person.id, other, "for the other")})
    await ann.until_rejected("not the room in which nodes meet")
    assert ann.texts == ["for one room"]
    assert [each.id for each in await ann.service.rooms()] == [room, other]


async def test_a_node_speaks_by_one_account_until_it_leaves(synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(synapse)
    room = ann.service.intake.federation
    thief = await network.stranger(synapse, room)
    (her, device) = await thief.whoami()
    await announce(thief, bob.identity, Account(synapse.url, her, device), room, utc_now())
    await ann.until_rejected("speaks by another account")
    known = {each.did: each.user for each in await ann.service.members() if each.did}
    assert known == {ann.identity.did: ann.person.id, bob.identity.did: bob.person.id}
    assert bob.service.client is not None
    synapse.ask("POST", f"/_matrix/client/v3/rooms/{room}/leave", {}, token=bob.service.client.token)
    await until(lambda: _is_gone(ann, bob.person.id))
    await say(thief, room, {OP: sealed(bob.identity, her, room, "moved")})
    await ann.until_heard("moved")


async def _is_gone(node: Node, user: str) -> bool:
    return user not in [each.user for each in await node.service.members()]


async def test_garbage_ends_nothing(synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(synapse)
    room = ann.service.intake.federation
    mallory = await network.stranger(synapse, room)
    (her, _) = await mallory.whoami()
    identity = Identity(os.urandom(32))
    good = sealed(identity, her, room, "good")
    deep: object = 0
    for _ in range(60):
        deep = [deep]
    contents: list[Content] = [
        {},
        {"kind": 5},
        {OP: "x"},
        {OP: ["list"]},
        {OP: {}},
        {OP: {**good, "sig": "zz"}},
        {OP: {**good, "extra": 1}},
        {OP: {**good, "body": {**body_of(good), "id": "short"}}},
        {OP: {**good, "body": {**body_of(good), "at": -1}}},
        {OP: {**good, "body": {**body_of(good), "data": deep}}},
        {OP: {**good, "by": "did:key:z6Mk"}},
        {OP: {**good, "kind": "room-" + "x" * 500}},
        {OP: {**good, "body": {**body_of(good), "data": {"text": "x" * 61_000}}}},
        {OP: sealed(identity, her, room, "\x1b]0;title\x07\u202e")},
    ]
    for content in contents:
        await say(mallory, room, content)
    for refused in ({OP: {"number": 1.5}}, {OP: {"number": 2**60}}, {OP: {"value": "x" * 66_000}}):
        try:
            await say(mallory, room, refused)
        except CisError as error:
            assert error.context["errcode"] in ("M_BAD_JSON", "M_TOO_LARGE")
        else:
            raise AssertionError("the homeserver has taken it")
    await say(mallory, room, {"msgtype": "m.notice", "body": "b", OP: 7}, type="m.room.message")
    await bob.say("still here")
    await ann.until_heard("still here")
    assert (await ann.service.status()).state is MatrixState.ONLINE
    assert len(await ann.service.rejections(500)) == len(contents), "all but the good one at the end, and the notice"
    assert len(ann.texts) == 2


def body_of(operation: Content) -> dict[str, object]:
    body = operation["body"]
    assert isinstance(body, dict)
    return body  # pyright: ignore[reportUnknownVariableType]


async def test_a_burst_is_taken_whole(synapse: Synapse, network: Network) -> None:
    ann, bob = await network.pair(synapse)
    room = ann.service.intake.federation
    assert bob.service.client is not None
    client = bob.service.client

    async def one(number: int) -> None:
        bad = number % 10 == 0
        operation = sealed(bob.identity, bob.person.id, room, str(number))
        await say(client, room, {OP: {**operation, "sig": "0" * 128} if bad else operation})

    numbers = list(range(300))
    for start in range(0, len(numbers), 25):
        await asyncio.gather(*map(one, numbers[start : start + 25]))
    good = {str(number) for number in numbers if number % 10}
    await until(lambda: len(ann.texts) >= len(good))
    assert sorted(map(str, ann.texts)) == sorted(good), "each once"
    await until(lambda: _rejected(ann, 30))
    assert (await ann.service.status()).state is MatrixState.ONLINE


async def _rejected(node: Node, count: int) -> bool:
    return (await node.service.status()).rejected == count


async def test_what_is_kept_of_a_login_is_for_its_owner(synapse: Synapse, network: Network) -> None:
    ann = await network.add(synapse)
    path = ann.home.keys / "matrix.json"
    assert path.stat().st_mode & 0o777 == 0o600
    account = read_account(ann.home)
    assert account is not None
    assert account.token not in repr(account)
    path.chmod(0o644)
    try:
        read_account(ann.home)
    except CisError as error:
        assert error.code == "CIS-MATRIX-011"
    else:
        raise AssertionError("it was read")
