"""What faces are told of Matrix: plain, frozen data. Names and texts come from others and are shown as text only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cis_tui.core.clock import Instant
from cis_tui.matrix.memory_model import MatrixMemory


class MatrixState(StrEnum):
    """How an engine stands with its homeserver."""

    OFF = "off"
    """Nobody is logged in, `[matrix] enabled` is false, or no engine is live."""
    CONNECTING = "connecting"
    ONLINE = "online"
    RETRYING = "retrying"
    """The homeserver is away; `MatrixStatus.retry_at` says when it is asked again."""
    AUTH_FAILED = "auth-failed"
    """It takes neither token nor password: a person has to log in anew."""


class SendState(StrEnum):
    """How far something that is to be said has come."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    """The homeserver will never take it; the error says why."""


@dataclass(frozen=True, slots=True)
class MatrixRejection:
    """One event that was set aside."""

    event: str
    """Its id; empty if it had none."""
    room: str
    sender: str
    """As the homeserver says."""
    code: str
    reason: str
    at: Instant
    """When it was set aside."""


@dataclass(frozen=True, slots=True)
class MatrixRoom:
    """A room that the account has joined."""

    id: str
    alias: str = ""
    name: str = ""
    topic: str = ""
    members: int = 0
    federation: bool = False
    """Whether it is the one in which nodes meet."""
    encrypted: bool = False
    unread: int = 0
    """Messages for people since this account read last, as the homeserver counts."""
    highlights: int = 0
    """Those of them that name this account."""


@dataclass(frozen=True, slots=True)
class MatrixMember:
    """Somebody in a room."""

    user: str
    name: str = ""
    did: str = ""
    """Of the node that is bound to this account; empty for a person without one."""
    device: str = ""
    trust: str = ""
    """What a person has said of that node: own, allowed, pending or denied; `self` for this one."""


@dataclass(frozen=True, slots=True)
class MatrixGaps:
    """Parts of timelines that the homeserver left out."""

    open: int = 0
    healed: int = 0


@dataclass(frozen=True, slots=True)
class MatrixStatus:
    """Matrix at a glance."""

    state: MatrixState = MatrixState.OFF
    problem: str = ""
    """Why it is not online."""
    enabled: bool = True
    homeserver: str = ""
    user: str = ""
    """Empty: nobody is logged in."""
    device: str = ""
    room: str = ""
    """Alias of the federation room."""
    room_id: str = ""
    """Empty: it was not joined yet."""
    encrypted: bool = False
    members: int = 0
    nodes: int = 0
    """Members whose node is known."""
    since: str = ""
    """How far the homeserver was read."""
    synced_at: Instant | None = None
    """When it last answered."""
    retry_at: Instant | None = None
    retry_in: float | None = None
    """Seconds until it is asked again."""
    gaps: MatrixGaps = MatrixGaps()
    queued: int = 0
    """What is still to be said."""
    failed: int = 0
    """What the homeserver would not take."""
    rejected: int = 0
    """Events that were set aside, ever."""
    rejections: tuple[MatrixRejection, ...] = ()
    """The last of them, newest first."""
    memory: MatrixMemory = field(default_factory=MatrixMemory)


@dataclass(frozen=True, slots=True)
class MatrixSent:
    """Something that was said, or is to be."""

    id: str
    """Its transaction."""
    room: str
    type: str
    state: SendState
    at: Instant
    event: str = ""
    """The event that it became."""
    error: str = ""
