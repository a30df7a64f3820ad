"""What people say in the room, as faces see it: plain and frozen. All text in it is cleaned and bounded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cis_tui.core.clock import Instant
from cis_tui.matrix.model import SendState


class What(StrEnum):
    """What a message is."""

    TEXT = "text"
    NOTICE = "notice"
    """Said by a program."""
    EMOTE = "emote"
    """What somebody does: `/me waves`."""
    FILE = "file"
    """A picture or another file; its name is the text."""
    GONE = "gone"
    """It was taken back."""
    SECRET = "secret"
    """It is encrypted, and not for this device."""
    MEMORY = "memory"
    """Entries of memory."""
    OPERATION = "operation"
    """A task, a vote, or what else nodes say to each other; the text says which."""
    MEMBER = "member"
    """Somebody came or went."""


SPOKEN = frozenset({What.TEXT, What.NOTICE, What.EMOTE, What.FILE})
"""What has words that are somebody's."""
EDITABLE = frozenset({What.TEXT, What.NOTICE, What.EMOTE})
TRAFFIC = frozenset({What.MEMORY, What.OPERATION, What.MEMBER})
"""What nodes say, rather than people."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """One reaction to a message."""

    key: str
    """An emoji, or a short text."""
    senders: tuple[str, ...]
    """Account ids, each once; at most 50."""
    count: int
    mine: str = ""
    """The event id of this account's own; empty: it has not reacted so."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The message that is answered; without a sender where that is not known here."""

    id: str
    sender: str = ""
    text: str = ""
    """Its first line."""


@dataclass(frozen=True, slots=True)
class RoomMessage:
    """One message, with what became of it since."""

    id: str
    """Its event id; of one that waits to be sent, the id in the outbox."""
    sender: str
    """The id of an account, such as `@ann:example.org`; whether it is whose it seems to be, is told of the member."""
    at: Instant
    what: What
    text: str = ""
    edited: bool = False
    answers: Quote | None = None
    reactions: tuple[Reaction, ...] = ()
    mentions_me: bool = False
    mine: bool = False
    number: int = 0
    """Of memory: the number of its keys."""
    state: SendState = SendState.SENT
    problem: str = ""
    """Why it could not be sent."""


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A part of the room's history, oldest first."""

    room: str = ""
    messages: tuple[RoomMessage, ...] = ()
    before: str = ""
    """What to ask for to get the page before; empty: there is none."""
    read: str = ""
    """The id of the last message that was read, with this account anywhere (`m.fully_read`)."""
    problem: str = ""
    """Why older messages that the homeserver may have could not be fetched."""
