"""Matrix without a live engine: what the files of the home know."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from cis_tui.api.client import RemoteEngine
from cis_tui.api.launch import connect
from cis_tui.cli.context import Context
from cis_tui.core.config import load_config
from cis_tui.core.identity import load_identity
from cis_tui.core.paths import Home
from cis_tui.engine.matrix import book_of
from cis_tui.matrix.messages import MessagePage
from cis_tui.matrix.model import MatrixMember, MatrixRejection, MatrixRoom, MatrixStatus
from cis_tui.matrix.service import MatrixService
from cis_tui.matrix.talk import RoomTalk
from cis_tui.p2p.book import PeerBook
from cis_tui.p2p.model import Mode


class OfflineMatrix:
    """The part of `EngineApi` that needs the files alone. Its methods are those of `EngineApi`."""

    def __init__(self, home: Home) -> None:
        settings = load_config(home.config_file).settings
        identity = load_identity(home.ensure())
        self._book = PeerBook(home, own_did=identity.did, mode=Mode(settings.p2p.mode), share=settings.p2p.share)
        self._service = MatrixService(home, identity, settings.matrix, book=book_of(self._book))
        self._talk = RoomTalk(self._service)

    async def close(self) -> None:
        """Let go of the files."""
        await self._service.close()
        self._book.close()

    async def matrix_status(self) -> MatrixStatus:
        """See `EngineApi`."""
        return await self._service.status()

    async def matrix_rooms(self) -> tuple[MatrixRoom, ...]:
        """See `EngineApi`."""
        return await self._service.rooms()

    async def matrix_members(self, room: str = "") -> tuple[MatrixMember, ...]:
        """See `EngineApi`."""
        return await self._service.members(room)

    async def matrix_rejections(self, limit: int = 50) -> tuple[MatrixRejection, ...]:
        """See `EngineApi`."""
        return await self._service.rejections(limit)

    async def matrix_messages(self, room: str = "", *, before: str = "", limit: int = 100) -> MessagePage:
        """See `EngineApi`."""
        return await self._talk.page(room=room, before=before, limit=limit)


@asynccontextmanager
async def matrix_files(context: Context) -> AsyncGenerator[RemoteEngine | OfflineMatrix]:
    """Matrix of the live engine, or what the files know when there is none."""
    api = await connect(context.home) or OfflineMatrix(context.home)
    try:
        yield api
    finally:
        await api.close()
