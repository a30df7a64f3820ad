"""What the rest of the program sees of the network: who may speak, who is connected, what happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cis_tui.core.clock import Instant

Handler = Callable[[str, bytes], Awaitable[bytes]]
"""Answers a request: given the DID of the peer, which its key has proven, and the body; runs on the asyncio loop."""


OWN_KEY = "this is the key of this node itself"
"""Why who proves this node's own key is turned away."""


class Admission(StrEnum):
    """What a peer may do that has proven its key."""

    ADMIT = "admit"
    PAIRING = "pairing"
    """Speak the protocols that anyone may speak, and nothing else."""
    REFUSE = "refuse"


class Gate(Protocol):
    """Decides about a peer. Called in the network's thread, often: it must answer at once, from memory."""

    def admits(self, did: str) -> Admission: ...


@dataclass(frozen=True, slots=True)
class Link:
    """A live connection to a peer."""

    did: str
    addr: str
    """The other end, as a multiaddr without its peer id."""
    outbound: bool
    """Whether this side dialled."""
    since: Instant
    latency: float | None
    """Seconds there and back, as last measured; None before the first answer."""
    bytes_in: int
    bytes_out: int
    transport: str = "tcp"


class LinkEventKind(StrEnum):
    """What can happen to a node."""

    DISCOVERED = "discovered"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    REFUSED = "refused"
    """Somebody was turned away, or is not who they were said to be."""
    NOTICE = "notice"
    """Something a person should know, such as a port that was taken."""


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """One thing that happened on the network."""

    kind: LinkEventKind
    did: str = ""
    """The peer; empty if it did not get as far as proving a key."""
    addrs: tuple[str, ...] = ()
    """Of a discovered peer: multiaddrs without its peer id. Claimed, not proven."""
    via: str = ""
    """Of a discovered peer: mdns, dht, bootstrap or manual."""
    addr: str = ""
    """The other end of a connection."""
    reason: str = ""
    """Of a refusal or a notice: in words."""
