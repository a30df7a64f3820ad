"""`EngineApi`: Matrix, where nodes and people meet in a room of a homeserver."""

from __future__ import annotations

from typing import Protocol

from cis_tui.matrix.model import MatrixMember, MatrixRejection, MatrixRoom, MatrixSent, MatrixStatus


class MatrixApi(Protocol):
    """What `EngineApi` has of Matrix. `room` is an id, an alias or a name; empty: the one in which nodes meet."""

    async def matrix_status(self) -> MatrixStatus: ...

    async def matrix_reload(self) -> MatrixStatus:
        """Take note that somebody logged in or out, or ask a homeserver that is away again now."""
        ...

    async def matrix_rooms(self) -> tuple[MatrixRoom, ...]: ...
    async def matrix_members(self, room: str = "") -> tuple[MatrixMember, ...]: ...

    async def matrix_rejections(self, limit: int = 50) -> tuple[MatrixRejection, ...]:
        """Events that were set aside, newest first."""
        ...

    async def matrix_send(self, text: str, *, room: str = "", wait: float = 15.0) -> MatrixSent:
        """Say something to people; gives how far that has come after at most `wait` seconds. It is kept until it is."""
        ...
