"""A remote engine: Matrix."""

from __future__ import annotations

from cis_tui.api.client.channel import Calls
from cis_tui.matrix.model import MatrixMember, MatrixRejection, MatrixRoom, MatrixSent, MatrixStatus


class MatrixCalls(Calls):
    """What `EngineApi` has of Matrix."""

    async def matrix_status(self) -> MatrixStatus:
        """See `EngineApi`."""
        return await self._call("matrix_status")

    async def matrix_reload(self) -> MatrixStatus:
        """See `EngineApi`."""
        return await self._call("matrix_reload")

    async def matrix_rooms(self) -> tuple[MatrixRoom, ...]:
        """See `EngineApi`."""
        return await self._call("matrix_rooms")

    async def matrix_members(self, room: str = "") -> tuple[MatrixMember, ...]:
        """See `EngineApi`."""
        return await self._call("matrix_members", room=room)

    async def matrix_rejections(self, limit: int = 50) -> tuple[MatrixRejection, ...]:
        """See `EngineApi`."""
        return await self._call("matrix_rejections", limit=limit)

    async def matrix_send(self, text: str, *, room: str = "", wait: float = 15.0) -> MatrixSent:
        """See `EngineApi`."""
        return await self._call("matrix_send", text=text, room=room, wait=wait)
