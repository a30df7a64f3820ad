"""`EngineApi`: peers, who may speak to this node, and what they are given."""

from __future__ import annotations

from typing import Protocol

from cis_tui.p2p.model import Pairing, PeerIdentity, PeerInfo, PeerStatus, SyncReport


class PeerApi(Protocol):
    """What `EngineApi` has of peers.

    `peer` is a DID, a peer id, a name, or an unambiguous beginning of a DID; NotFound if it is nobody's.
    """

    async def peer_identity(self) -> PeerIdentity: ...
    async def peer_status(self) -> PeerStatus: ...

    async def peer_list(self) -> tuple[PeerInfo, ...]:
        """Everybody who is known: the allowed ones, those that wait for a word, the denied ones."""
        ...

    async def peer_show(self, peer: str) -> PeerInfo: ...

    async def peer_add(self, addr: str) -> PeerInfo:
        """Remember the multiaddr of a peer; it is not allowed by that."""
        ...

    async def peer_allow(self, peer: str, *, name: str = "", own: bool | None = None) -> PeerInfo:
        """Admit a peer, also, by its DID, one that was never seen; `own`: whether it is a node of the same person."""
        ...

    async def peer_deny(self, peer: str) -> PeerInfo:
        """Refuse it from now on, and end its connections."""
        ...

    async def peer_forget(self, peer: str) -> None:
        """Let it be a stranger again."""
        ...

    async def peer_rename(self, peer: str, name: str) -> PeerInfo:
        """Call it so; empty: nothing."""
        ...

    async def peer_share(self, peer: str, prefixes: tuple[str, ...] | None) -> PeerInfo:
        """Give it the public keys with these beginnings only; an empty one is all, None is `[p2p] share`."""
        ...

    async def peer_pair_open(self, *, own: bool = True, name: str = "") -> Pairing:
        """Open a code to be typed on the other side; one that is open ends. Unavailable without a network."""
        ...

    async def peer_pair_wait(self, id: str) -> Pairing:
        """How a pairing ended, when it has; a caller that goes away takes the code back."""
        ...

    async def peer_pair_cancel(self, id: str) -> Pairing: ...

    async def peer_sync(self, peer: str = "") -> tuple[SyncReport, ...]:
        """Sync with a peer, or with all that are allowed, now, and say what came of each."""
        ...

    async def peer_pair_join(self, code: str, *, at: str = "", own: bool = True, name: str = "") -> PeerInfo:
        """Type the code that another node shows, at the multiaddr `at` or somewhere around here; Refused if wrong."""
        ...
