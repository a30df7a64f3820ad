"""The engine: Matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from cis_tui.core.clock import Clock
from cis_tui.core.errors import CisError
from cis_tui.core.events import EventType
from cis_tui.engine.parts import Parts
from cis_tui.matrix.memory_carrier import MemoryCarrier
from cis_tui.matrix.messages import MessagePage
from cis_tui.matrix.model import MatrixMember, MatrixRejection, MatrixRoom, MatrixSent, MatrixStatus
from cis_tui.matrix.policy import Book, Standing
from cis_tui.matrix.service import MatrixService
from cis_tui.memory.service import MemoryService
from cis_tui.p2p.book import PeerBook
from cis_tui.p2p.link import Admission
from cis_tui.p2p.model import Trust
from cis_tui.sync.service import SyncService


class Matrix(Parts):
    """What `EngineApi` has of Matrix."""

    async def matrix_status(self) -> MatrixStatus:
        """See `EngineApi`."""
        return replace(await self._matrix.status(), memory=await self._room_memory.status())

    async def matrix_reload(self) -> MatrixStatus:
        """See `EngineApi`."""
        await self._matrix.reload()
        return await self.matrix_status()

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
        sent = await self._talk.say(text, room=room)
        return await self._matrix.said(sent.id, timeout=wait)

    async def matrix_messages(self, room: str = "", *, before: str = "", limit: int = 100) -> MessagePage:
        """See `EngineApi`."""
        return await self._talk.page(room=room, before=before, limit=limit)

    async def matrix_say(self, text: str, *, room: str = "", answers: str = "", emote: bool = False) -> MatrixSent:
        """See `EngineApi`."""
        return await self._talk.say(text, room=room, answers=answers, emote=emote)

    async def matrix_edit(self, event: str, text: str, *, room: str = "") -> MatrixSent:
        """See `EngineApi`."""
        return await self._talk.edit(event, text, room=room)

    async def matrix_react(self, event: str, key: str, *, room: str = "") -> MatrixSent:
        """See `EngineApi`."""
        return await self._talk.react(event, key, room=room)

    async def matrix_remove(self, event: str, *, room: str = "", reason: str = "") -> MatrixSent | None:
        """See `EngineApi`."""
        return await self._talk.remove(event, room=room, reason=reason)

    async def matrix_retry(self, id: str) -> MatrixSent:
        """See `EngineApi`."""
        return await self._talk.retry(id)

    async def matrix_read(self, event: str, *, room: str = "") -> None:
        """See `EngineApi`."""
        await self._talk.mark_read(event, room=room)


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


def memory_in_room(
    matrix: MatrixService,
    memory: MemoryService,
    sync: SyncService,
    book: PeerBook,
    *,
    own: str,
    share: tuple[str, ...],
    tell: Callable[[EventType, Mapping[str, object]], object],
    clock: Clock,
) -> MemoryCarrier:
    """Let public memory go through the room in which nodes meet; to be called before `matrix` begins.

    `own`: the DID of this node; `share`: beginnings of the keys that the room is given.
    """

    def prefixes(did: str) -> tuple[str, ...]:
        """What is taken from a node; of what this one has said itself, everything."""
        try:
            said = next((peer.share for peer in book.peers() if peer.did == did), None)
        except CisError:
            return ()
        return ("",) if did == own else share if said is None else said

    return MemoryCarrier(
        matrix, memory, sync.outbox, sync.heard, own=own, share=share, prefixes=prefixes, tell=tell, clock=clock
    )
