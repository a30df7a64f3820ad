"""A remote engine: peers."""

from __future__ import annotations

from cis_tui.api.client.channel import Calls
from cis_tui.p2p.model import Pairing, PeerIdentity, PeerInfo, PeerStatus, SyncReport


class PeerCalls(Calls):
    """What `EngineApi` has of peers."""

    async def peer_identity(self) -> PeerIdentity:
        """See `EngineApi`."""
        return await self._call("peer_identity")

    async def peer_status(self) -> PeerStatus:
        """See `EngineApi`."""
        return await self._call("peer_status")

    async def peer_list(self) -> tuple[PeerInfo, ...]:
        """See `EngineApi`."""
        return await self._call("peer_list")

    async def peer_show(self, peer: str) -> PeerInfo:
        """See `EngineApi`."""
        return await self._call("peer_show", peer=peer)

    async def peer_add(self, addr: str) -> PeerInfo:
        """See `EngineApi`."""
        return await self._call("peer_add", addr=addr)

    async def peer_allow(self, peer: str, *, name: str = "", own: bool | None = None) -> PeerInfo:
        """See `EngineApi`."""
        return await self._call("peer_allow", peer=peer, name=name, own=own)

    async def peer_deny(self, peer: str) -> PeerInfo:
        """See `EngineApi`."""
        return await self._call("peer_deny", peer=peer)

    async def peer_forget(self, peer: str) -> None:
        """See `EngineApi`."""
        await self._call("peer_forget", peer=peer)

    async def peer_rename(self, peer: str, name: str) -> PeerInfo:
        """See `EngineApi`."""
        return await self._call("peer_rename", peer=peer, name=name)

    async def peer_share(self, peer: str, prefixes: tuple[str, ...] | None) -> PeerInfo:
        """See `EngineApi`."""
        return await self._call("peer_share", peer=peer, prefixes=prefixes)

    async def peer_sync(self, peer: str = "") -> tuple[SyncReport, ...]:
        """See `EngineApi`."""
        return await self._call("peer_sync", peer=peer)

    async def peer_pair_open(self, *, own: bool = True, name: str = "") -> Pairing:
        """See `EngineApi`."""
        return await self._call("peer_pair_open", own=own, name=name)

    async def peer_pair_wait(self, id: str) -> Pairing:
        """See `EngineApi`."""
        return await self._call("peer_pair_wait", id=id)

    async def peer_pair_cancel(self, id: str) -> Pairing:
        """See `EngineApi`."""
        return await self._call("peer_pair_cancel", id=id)

    async def peer_pair_join(self, code: str, *, at: str = "", own: bool = True, name: str = "") -> PeerInfo:
        """See `EngineApi`."""
        return await self._call("peer_pair_join", code=code, at=at, own=own, name=name)
