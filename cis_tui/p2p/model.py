"""What faces are told of peers: plain, frozen data. Names and addresses come from others and are shown as text only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cis_tui.core.clock import Instant


class Mode(StrEnum):
    """`[p2p] mode`: who may speak to this node."""

    WHITELIST = "whitelist"
    """Peers that were allowed; anybody else is refused, and shown as pending."""
    OPEN = "open"
    """Everybody who was not denied."""
    QUARANTINE = "quarantine"
    """As whitelist, but others may stay connected; what they bring is held aside until they are allowed."""
    SOLITARY = "solitary"
    """Nobody: no port is open and nobody is looked for."""


class Trust(StrEnum):
    """What a person has said of a peer."""

    PENDING = "pending"
    """Nothing yet."""
    ALLOWED = "allowed"
    DENIED = "denied"


class Via(StrEnum):
    """How a peer became known."""

    MDNS = "mdns"
    DHT = "dht"
    BOOTSTRAP = "bootstrap"
    MANUAL = "manual"
    """`cis peer add` or `cis peer allow`."""
    INCOMING = "incoming"
    """It came by itself."""
    PAIRING = "pairing"


class NodeState(StrEnum):
    """What the node of an engine is doing."""

    OFF = "off"
    """`[p2p] enabled` is false, or the mode is solitary; also when no engine is live."""
    STARTING = "starting"
    LIVE = "live"
    FAILED = "failed"
    """It could not start; `PeerStatus.problem` says why."""


class Looking(StrEnum):
    """What a way of finding peers is doing."""

    OFF = "off"
    STARTING = "starting"
    ACTIVE = "active"
    FAILED = "failed"


class PairingState(StrEnum):
    """How far a pairing has come."""

    OPEN = "open"
    """The code waits to be typed on the other side."""
    PAIRED = "paired"
    EXPIRED = "expired"
    """Nobody came in time."""
    SPENT = "spent"
    """The code was wrong too often."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """Who this node is to others (contract, JSON shapes)."""

    did: str
    peer_id: str
    """The libp2p name of the same key."""
    addrs: tuple[str, ...] = ()
    """Multiaddrs at which it can be reached, ending in `/p2p/…`; empty while it is not live."""


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """One peer, as far as it is known here."""

    did: str
    peer_id: str
    fingerprint: str
    """Of its key, in groups of four hexadecimal digits, to be compared with what the other screen shows."""
    status: Trust
    name: str = ""
    """What this person calls it, else what it calls itself; may be empty and is nowhere unique."""
    own: bool = False
    """One of this person's own nodes."""
    admitted: bool = False
    """Whether it may speak now, which in mode open does not need `allowed`."""
    share: tuple[str, ...] = ()
    """Beginnings of the public keys that it is given; one empty text stands for all, no text for none."""
    own_share: bool = False
    """Whether `share` was set for it; else it is `[p2p] share`."""
    via: Via = Via.INCOMING
    first_seen: Instant | None = None
    last_seen: Instant | None = None
    """None for one that was allowed before it was ever seen."""
    addrs: tuple[str, ...] = ()
    """Where it was found, newest first."""

    connected: bool = False
    connected_at: Instant | None = None
    transport: str = ""
    """Such as `tcp`; empty while it is not connected."""
    addr: str = ""
    """Where it is connected."""
    latency: float | None = None
    """Seconds there and back."""
    bytes_in: int = 0
    """Since the engine started."""
    bytes_out: int = 0

    pending: int = 0
    """Changes of ours that it has not acknowledged."""
    acknowledged_at: Instant | None = None
    """When it last acknowledged anything."""
    synced_at: Instant | None = None
    """When both last knew the same."""
    stands_since: Instant | None = None
    """When it came into step, fell behind or went away; None if nothing was measured since the engine started."""
    past: tuple[int, ...] = ()
    """How it stood in each of the last minutes, oldest first, at most an hour: -1 away, else the most changes of ours
    that it lacked."""
    conflicts: int = 0
    """Keys of which it and another wrote versions that nobody has resolved."""
    problem: str = ""
    """Why the last exchange of memory with it failed, which is tried again; empty when it did not."""
    refusals: int = 0
    """Times that it was refused since the engine started."""
    refusal: str = ""
    """Why, the last time."""


@dataclass(frozen=True, slots=True)
class Queued:
    """One change that not all peers have (spec, SyncMarker)."""

    key: str
    version: int
    at: Instant
    peers: tuple[str, ...]
    """DIDs of those that have not acknowledged it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that was refused, or several alike."""

    at: Instant
    """The last time."""
    reason: str
    did: str = ""
    """Proven; empty if the other side proved nothing."""
    addr: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """The node and all that it does, at a glance."""

    identity: PeerIdentity
    mode: Mode
    state: NodeState = NodeState.OFF
    problem: str = ""
    fingerprint: str = ""
    """Of this node's own key."""
    name: str = ""
    """What this node calls itself to peers with which it is paired."""
    listening: tuple[str, ...] = ()
    """Multiaddrs without `/p2p/…` on which the port is open."""
    mdns: Looking = Looking.OFF
    dht: Looking = Looking.OFF
    discovering: bool = False
    """Whether peers are being looked for right now."""
    connected: int = 0
    allowed: int = 0
    pending: int = 0
    """Peers that wait for a word of this person."""
    denied: int = 0
    queue: tuple[Queued, ...] = ()
    """Oldest first, at most 100."""
    queued: int = 0
    """All of them."""
    refusals: tuple[Refusal, ...] = ()
    """Newest first, at most 50, since the engine started."""
    refused: int = 0
    """All of them."""
    notices: tuple[str, ...] = ()
    """Such as that the port was busy and another one is used."""
    pairing: bool = False
    """Whether a code is open."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """One code and what became of it."""

    id: str
    code: str
    """To be typed on the other side, such as `42-719-305`."""
    state: PairingState
    expires_at: Instant
    tries: int
    """Wrong ones that are left."""
    did: str = ""
    """With whom, once paired."""
    name: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What became of one peer when all were asked to sync at once."""

    did: str
    name: str
    done: bool
    problem: str = ""
    pending: int = 0
    """Changes that it still has not acknowledged."""
