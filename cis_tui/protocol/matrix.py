"""`EngineApi`: Matrix, where nodes and people meet in a room of a homeserver."""

from __future__ import annotations

from typing import Protocol

from cis_tui.matrix.messages import MessagePage
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

    # For people

    async def matrix_messages(self, room: str = "", *, before: str = "", limit: int = 100) -> MessagePage:
        """The last messages of a room, or those before the page that gave `before`; at most 1,000."""
        ...

    async def matrix_say(self, text: str, *, room: str = "", answers: str = "", emote: bool = False) -> MatrixSent:
        """Say something, perhaps as an answer to a message; kept until it is sent, which events tell."""
        ...

    async def matrix_edit(self, event: str, text: str, *, room: str = "") -> MatrixSent:
        """Say something else in the place of an own message; Refused if it is not one."""
        ...

    async def matrix_react(self, event: str, key: str, *, room: str = "") -> MatrixSent:
        """React to a message by an emoji or a word; a second time takes it back."""
        ...

    async def matrix_remove(self, event: str, *, room: str = "", reason: str = "") -> MatrixSent | None:
        """Take a message back, or forget one that could not be sent; None: it is forgotten."""
        ...

    async def matrix_retry(self, id: str) -> MatrixSent:
        """Try once more to send what the homeserver refused."""
        ...

    async def matrix_read(self, event: str, *, room: str = "") -> None:
        """Say that everything up to a message was read."""
        ...
