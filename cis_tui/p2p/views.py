"""From what is kept and what is live to what faces are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cis_tui.core.clock import Instant
from cis_tui.p2p.book import PeerBook
from cis_tui.p2p.link import Admission, Link
from cis_tui.p2p.model import PeerInfo, Queued
from cis_tui.p2p.names import fingerprint, peer_id
from cis_tui.p2p.past import Standing
from cis_tui.p2p.peers_db import Peer
from cis_tui.p2p.refusals import Refusals


@dataclass(frozen=True, slots=True)
class Exchanged:
    """How far the memory of one peer and ours have become one."""

    pending: int = 0
    """Changes of ours that it has not acknowledged."""
    acknowledged_at: Instant | None = None
    synced_at: Instant | None = None
    standing: Standing | None = None
    conflicts: int = 0
    problem: str = ""
    """Why the last exchange failed; empty when it did not."""


class Sync(Protocol):
    """What peers need of whoever syncs (`Syncing`). `exchanged` and `queue` answer from memory, or block for some
    milliseconds; the rest is for the loop."""

    def begin(self) -> None: ...
    async def close(self) -> None: ...
    def peer_changed(self, did: str, *, again: bool = False) -> None:
        """A person has said something about a peer; empty: about all. `again`: what it made is refused no more."""
        ...

    async def sync_now(self, peers: Sequence[str]) -> Mapping[str, str]:
        """Sync with peers, now; why it did not work, by peer, empty where it did."""
        ...

    def exchanged(self, did: str) -> Exchanged: ...

    def queue(self, limit: int) -> tuple[tuple[Queued, ...], int]:
        """The oldest changes that somebody has not acknowledged, and how many there are."""
        ...


def peer_info(peer: Peer, *, book: PeerBook, link: Link | None, refusals: Refusals, sync: Sync | None) -> PeerInfo:
    """One peer for a face; blocks as the book does."""
    id, (refused, why) = peer_id(peer.did), refusals.of(peer.did)
    done = sync.exchanged(peer.did) if sync is not None else Exchanged()
    return PeerInfo(
        did=peer.did,
        peer_id=id,
        fingerprint=fingerprint(peer.did),
        status=peer.status,
        name=peer.name,
        own=peer.own,
        admitted=book.admits(peer.did) is Admission.ADMIT,
        share=book.share(peer.did),
        own_share=peer.share is not None,
        via=peer.via,
        first_seen=peer.first_seen,
        last_seen=peer.last_seen,
        addrs=tuple(f"{addr}/p2p/{id}" for addr in peer.addrs),
        connected=link is not None,
        connected_at=link.since if link else None,
        transport=link.transport if link else "",
        addr=link.addr if link else "",
        latency=link.latency if link else None,
        bytes_in=link.bytes_in if link else 0,
        bytes_out=link.bytes_out if link else 0,
        pending=done.pending,
        acknowledged_at=done.acknowledged_at,
        synced_at=done.synced_at,
        stands_since=done.standing.since if done.standing else None,
        past=done.standing.past if done.standing else (),
        conflicts=done.conflicts,
        problem=done.problem,
        refusals=refused,
        refusal=why,
    )
