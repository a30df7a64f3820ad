"""Peers in every state, for the tests of the screens that show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cis_tui.core.clock import Instant
from cis_tui.core.identity import did_of
from cis_tui.p2p.model import (
    Looking,
    Mode,
    NodeState,
    PeerIdentity,
    PeerInfo,
    PeerStatus,
    Queued,
    Refusal,
    Trust,
    Via,
)
from cis_tui.tui.app import CisApp
from cis_tui.tui.store import Changes
from tests.tui.helpers import DID, HOSTILE, NOW, fill, show

PEER_ID = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"
FINGERPRINT = "5c1e 90aa 17f3 2b44 e0d9 6611 ab27 f00d"


def did(number: int) -> str:
    """The DID of one of a few nodes."""
    return did_of(bytes([number]) * 32)


def peer(number: int, name: str = "", status: Trust = Trust.ALLOWED, **more: Any) -> PeerInfo:
    """One peer; an allowed one is admitted."""
    fields: dict[str, Any] = {
        "peer_id": PEER_ID,
        "fingerprint": FINGERPRINT,
        "name": name,
        "admitted": status is Trust.ALLOWED,
        "share": ("",) if status is Trust.ALLOWED else (),
        "first_seen": Instant(NOW - 9000),
        "last_seen": Instant(NOW - 600),
        "addrs": (f"/ip4/192.168.1.{number}/tcp/7677/p2p/{PEER_ID}",),
    }
    return PeerInfo(did(number), status=status, **(fields | more))


def live(number: int, **more: Any) -> dict[str, Any]:
    """What is known of a peer that is connected."""
    fields: dict[str, Any] = {
        "connected": True,
        "connected_at": Instant(NOW - 300),
        "transport": "tcp",
        "addr": f"/ip4/192.168.1.{number}/tcp/7677",
        "latency": 0.0123,
        "bytes_in": 52_000,
        "bytes_out": 4_200_000,
        "acknowledged_at": Instant(NOW - 20),
        "synced_at": Instant(NOW - 20),
        "via": Via.MDNS,
    }
    return fields | more


LAPTOP = peer(1, "laptop", own=True, **live(1))
SERVER = peer(
    2, "build-server", share=("project/", "team/notes/"), own_share=True, **live(2, latency=0.0004, pending=3)
)
AWAY = peer(3, "attic", own=True, pending=12, conflicts=1, via=Via.PAIRING)
STRANGER = peer(4, "", Trust.PENDING, refusals=4, refusal="not allowed", via=Via.INCOMING)
DENIED = peer(5, "old-phone", Trust.DENIED, last_seen=Instant(NOW - 200_000))
UNSEEN = peer(6, "carol", first_seen=None, last_seen=None, via=Via.MANUAL, addrs=())
PEERS = (LAPTOP, SERVER, AWAY, STRANGER, DENIED, UNSEEN)
HOSTILE_PEER = peer(7, HOSTILE, Trust.PENDING, refusal=HOSTILE, refusals=2, addrs=(HOSTILE,), addr=HOSTILE)

QUEUE = (
    Queued("project/config", 4, Instant(NOW - 500), (AWAY.did, SERVER.did)),
    Queued("team/notes/monday", 1, Instant(NOW - 90), (AWAY.did,)),
)
REFUSALS = (
    Refusal(Instant(NOW - 30), "not allowed", STRANGER.did, "/ip4/203.0.113.9/tcp/50122", 4),
    Refusal(Instant(NOW - 60), "a first message that is no Noise handshake", "", "/ip4/203.0.113.80/tcp/41000"),
)


def status(peers: Sequence[PeerInfo] = (), **more: Any) -> PeerStatus:
    """A node that listens and looks for others."""
    asking = [peer for peer in peers if peer.status is Trust.PENDING]
    fields: dict[str, Any] = {
        "mode": Mode.WHITELIST,
        "state": NodeState.LIVE,
        "fingerprint": "a1b2 c3d4 e5f6 0718 293a 4b5c 6d7e 8f90",
        "name": "workstation",
        "listening": ("/ip4/192.168.1.20/tcp/7677", "/ip6/fd00::20/tcp/7677"),
        "mdns": Looking.ACTIVE,
        "discovering": True,
        "connected": sum(peer.connected for peer in peers),
        "pending": len(asking),
    }
    fields |= more
    identity = PeerIdentity(DID, PEER_ID, tuple(f"{addr}/p2p/{PEER_ID}" for addr in fields["listening"]))
    return PeerStatus(identity, **fields)


BUSY = status(PEERS, queue=QUEUE, queued=15, refusals=REFUSALS, refused=5)


def fill_peers(app: CisApp, peers: Sequence[PeerInfo] = PEERS, node: PeerStatus = BUSY) -> None:
    """Put known peers where the engine's would be."""
    fill(app)
    app.store.peers, app.store.peer_status = tuple(peers), node
    show(app, Changes(everything=True, peers=True))
