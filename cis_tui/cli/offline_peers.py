"""The book of peers without a live engine: what is written holds for the next one, and nobody is connected."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cis_tui.api.launch import connect
from cis_tui.cli.context import Context
from cis_tui.core.config import load_config
from cis_tui.core.identity import load_identity
from cis_tui.core.paths import Home
from cis_tui.p2p.model import PeerIdentity, PeerInfo, PeerStatus
from cis_tui.p2p.service import PeerService

if TYPE_CHECKING:
    from cis_tui.api.client import RemoteEngine


class OfflinePeers:
    """The part of `EngineApi` that needs the book alone. Its methods are those of `EngineApi`."""

    def __init__(self, home: Home) -> None:
        settings = load_config(home.config_file).settings.p2p
        self._service = PeerService(home, load_identity(home.ensure()), settings)

    async def close(self) -> None:
        """Let go of the book."""
        await self._service.close()

    async def peer_identity(self) -> PeerIdentity:
        """See `EngineApi`."""
        return await self._service.identity()

    async def peer_status(self) -> PeerStatus:
        """See `EngineApi`."""
        return await self._service.status()

    async def peer_list(self) -> tuple[PeerInfo, ...]:
        """See `EngineApi`."""
        return await self._service.list()

    async def peer_show(self, peer: str) -> PeerInfo:
        """See `EngineApi`."""
        return await self._service.show(peer)

    async def peer_add(self, addr: str) -> PeerInfo:
        """See `EngineApi`."""
        return await self._service.add(addr)

    async def peer_allow(self, peer: str, *, name: str = "", own: bool | None = None) -> PeerInfo:
        """See `EngineApi`."""
        return await self._service.allow(peer, name=name, own=own)

    async def peer_deny(self, peer: str) -> PeerInfo:
        """See `EngineApi`."""
        return await self._service.deny(peer)

    async def peer_forget(self, peer: str) -> None:
        """See `EngineApi`."""
        await self._service.forget(peer)

    async def peer_rename(self, peer: str, name: str) -> PeerInfo:
        """See `EngineApi`."""
        return await self._service.rename(peer, name)

    async def peer_share(self, peer: str, prefixes: tuple[str, ...] | None) -> PeerInfo:
        """See `EngineApi`."""
        return await self._service.set_share(peer, prefixes)


@asynccontextmanager
async def peer_book(context: Context) -> AsyncGenerator[RemoteEngine | OfflinePeers]:
    """The peers of the live engine, or the book alone when there is none."""
    api = await connect(context.home) or OfflinePeers(context.home)
    try:
        yield api
    finally:
        await api.close()
