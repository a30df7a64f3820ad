"""Peers as the engine has them: the book, the node, what happens to them, and what a person says about it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from cis_tui.core.clock import Clock, utc_now
from cis_tui.core.config import P2PSettings
from cis_tui.core.errors import CisError, NotFound, Refused, Unavailable
from cis_tui.core.events import EventType
from cis_tui.core.identity import Identity, peer_id_of
from cis_tui.core.paths import Home
from cis_tui.p2p.book import PeerBook
from cis_tui.p2p.happenings import Happenings
from cis_tui.p2p.link import Admission, Handler, Link
from cis_tui.p2p.model import Looking, Mode, NodeState, Pairing, PeerIdentity, PeerInfo, PeerStatus, SyncReport, Trust
from cis_tui.p2p.names import fingerprint, own_name
from cis_tui.p2p.node import PeerNode
from cis_tui.p2p.pairs import Pairs
from cis_tui.p2p.peers_db import Peer
from cis_tui.p2p.settings import left_for_the_start
from cis_tui.p2p.views import Sync, peer_info

log = logging.getLogger(__name__)

Tell = Callable[[EventType, Mapping[str, object]], object]
_QUEUE = 100
_PATIENCE = 10.0
"""Seconds for which the addresses of a node that starts are waited for."""


class PeerService:
    """All of a home's peers. Without `begin` it is the book alone, which any command may use."""

    def __init__(
        self,
        home: Home,
        identity: Identity,
        settings: P2PSettings,
        *,
        tell: Tell = lambda what, data: None,
        clock: Clock = utc_now,
    ) -> None:
        self._identity = identity
        self._settings = settings
        self._tell = tell
        self.book = PeerBook(home, own_did=identity.did, mode=Mode(settings.mode), share=settings.share, clock=clock)
        self.happenings = Happenings(self.book, tell, clock=clock, steady=time.monotonic)
        self.node = PeerNode(
            identity=identity, settings=settings, gate=self.book, on_event=self.happenings.heard, clock=clock
        )
        self.pairs = Pairs(identity.did, self.book, self.node, self.happenings, tell, clock=clock)
        self.sync: Sync | None = None
        """Set by whoever syncs."""
        self._state, self._problem = NodeState.OFF, ""
        self._starting: asyncio.Task[None] | None = None
        self._started = asyncio.Event()

    # The node

    @property
    def wanted(self) -> bool:
        """Whether the settings want this home to speak to peers."""
        return self._settings.enabled and self.book.mode is not Mode.SOLITARY

    def serve(self, protocol: str, handler: Handler, *, anyone: bool = False) -> None:
        """Answer requests of admitted peers; to be called before `begin`. `anyone`: see `PeerNode.serve`."""
        self.node.serve(protocol, handler, anyone=anyone)

    def begin(self, *, after: float = 0.0) -> None:
        """Start the node in the background, in `after` seconds; at once if it was begun already."""
        if not self.wanted or self._state in (NodeState.LIVE, NodeState.FAILED):
            return
        if self._starting is not None:
            if after or self._state is NodeState.STARTING:
                return
            self._starting.cancel()
        if not after:
            self._state = NodeState.STARTING
        self._starting = asyncio.create_task(self._start(after))

    async def live(self) -> PeerNode:
        """The node, once it has started, which it does now if it was to later.

        Raises:
            Unavailable: it is switched off (CIS-P2P-060), or could not start (CIS-P2P-061).
        """
        self.begin()
        if self._starting is not None:
            await self._started.wait()
        if self._state is NodeState.FAILED:
            raise Unavailable("CIS-P2P-061", f"peers cannot be reached: {self._problem}", retryable=False)
        if self._state is not NodeState.LIVE:
            raise self._switched_off()
        return self.node

    def _switched_off(self) -> Unavailable:
        if self.wanted:
            hint = "cis engine start lets one live"
            return Unavailable("CIS-P2P-060", "peers are spoken to by a live engine only", hint=hint, retryable=False)
        name = "p2p.mode" if self._settings.enabled else "p2p.enabled"
        hint = f"cis config set {name} {'whitelist' if self._settings.enabled else 'true'}, and start the engine anew"
        return Unavailable("CIS-P2P-060", f"peers are switched off by {name}", hint=hint, retryable=False)

    async def _start(self, after: float) -> None:
        await asyncio.sleep(after)
        self._become(NodeState.STARTING)
        try:
            await self.node.start()
        except Exception as error:  # whatever it is, the engine lives without peers
            self._problem = str(error)
            self._become(NodeState.FAILED)
            log.exception("the node could not start")
            code = error.code if isinstance(error, CisError) else "CIS-P2P-061"
            self._tell(EventType.ERROR, {"code": code, "message": f"peers cannot be reached: {error}"})
        else:
            self._become(NodeState.LIVE)
            self.happenings.begin(self.node)
            if self.sync is not None:
                self.sync.begin()
            with suppress(CisError):
                await self._keep(*await asyncio.to_thread(self.book.peers))
        self._started.set()

    def _become(self, state: NodeState) -> None:
        self._state = state
        self._tell(EventType.NODE_CHANGED, {"state": state.value, "problem": self._problem})

    async def close(self) -> None:
        """Take an open code back, close every connection, let go of the book."""
        self.pairs.close()
        if self._starting is not None:
            if self._state is not NodeState.STARTING:
                self._starting.cancel()  # one that has begun is let come up: a thread cannot be called back half-way
            await asyncio.wait([self._starting])
        if self.sync is not None:
            await self.sync.close()
        await self.happenings.close()
        await self.node.stop()
        self._state = NodeState.OFF
        self._started.set()
        self.book.close()

    async def take(self, settings: P2PSettings) -> None:
        """Take up what was set anew: the mode, and what is shared, at once; what is not, is said."""
        for name in left_for_the_start(self._settings, settings):
            self.happenings.notices.append(f"{name} was changed: it holds when the engine is started anew")
        before, self._settings = self._settings, settings
        if (settings.mode, settings.share) == (before.mode, before.share):
            return
        self.book.settle(Mode(settings.mode), settings.share)
        self.begin()
        await self._keep(*await asyncio.to_thread(self.book.peers))
        await self.node.recheck()
        if self.sync is not None:
            self.sync.peer_changed("")
        self._tell(EventType.NODE_CHANGED, {"state": self._state.value, "problem": self._problem})

    async def _keep(self, *peers: Peer) -> None:
        """Stay connected with those of `peers` that may speak, and with nobody else of them."""
        if self._state is not NodeState.LIVE:
            return
        for peer in peers:
            if self.book.admits(peer.did) is Admission.ADMIT:
                self.node.keep(peer.did, peer.addrs)
            else:
                await self.node.drop(peer.did)

    # What is known

    async def identity(self) -> PeerIdentity:
        """Who this node is, with its addresses as soon as it has them."""
        if self._state is NodeState.STARTING:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await self._started.wait()
        return PeerIdentity(self._identity.did, peer_id_of(self._identity.public), self.node.addrs)

    async def list(self) -> tuple[PeerInfo, ...]:
        """Everybody; see `PeerBook.peers`."""
        peers, links = await asyncio.to_thread(self.book.peers), self.node.links
        return await asyncio.to_thread(lambda: tuple(self._info(peer, links) for peer in peers))

    async def show(self, word: str) -> PeerInfo:
        """One peer; see `PeerBook.find`."""
        return await self._told(await asyncio.to_thread(self.book.find, word))

    def _info(self, peer: Peer, links: Mapping[str, Link]) -> PeerInfo:
        refusals = self.happenings.refusals
        return peer_info(peer, book=self.book, link=links.get(peer.did), refusals=refusals, sync=self.sync)

    async def status(self) -> PeerStatus:
        """The node at a glance."""
        peers, links = await asyncio.to_thread(self.book.peers), self.node.links
        by_status = {status: sum(peer.status is status for peer in peers) for status in Trust}
        queue, queued = ((), 0) if self.sync is None else await asyncio.to_thread(self.sync.queue, _QUEUE)
        seen = self.happenings
        looking = {way: Looking(self.node.looking.get(way, "off")) for way in ("mdns", "dht")}
        return PeerStatus(
            identity=PeerIdentity(self._identity.did, peer_id_of(self._identity.public), self.node.addrs),
            mode=self.book.mode,
            state=self._state,
            problem=self._problem,
            fingerprint=fingerprint(self._identity.did),
            name=own_name(),
            listening=tuple(addr.partition("/p2p/")[0] for addr in self.node.addrs),
            mdns=looking["mdns"],
            dht=looking["dht"],
            discovering=Looking.ACTIVE in looking.values(),
            connected=len(links),
            allowed=by_status[Trust.ALLOWED],
            pending=by_status[Trust.PENDING],
            denied=by_status[Trust.DENIED],
            queue=queue,
            queued=queued,
            refusals=seen.refusals.latest,
            refused=seen.refusals.total,
            notices=tuple(seen.notices),
            pairing=self.pairs.opening.open,
        )

    # What a person says

    async def add(self, addr: str) -> PeerInfo:
        """See `PeerBook.add`."""
        return await self._changed(await asyncio.to_thread(self.book.add, addr), "added")

    async def allow(self, word: str, *, name: str = "", own: bool | None = None) -> PeerInfo:
        """See `PeerBook.allow`; a live node connects at once."""
        denied = await asyncio.to_thread(self._is_denied, word)
        peer = await asyncio.to_thread(lambda: self.book.allow(word, name=name, own=own))
        return await self._changed(peer, "allowed", again=denied)

    async def deny(self, word: str) -> PeerInfo:
        """See `PeerBook.deny`; live connections end now."""
        return await self._changed(await asyncio.to_thread(self.book.deny, word), "denied")

    async def rename(self, word: str, name: str) -> PeerInfo:
        """See `PeerBook.rename`."""
        return await self._changed(await asyncio.to_thread(self.book.rename, word, name), "renamed")

    async def set_share(self, word: str, prefixes: tuple[str, ...] | None) -> PeerInfo:
        """See `PeerBook.set_share`."""
        return await self._changed(await asyncio.to_thread(self.book.set_share, word, prefixes), "shared")

    async def forget(self, word: str) -> None:
        """See `PeerBook.forget`; live connections end now, unless strangers may speak."""
        denied = await asyncio.to_thread(self._is_denied, word)
        await self._changed(await asyncio.to_thread(self.book.forget, word), "forgotten", again=denied)

    def _is_denied(self, word: str) -> bool:
        with suppress(NotFound):
            return self.book.find(word).status is Trust.DENIED
        return False

    async def sync_now(self, word: str = "") -> tuple[SyncReport, ...]:
        """Sync with one peer, or with all that are allowed, now, and say what came of it.

        Raises:
            Unavailable: peers cannot be reached from here (CIS-P2P-060, 061).
            NotFound: `word` means nobody (CIS-P2P-040, 041).
            Refused: the peer is not admitted (CIS-P2P-062).
        """
        peers = await asyncio.to_thread(self._to_sync, word)
        await self.live()
        assert self.sync is not None, "whoever made this has set it"
        problems = await self.sync.sync_now([peer.did for peer in peers])
        exchanged = self.sync.exchanged
        return tuple(
            [
                SyncReport(
                    did=peer.did,
                    name=peer.name,
                    done=not problems[peer.did],
                    problem=problems[peer.did],
                    pending=(await asyncio.to_thread(exchanged, peer.did)).pending,
                )
                for peer in peers
            ]
        )

    def _to_sync(self, word: str) -> list[Peer]:
        if not word:
            return [peer for peer in self.book.peers() if peer.status is Trust.ALLOWED]
        peer = self.book.find(word)
        if self.book.admits(peer.did) is not Admission.ADMIT:
            hint = "cis peer allow admits it"
            raise Refused("CIS-P2P-062", f"{peer.name or peer.did} is not admitted", hint=hint)
        return [peer]

    async def pair_open(self, *, own: bool, name: str = "") -> Pairing:
        """Open a pairing code; see `Pairs.open`.

        Raises:
            Unavailable: peers cannot be reached from here (CIS-P2P-060, 061).
        """
        await self.live()
        return self.pairs.open(own=own, name=name)

    async def pair_join(self, code: str, *, at: str = "", own: bool, name: str = "") -> PeerInfo:
        """Type a pairing code that another node shows; see `Pairs.join`."""
        await self.live()
        return await self._told(await self.pairs.join(code, at=at, own=own, name=name))

    async def _changed(self, peer: Peer, change: str, *, again: bool = False) -> PeerInfo:
        await self._keep(peer)
        if self.sync is not None and change != "renamed":
            self.sync.peer_changed(peer.did, again=again)
        self._tell(EventType.PEER_CHANGED, {"peer": peer.did, "name": peer.name, "change": change})
        return await self._told(peer)

    async def _told(self, peer: Peer) -> PeerInfo:
        return await asyncio.to_thread(self._info, peer, self.node.links)
