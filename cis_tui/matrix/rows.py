"""What is kept of the room's events for people: small, cleaned rows. Whatever an event holds, nothing here raises.

`formatted_body` is never looked at; a text without its markup is there always. What a node said is shown only as far as
its signature was found right: such an event comes with its operation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import cast

from cis_tui.core.clock import Instant
from cis_tui.core.text import clean, clean_line
from cis_tui.matrix.events import Json, RoomEvent, short, table
from cis_tui.matrix.messages import What
from cis_tui.matrix.operations import Operation, carries

MAX_TEXT = 16_000
"""Characters of a message."""
MAX_KEY = 24
"""Characters of a reaction."""
MAX_MENTIONS = 50
_SPEECH = {"m.text": What.TEXT, "m.notice": What.NOTICE, "m.emote": What.EMOTE}
_FILES = frozenset({"m.image", "m.file", "m.audio", "m.video", "m.location"})
_MEMBERSHIP = {"join": "came in", "leave": "left", "invite": "was invited", "ban": "was banned"}
_QUIET = ("identity", "sync")
"""First words of the kinds of what nodes say all the time, and nobody wants to read."""


class Role(StrEnum):
    """What an event is in the timeline: a message, or something that becomes of one."""

    MESSAGE = "message"
    EDIT = "edit"
    REACTION = "reaction"
    REDACTION = "redaction"
    NOTHING = "nothing"
    """It was taken back, and leaves no trace."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is kept of one event."""

    id: str
    at: Instant
    sender: str
    role: Role
    what: What = What.GONE
    target: str = ""
    """The event that is answered, edited, reacted to or taken back; of who came or went, the account."""
    text: str = ""
    """Of a reaction its key."""
    mentions: tuple[str, ...] = ()
    number: int = 0
    transaction: str = ""
    """Under which this device sent it."""


def row_of(event: RoomEvent, operation: Operation | None, *, now: Instant) -> Row | None:
    """What is kept of an event; None where it is nothing for people. One that says to be of later than `now` is of now.

    `operation`: the one that it was found to bring.
    """
    found = _said_by_node(event, operation) if operation is not None else _said(event)
    if found is None:
        return None
    at = Instant(min(event.at / 1000, now))
    return replace(found, id=event.id, sender=event.sender, at=at, transaction=event.transaction)


def _row(
    role: Role,
    what: What = What.GONE,
    *,
    target: str = "",
    text: str = "",
    mentions: tuple[str, ...] = (),
    number: int = 0,
) -> Row:
    return Row("", Instant(0), "", role, what, target, text, mentions, number)


def _said(event: RoomEvent) -> Row | None:
    """What a person, or their program, said."""
    content = event.content
    if carries(event):
        return None
    match event.type:
        case "m.room.message":
            return _row(Role.MESSAGE) if event.redacted or not content else _message(content)
        case "m.room.encrypted":
            return _row(Role.MESSAGE, What.GONE if event.redacted or not content else What.SECRET)
        case "m.reaction":
            return _row(Role.NOTHING) if event.redacted or not content else _reaction(content)
        case "m.room.redaction":
            return _row(Role.REDACTION, target=event.redacts) if event.redacts else None
        case "m.room.member":
            return _member(event.state_key, content)
        case _:
            return None


def _said_by_node(event: RoomEvent, operation: Operation) -> Row | None:
    """Memory is counted; of the rest the words for people are shown, or what it is."""
    if operation.kind == "memory":
        entries = operation.data.get("entries")
        listed = cast("list[object]", entries)[:1000] if isinstance(entries, list) else []
        return _row(Role.MESSAGE, What.MEMORY, number=len({str(table(entry).get("key"))[:600] for entry in listed}))
    if operation.kind.startswith(_QUIET):
        return None
    text = _text(event.content.get("body")) if event.type == "m.room.message" else ""
    if text.strip():
        return _row(Role.MESSAGE, What.NOTICE, text=text)
    said = clean_line(operation.kind, limit=60).replace(".", " ").replace("-", " ")
    return _row(Role.MESSAGE, What.OPERATION, text=said)


def _message(content: Json) -> Row | None:
    relation = table(content.get("m.relates_to"))
    if relation.get("rel_type") == "m.replace":
        new = table(content.get("m.new_content"))
        target, text = short(relation.get("event_id")), _text(new.get("body"))
        return _row(Role.EDIT, target=target, text=text, mentions=_mentions(new)) if target and text.strip() else None
    text, msgtype = _text(content.get("body")), content.get("msgtype")
    msgtype = msgtype if isinstance(msgtype, str) else ""
    answered = short(table(relation.get("m.in_reply_to")).get("event_id"))
    if answered:
        text = _without_fallback(text)
    what = _SPEECH.get(msgtype, What.TEXT)
    if msgtype in _FILES:
        what, text = What.FILE, clean_line(text)
    if not text.strip():
        return None
    return _row(Role.MESSAGE, what, target=answered, text=text, mentions=_mentions(content))


def _reaction(content: Json) -> Row | None:
    relation = table(content.get("m.relates_to"))
    target, key = short(relation.get("event_id")), relation.get("key")
    if relation.get("rel_type") != "m.annotation" or not target or not isinstance(key, str):
        return None
    key = clean_line(key[:200], limit=MAX_KEY).strip()
    return _row(Role.REACTION, target=target, text=key) if key else None


def _member(account: str | None, content: Json) -> Row | None:
    membership = content.get("membership")
    said = _MEMBERSHIP.get(membership) if isinstance(membership, str) else None
    if said is None or not account:
        return None
    return _row(Role.MESSAGE, What.MEMBER, text=f"{clean_line(account)} {said}", target=account)


def _without_fallback(text: str) -> str:
    """A reply without the copy of what it answers, which older programs put before it."""
    lines = text.split("\n")
    if not lines[0].startswith("> "):
        return text
    while lines and lines[0].startswith("> "):
        lines.pop(0)
    return "\n".join(lines).lstrip("\n") or text


def _mentions(content: Json) -> tuple[str, ...]:
    named = table(content.get("m.mentions")).get("user_ids")
    listed = cast("list[object]", named)[:MAX_MENTIONS] if isinstance(named, list) else []
    return tuple(sorted({name for name in map(short, listed) if name}))


def _text(value: object) -> str:
    return clean(value[: MAX_TEXT * 2], limit=MAX_TEXT) if isinstance(value, str) else ""
