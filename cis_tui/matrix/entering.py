"""The room in which nodes meet: joined, or made if there is none, and told who speaks by this account there."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from cis_tui.core.clock import Instant
from cis_tui.core.config import MatrixSettings
from cis_tui.core.errors import CisError, Invalid, NotFound
from cis_tui.core.identity import Identity
from cis_tui.matrix import identities
from cis_tui.matrix.account import Account
from cis_tui.matrix.client import MatrixClient
from cis_tui.matrix.events import Json, RoomEvent
from cis_tui.matrix.failures import errcode, is_away
from cis_tui.matrix.operations import OP, new_id, open_operation, seal_operation

log = logging.getLogger(__name__)

ROOM_VERSION = "12"
"""Whose creators no server can unseat; a homeserver that does not know it takes its own newest."""


def room_address(settings: MatrixSettings, account: Account) -> str:
    """The room's alias, on the account's own server unless another one is named, or its id."""
    room = settings.room
    if room.startswith("!") or ":" in room:
        return room
    return f"#{room.removeprefix('#')}:{account.server}"


async def enter(client: MatrixClient, settings: MatrixSettings, account: Account) -> str:
    """Join the room, or make it if it is not there and would be on the account's own server; gives its id.

    Raises:
        NotFound: there is none, and it is not ours to make (CIS-MATRIX-035).
        CisError: the homeserver does not let us in, or is away.
    """
    address = room_address(settings, account)
    try:
        return await client.join(address)
    except NotFound as error:
        if not address.startswith("#") or not address.endswith(f":{account.server}"):
            raise NotFound("CIS-MATRIX-035", f"there is no room {address}", hint="see matrix.room") from error
    wanted = _room(address, encrypted=settings.encrypted)
    try:
        return await _create(client, wanted)
    except CisError as error:
        if errcode(error) != "M_ROOM_IN_USE":
            raise
        return await client.join(address)  # somebody else was faster


async def _create(client: MatrixClient, wanted: Mapping[str, object]) -> str:
    try:
        return await client.create({**wanted, "room_version": ROOM_VERSION})
    except Invalid as error:
        if errcode(error) != "M_UNSUPPORTED_ROOM_VERSION":
            raise
        return await client.create(wanted)


def _room(address: str, *, encrypted: bool) -> dict[str, object]:
    """Everybody who knows its name may join: nobody is believed for being there."""
    state: list[dict[str, object]] = []
    if encrypted:
        content = {"algorithm": "m.megolm.v1.aes-sha2"}
        state.append({"type": "m.room.encryption", "state_key": "", "content": content})
    return {
        "preset": "public_chat",
        "visibility": "private",
        "room_alias_name": address[1:].partition(":")[0],
        "name": address[1:].partition(":")[0],
        "topic": "Nodes of cis meet here. What they say to each other is signed; people are welcome to read and talk.",
        "initial_state": state,
        "power_level_content_override": {"events": {identities.TYPE: 0}},
    }


async def announce(
    client: MatrixClient, identity: Identity, account: Account, room: str, now: Instant, *, key: str = ""
) -> None:
    """Say in the room which node speaks by this account, unless it is said already.

    Raises:
        CisError: the homeserver is away.
    """
    content = await _said(client, account, room)
    said = identities.node_in(content, identity.did)
    if said is not None and _holds(said, identity.did, account, room, key):
        return
    data: dict[str, object] = {"ed25519": key} if key else {}
    operation = seal_operation(
        identity, "identity", data, account=account.user, device=account.device, room=room, at=now, id=new_id()
    )
    await _put(client, account, room, identities.with_node(content, identity.did, operation))


async def withdraw(client: MatrixClient, identity: Identity, account: Account, room: str) -> None:
    """Say that the node speaks by this account no more, so that it may by another.

    Raises:
        CisError: the homeserver is away.
    """
    content = await _said(client, account, room)
    if identities.node_in(content, identity.did) is not None:
        await _put(client, account, room, identities.with_node(content, identity.did, None))


async def _said(client: MatrixClient, account: Account, room: str) -> Json:
    try:
        return await client.state_of(room, identities.TYPE, account.user)
    except NotFound:
        return {}


async def _put(client: MatrixClient, account: Account, room: str, content: dict[str, object]) -> None:
    try:
        await client.put_state(room, identities.TYPE, content, key=account.user)
    except CisError as error:
        if is_away(error):
            raise
        log.warning("the room does not take the identity: %s", error.message)


def _holds(said: Mapping[str, object], did: str, account: Account, room: str, key: str) -> bool:
    """Whether what the room has of us is still so, and was said by us."""
    event = RoomEvent("$", room, identities.TYPE, account.user, {OP: said}, 0, account.user)
    try:
        found = open_operation(event)
    except CisError:
        return False
    return (found.did, found.device, found.data.get("ed25519", "")) == (did, account.device, key)
