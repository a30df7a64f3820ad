"""The engine: peers."""

from __future__ import annotations

from cis_tui.engine.parts import Parts
from cis_tui.p2p.model import Pairing, PeerIdentity, PeerInfo, PeerStatus, SyncReport


class Peers(Parts):
    """What `EngineApi` has of peers."""

    async def peer_identity(self) -> PeerIdentity:
        """See `EngineApi`."""
        return await self._peers.identity()

    async def peer_status(self) -> PeerStatus:
        """See `EngineApi`."""
        return await self._peers.status()

    async def peer_list(self) -> tuple[PeerInfo, ...]:
        """See `EngineApi`."""
        return await self._peers.list()

    async def peer_show(self, peer: str) -> PeerInfo:
        """See `EngineApi`."""
        return await self._peers.show(peer)

    async def peer_add(self, addr: str) -> PeerInfo:
        """See `EngineApi`."""
        return await self._peers.add(addr)

    async def peer_allow(self, peer: str, *, name: str = "", own: bool | None = None) -> PeerInfo:
        """See `EngineApi`."""
        return await self._peers.allow(peer, name=name, own=own)

    async def peer_deny(self, peer: str) -> PeerInfo:
        """See `EngineApi`."""
        return await self._peers.deny(peer)

    async def peer_forget(self, peer: str) -> None:
        """See `EngineApi`."""
        await self._peers.forget(peer)

    async def peer_rename(self, peer: str, name: str) -> PeerInfo:
        """See `EngineApi`."""
        return await self._peers.rename(peer, name)

    async def peer_share(self, peer: str, prefixes: tuple[str, ...] | None) -> PeerInfo:
        """See `EngineApi`."""
        changed = await self._peers.set_share(peer, prefixes)
        self._room_memory.hear_again(changed.did)
        return changed

    async def peer_sync(self, peer: str = "") -> tuple[SyncReport, ...]:
        """See `EngineApi`."""
        return await self._peers.sync_now(peer)

    async def peer_pair_open(self, *, own: bool = True, name: str = "") -> Pairing:
        """See `EngineApi`."""
        return await self._peers.pair_open(own=own, name=name)

    async def peer_pair_wait(self, id: str) -> Pairing:
        """See `EngineApi`."""
        return await self._peers.pairs.wait(id)

    async def peer_pair_cancel(self, id: str) -> Pairing:
        """See `EngineApi`."""
        return self._peers.pairs.opening.cancel(id)

    async def peer_pair_join(self, code: str, *, at: str = "", own: bool = True, name: str = "") -> PeerInfo:
        """See `EngineApi`."""
        return await self._peers.pair_join(code, at=at, own=own, name=name)
