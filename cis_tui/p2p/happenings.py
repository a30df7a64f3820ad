"""What the network tells, put in the book and told on."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from cis_tui.core.clock import Clock
from cis_tui.core.errors import CisError
from cis_tui.core.events import EventType
from cis_tui.core.text import clean_line
from cis_tui.p2p.book import PeerBook
from cis_tui.p2p.link import OWN_KEY, Admission, LinkEvent, LinkEventKind
from cis_tui.p2p.model import Refusal, Via
from cis_tui.p2p.node import PeerNode
from cis_tui.p2p.peers_db import Peer
from cis_tui.p2p.refusals import Refusals

log = logging.getLogger(__name__)

_NEAR = 256
"""Nodes that were found around here and are remembered, to be asked for a pairing code."""
_WAITING = 2000
"""Happenings that may wait; of more, those of strangers are left out."""
_NOTICES = 20


class Happenings:
    """Takes events of the network one by one, in order, off the loop where it writes."""

    def __init__(
        self,
        book: PeerBook,
        tell: Callable[[EventType, Mapping[str, object]], object],
        *,
        clock: Clock,
        steady: Callable[[], float],
    ) -> None:
        self._book = book
        self._tell = tell
        self._clock = clock
        self._steady = steady
        self._node: PeerNode | None = None
        self._twin = False
        self._events: asyncio.Queue[LinkEvent] = asyncio.Queue(_WAITING)
        self._task: asyncio.Task[None] | None = None
        self.refusals = Refusals()
        self.notices: deque[str] = deque(maxlen=_NOTICES)
        self.near: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        """Who was found around here, newest last, with addresses; nothing is proven."""

    def heard(self, event: LinkEvent) -> None:
        """Take an event of the network; on the loop, at once."""
        if event.kind is LinkEventKind.DISCOVERED:
            self.near[event.did] = tuple(event.addrs)
            self.near.move_to_end(event.did)
            while len(self.near) > _NEAR:
                self.near.popitem(last=False)
        with suppress(asyncio.QueueFull):
            self._events.put_nowait(event)

    def twin(self, how: str) -> None:
        """Say, once, that another node lives with this one's identity; on the loop."""
        if self._twin:
            return
        self._twin = True
        words = (
            f"another node lives with the identity of this one ({how}): a home was copied. Stop one of the two;"
            " it becomes a node of its own when the folder identity is moved out of its home"
        )
        self.notices.append(clean_line(words, limit=300))
        self._tell(EventType.ERROR, {"code": "CIS-P2P-120", "message": words})

    def begin(self, node: PeerNode) -> None:
        """Start to work off what was heard."""
        self._node = node
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Leave the rest."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        while True:
            event = await self._events.get()
            try:
                await self._take(event)
            except CisError as error:
                log.warning("%s of %s was not taken in: %s", event.kind, event.did, error.message)
            except Exception:
                log.exception("%s of %s was not taken in", event.kind, event.did)

    async def _take(self, event: LinkEvent) -> None:
        match event.kind:
            case LinkEventKind.DISCOVERED:
                await self._discovered(event)
            case LinkEventKind.CONNECTED:
                await self._connected(event)
            case LinkEventKind.DISCONNECTED:
                name = await self._name(event.did)
                self._tell(EventType.PEER_DISCONNECTED, {"peer": event.did, "name": name, "reason": event.reason})
            case LinkEventKind.REFUSED:
                await self._refused(event)
            case LinkEventKind.NOTICE:
                self.notices.append(clean_line(event.reason, limit=300))

    async def _discovered(self, event: LinkEvent) -> None:
        await self._seen(event.did, event.addrs, Via(event.via))
        if self._node is not None and self._book.admits(event.did) is Admission.ADMIT:
            peer = await asyncio.to_thread(self._book.find, event.did)
            self._node.keep(peer.did, peer.addrs)

    async def _seen(self, did: str, addrs: Sequence[str], via: Via) -> None:
        """Put a peer in the book, and tell of one that is new there."""
        stranger = await asyncio.to_thread(self._book.saw, did, addrs, via)
        if stranger is not None:
            told = {"peer": did, "name": stranger.name, "via": via.value, "status": stranger.status.value}
            self._tell(EventType.PEER_DISCOVERED, told)

    async def _connected(self, event: LinkEvent) -> None:
        link = self._node.links.get(event.did) if self._node is not None else None
        await self._seen(event.did, (), Via.INCOMING)
        await asyncio.to_thread(self._book.met, event.did, event.addr if link is not None and link.outbound else "")
        told = {"peer": event.did, "name": await self._name(event.did), "addr": event.addr}
        self._tell(EventType.PEER_CONNECTED, {**told, "transport": link.transport if link is not None else "tcp"})

    async def _refused(self, event: LinkEvent) -> None:
        if event.reason == OWN_KEY:
            self.twin(f"it answers at {event.addr}")
        noted = Refusal(self._clock(), event.reason, event.did, event.addr)
        if self.refusals.note(noted, self._steady()):
            name = await self._name(event.did)
            told = {"peer": event.did, "name": name, "reason": event.reason, "addr": event.addr}
            self._tell(EventType.PEER_REFUSED, told)
        if event.did:
            await self._seen(event.did, (), Via.INCOMING)

    async def _name(self, did: str) -> str:
        with suppress(CisError):
            peer: Peer = await asyncio.to_thread(self._book.find, did)
            return peer.name
        return ""
