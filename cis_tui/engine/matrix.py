"""The engine: Matrix."""

from __future__ import annotations

from cis_tui.core.errors import CisError
from cis_tui.engine.parts import Parts
from cis_tui.matrix.model import MatrixMember, MatrixRejection, MatrixRoom, MatrixSent, MatrixStatus
from cis_tui.matrix.policy import Book, Standing
from cis_tui.p2p.book import PeerBook
from cis_tui.p2p.link import Admission
from cis_tui.p2p.model import Trust


class Matrix(Parts):
    """What `EngineApi` has of Matrix."""

    async def matrix_status(self) -> MatrixStatus:
        """See `EngineApi`."""
        return await self._matrix.status()

    async def matrix_reload(self) -> MatrixStatus:
        """See `EngineApi`."""
        await self._matrix.reload()
        return await self._matrix.status()

    async def matrix_rooms(self) -> tuple[MatrixRoom, ...]:
        """See `EngineApi`."""
        return await self._matrix.rooms()

    async def matrix_members(self, room: str = "") -> tuple[MatrixMember, ...]:
        """See `EngineApi`."""
        return await self._matrix.members(room)

    async def matrix_rejections(self, limit: int = 50) -> tuple[MatrixRejection, ...]:
        """See `EngineApi`."""
        return await self._matrix.rejections(limit)

    async def matrix_send(self, text: str, *, room: str = "", wait: float = 15.0) -> MatrixSent:
        """See `EngineApi`."""
        await self._matrix.live(timeout=wait)
        sent = await self._matrix.post("m.room.message", {"msgtype": "m.text", "body": text}, room=room)
        return await self._matrix.said(sent.id, timeout=wait)


def book_of(book: PeerBook) -> Book:
    """What a person has said of nodes, for what comes from a room: as for what comes from a peer."""

    def look(did: str) -> Standing:
        try:
            peer = next((each for each in book.peers() if each.did == did), None)
        except CisError:
            return Standing()
        name = peer.name if peer is not None else ""
        if peer is not None and peer.status is Trust.DENIED:
            return Standing("denied", name)
        if book.admits(did) is Admission.ADMIT:
            return Standing("own" if peer is not None and peer.own else "allowed", name)
        return Standing("pending" if peer is not None else "", name)

    return look
