"""What a homeserver tells, read with care: any server of a room, and anybody in it, may have written it.

What has no shape is given as garbage with the reason, so that it can be shown, and never ends the reading.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from cis_tui.core.errors import Invalid
from cis_tui.core.text import clean_line

MAX_ID = 255
"""Characters of ids and types (Matrix specification, size limits)."""
MAX_EVENTS = 5_000
"""Of one room in one answer; a homeserver gives a hundred."""
_MAX_TIME = 2**53
_HALVES = re.compile(rb"\\u[dD][89a-fA-F]")
"""Where half a character may be escaped; most are of pairs, which are whole ones."""

Json = Mapping[str, object]
_NOTHING: Json = {}


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """One event of a room."""

    id: str
    room: str
    type: str
    sender: str
    """The account, as the homeserver says."""
    content: Json
    at: int
    """Milliseconds since 1970, as the sender's homeserver says."""
    state_key: str | None = None
    """None: it is no state event."""
    transaction: str = ""
    """Under which this device sent it; empty for those of others."""
    redacts: str = ""
    redacted: bool = False
    """Its content was taken back."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """What is no event."""

    id: str
    sender: str
    reason: str


@dataclass(frozen=True, slots=True)
class RoomNews:
    """What is new in one room."""

    room: str
    state: tuple[RoomEvent, ...] = ()
    """State before the timeline, as far as it changed."""
    timeline: tuple[RoomEvent, ...] = ()
    garbage: tuple[Garbage, ...] = ()
    limited: bool = False
    """Whether something is missing before the timeline."""
    before: str = ""
    """The token from which that is read, backwards."""
    members: int | None = None
    unread: int | None = None
    highlights: int | None = None
    read: str = ""
    """The event up to which this account has read, if that is new."""


@dataclass(frozen=True, slots=True)
class News:
    """The answer to one sync."""

    next: str
    rooms: tuple[RoomNews, ...] = ()
    left: tuple[str, ...] = ()
    """Rooms in which this account is no more."""
    raw: Json = field(default_factory=dict[str, object])
    """All of it, for what keeps keys."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a room's past, newest first."""

    events: tuple[RoomEvent, ...]
    garbage: tuple[Garbage, ...]
    end: str
    """Where the next page begins; empty: there is none."""


def parse_json(data: bytes) -> Json:
    """The object in an answer; half a character in it, which no file can keep, is a question mark.

    Raises:
        Invalid: it is none (CIS-MATRIX-021).
    """
    try:
        found: object = json.loads(data.decode("utf-8", "replace"), parse_int=_whole)
        if _HALVES.search(data):
            found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise Invalid(
            "CIS-MATRIX-021", f"the homeserver answered no JSON: {clean_line(str(error), limit=80)}"
        ) from error
    if not isinstance(found, dict):
        raise Invalid("CIS-MATRIX-021", "the homeserver answered with something else than an object")
    return cast("Json", found)


def _whole(text: str) -> int | float:
    return int(text) if len(text) < 20 else float("inf")  # more digits than any number in Matrix has: never canonical


def read_event(raw: object, room: str) -> RoomEvent:
    """One event as a homeserver tells it.

    Raises:
        Invalid: it has not the shape of one (CIS-MATRIX-020).
    """
    event = table(raw)
    for name in ("event_id", "type", "sender"):
        text = event.get(name)
        if not isinstance(text, str) or not 0 < len(text) <= MAX_ID:
            raise Invalid("CIS-MATRIX-020", f"an event has no {name} that is one")
    id, type, sender, key = event["event_id"], event["type"], event["sender"], event.get("state_key")
    at = event.get("origin_server_ts")
    unsigned = table(event.get("unsigned"))
    if not isinstance(event.get("content"), dict):
        raise Invalid("CIS-MATRIX-020", "an event has no content")
    if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at < _MAX_TIME:
        raise Invalid("CIS-MATRIX-020", "an event has no time")
    if key is not None and (not isinstance(key, str) or len(key) > MAX_ID):
        raise Invalid("CIS-MATRIX-020", "an event has a state key that is none")
    content = table(event["content"])
    return RoomEvent(
        id=str(id),
        room=room,
        type=str(type),
        sender=str(sender),
        content=content,
        at=at,
        state_key=key,
        transaction=short(unsigned.get("transaction_id")),
        redacts=short(event.get("redacts")) or short(content.get("redacts")),
        redacted="redacted_because" in unsigned,
    )


def read_sync(raw: Json) -> News:
    """The answer to a sync.

    Raises:
        Invalid: it does not say how to go on (CIS-MATRIX-021).
    """
    following = raw.get("next_batch")
    if not isinstance(following, str) or not following:
        raise Invalid("CIS-MATRIX-021", "the homeserver answered a sync without a token")
    rooms = table(raw.get("rooms"))
    joined = table(rooms.get("join"))
    return News(
        next=following,
        rooms=tuple(_room(id, table(told)) for id, told in joined.items() if is_room_id(id)),
        left=tuple(filter(is_room_id, table(rooms.get("leave")))),
        raw=raw,
    )


def read_page(raw: Json, room: str) -> Page:
    """A part of a room's past."""
    events, garbage = _events(raw.get("chunk"), room)
    end = raw.get("end")
    return Page(events, garbage, end if isinstance(end, str) else "")


def is_room_id(text: object) -> bool:
    """Whether a text can be the id of a room."""
    return isinstance(text, str) and text.startswith("!") and len(text) <= MAX_ID


def table(value: object) -> Json:
    """`value` if it is an object, else an empty one."""
    return cast("Json", value) if isinstance(value, dict) else _NOTHING


def short(value: object) -> str:
    """`value` if it is a text that can be an id, else an empty one."""
    return value if isinstance(value, str) and len(value) <= MAX_ID else ""


def _room(id: str, told: Json) -> RoomNews:
    timeline, unread = table(told.get("timeline")), table(told.get("unread_notifications"))
    state, bad_state = _events(table(told.get("state")).get("events"), id)
    events, bad = _events(timeline.get("events"), id)
    return RoomNews(
        room=id,
        state=state,
        timeline=events,
        garbage=bad_state + bad,
        limited=timeline.get("limited") is True,
        before=before if isinstance(before := timeline.get("prev_batch"), str) else "",
        members=_count(table(told.get("summary")).get("m.joined_member_count")),
        unread=_count(unread.get("notification_count")),
        highlights=_count(unread.get("highlight_count")),
        read=_fully_read(table(told.get("account_data")).get("events")),
    )


def _events(raw: object, room: str) -> tuple[tuple[RoomEvent, ...], tuple[Garbage, ...]]:
    events: list[RoomEvent] = []
    garbage: list[Garbage] = []
    for each in cast("list[object]", raw)[:MAX_EVENTS] if isinstance(raw, list) else ():
        try:
            events.append(read_event(each, room))
        except Invalid as error:
            told = table(each)
            garbage.append(Garbage(short(told.get("event_id")), short(told.get("sender")), error.message))
    return tuple(events), tuple(garbage)


def _fully_read(raw: object) -> str:
    for each in cast("list[object]", raw)[:MAX_EVENTS] if isinstance(raw, list) else ():
        told = table(each)
        if told.get("type") == "m.fully_read":
            return short(table(told.get("content")).get("event_id"))
    return ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None
