"""A remote engine: Matrix."""

from __future__ import annotations

from cis_tui.api.client.channel import Calls
from cis_tui.matrix.messages import MessagePage
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

    async def matrix_messages(self, room: str = "", *, before: str = "", limit: int = 100) -> MessagePage:
        """See `EngineApi`."""
        return await self._call("matrix_messages", room=room, before=before, limit=limit)

    async def matrix_say(self, text: str, *, room: str = "", answers: str = "", emote: bool = False) -> MatrixSent:
        """See `EngineApi`."""
        return await self._call("matrix_say", text=text, room=room, answers=answers, emote=emote)

    async def matrix_edit(self, event: str, text: str, *, room: str = "") -> MatrixSent:
        """See `EngineApi`."""
        return await self._call("matrix_edit", event=event, text=text, room=room)

    async def matrix_react(self, event: str, key: str, *, room: str = "") -> MatrixSent:
        """See `EngineApi`."""
        return await self._call("matrix_react", event=event, key=key, room=room)

    async def matrix_remove(self, event: str, *, room: str = "", reason: str = "") -> MatrixSent | None:
        """See `EngineApi`."""
        return await self._call("matrix_remove", event=event, room=room, reason=reason)

    async def matrix_retry(self, id: str) -> MatrixSent:
        """See `EngineApi`."""
        return await self._call("matrix_retry", id=id)

    async def matrix_read(self, event: str, *, room: str = "") -> None:
        """See `EngineApi`."""
        await self._call("matrix_read", event=event, room=room)
