"""Operations: what nodes say to each other in a room, each a signed envelope that is bound to an account and a room.

    {"io.cis.op": {"body": {"account": "@ann:…", "at": 1764115200000, "data": {…}, "device": "…", "id": "<32 hex>",
                   "room": "!…"}, "by": "did:key:z6Mk…", "kind": "room-vote", "sig": "…", "v": 1}, …}

in the content of an event of any type. Who copies one to another account or into another room is found out; one that
is said twice has the same id. Homeservers take no fractions, and no whole number beyond 2**53 - 1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.identity import Identity
from cis_tui.core.text import clean_line
from cis_tui.matrix.events import RoomEvent, short, table
from cis_tui.sync.canonical import canonical
from cis_tui.sync.envelope import open_envelope, seal

OP = "io.cis.op"
"""Where in an event's content an operation stands."""
MAX_OPERATION = 60_000
"""Bytes of one; homeservers take events of 65,536."""
MAX_DATA = 48_000
"""Bytes of data that leave room for an envelope, and for the growth by encryption (4/3)."""
MAX_WHOLE = 2**53 - 1
_PREFIX = "room-"
_FIELDS = {"account", "at", "data", "device", "id", "room"}
_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Operation:
    """What a node has said: it, and nobody else, by this account in this room."""

    id: str
    did: str
    account: str
    device: str
    room: str
    kind: str
    at: Instant
    """When it says that it said so."""
    data: Mapping[str, object]
    event: str
    """The event that brought it."""
    relates_to: str = ""
    """The event that it answers (`m.reference`)."""


def new_id() -> str:
    """An id that nobody has used."""
    return os.urandom(16).hex()


def seal_operation(
    identity: Identity,
    kind: str,
    data: Mapping[str, object],
    *,
    account: str,
    device: str,
    room: str,
    at: Instant,
    id: str,
) -> dict[str, object]:
    """What `identity` says, as it stands under `io.cis.op`.

    Raises:
        Invalid: it cannot be said in a room: it has a fraction or a great number (CIS-MATRIX-026), or is too large
            (CIS-MATRIX-025).
    """
    _check_numbers(data.values())
    body = {"account": account, "at": int(at * 1000), "data": data, "device": device, "id": id, "room": room}
    try:
        sealed = seal(identity, _PREFIX + kind, body)
    except Invalid as error:
        raise Invalid("CIS-MATRIX-026", f"this cannot be said in a room: {error.message}") from error
    if len(sealed) > MAX_OPERATION:
        raise Invalid("CIS-MATRIX-025", f"an operation has {len(sealed)} bytes, at most {MAX_OPERATION} are sent")
    import json

    return cast("dict[str, object]", json.loads(sealed))


def carries(event: RoomEvent) -> bool:
    """Whether an event says that it brings an operation, or something of ours that should be one."""
    if event.redacted:
        return False
    new = table(event.content.get("m.new_content"))
    return OP in event.content or OP in new or (event.type.startswith("io.cis.") and event.state_key is None)


def open_operation(event: RoomEvent) -> Operation:
    """The operation that an event brings.

    Raises:
        Invalid: it brings none of the right shape (CIS-MATRIX-022).
        Refused: it was said in another room (CIS-MATRIX-023), by another account (CIS-MATRIX-024), or by another node
            than it says (CIS-SYNC-004); or it is an edit (CIS-MATRIX-027).
    """
    relation = table(event.content.get("m.relates_to"))
    if relation.get("rel_type") == "m.replace":
        raise Refused("CIS-MATRIX-027", "what a node has said is not edited")
    raw = table(event.content.get(OP))
    body, kind = table(raw.get("body")), raw.get("kind")
    if not isinstance(kind, str) or not kind.startswith(_PREFIX) or len(kind) > 80:
        raise _no_operation("it says not of which kind it is")
    _check_body(body)
    if body["room"] != event.room:
        raise Refused("CIS-MATRIX-023", f"it was said in another room, {clean_line(str(body['room']), limit=80)}")
    if body["account"] != event.sender:
        raise Refused("CIS-MATRIX-024", f"it was said by another account, {clean_line(str(body['account']), limit=80)}")
    try:
        did, said = open_envelope(canonical(raw), kind, MAX_OPERATION)
    except Invalid as error:
        raise _no_operation(error.message) from error
    return Operation(
        id=str(said["id"]),
        did=did,
        account=event.sender,
        device=str(said["device"]),
        room=event.room,
        kind=kind.removeprefix(_PREFIX),
        at=Instant(cast("int", said["at"]) / 1000),
        data=table(said["data"]),
        event=event.id,
        relates_to=short(relation.get("event_id")),
    )


def _check_body(body: Mapping[str, object]) -> None:
    if set(body) != _FIELDS:
        raise _no_operation("its fields are others")
    if not all(
        isinstance(body[name], str) and len(cast("str", body[name])) <= 255 for name in ("account", "device", "room")
    ):
        raise _no_operation("account, device and room are no names")
    if not isinstance(body["id"], str) or not _ID.fullmatch(body["id"]):
        raise _no_operation("its id is none")
    if type(body["at"]) is not int or not 0 <= body["at"] <= MAX_WHOLE:
        raise _no_operation("its time is none")
    if not isinstance(body["data"], dict):
        raise _no_operation("it has no data")


def _no_operation(why: str) -> Invalid:
    return Invalid("CIS-MATRIX-022", f"this is no operation: {why}")


def _check_numbers(values: Iterable[object]) -> None:
    for value in values:
        if isinstance(value, dict):
            _check_numbers(cast("dict[str, object]", value).values())
        elif isinstance(value, (list, tuple)):
            _check_numbers(cast("list[object]", value))
        elif isinstance(value, int) and not -MAX_WHOLE <= value <= MAX_WHOLE:
            raise Invalid("CIS-MATRIX-026", f"{value} is too great a number for a room")
