"""What engines of several nodes do for each other: votes, and tasks of runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

from cis_tui.core.clock import Clock
from cis_tui.core.errors import CisError
from cis_tui.core.events import Event, EventType
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.dag.journal import Journal
from cis_tui.dag.peers.errands import Errands
from cis_tui.dag.peers.jobs import PROTOCOL as TASKS
from cis_tui.dag.peers.line import UNNAMED, Topic
from cis_tui.dag.peers.serving import FindSkill, JobService
from cis_tui.dag.peers.voting import PROTOCOL as VOTES
from cis_tui.dag.peers.voting import VoteService
from cis_tui.dag.runs import RunService
from cis_tui.p2p.link import Admission
from cis_tui.p2p.peers_db import Peer
from cis_tui.p2p.service import PeerService


class PeerLine:
    """Implements `Line` with the peers of a home."""

    def __init__(self, peers: PeerService, *, begins: bool = False) -> None:
        """`begins`: a request starts the node if that was to start later."""
        self._peers = peers
        self._begins = begins

    def admits(self, did: str) -> bool:
        """See `Line`."""
        return self._peers.book.admits(did) is Admission.ADMIT

    def is_own(self, did: str) -> bool:
        """See `Line`."""
        peer = self._known().get(did)
        return peer is not None and peer.own and self.admits(did)

    def name(self, did: str) -> str:
        """See `Line`."""
        peer = self._known().get(did)
        return peer.name if peer is not None else ""

    def named(self, name: str) -> tuple[str, ...]:
        """See `Line`."""
        return tuple(peer.did for peer in self._known().values() if name in (peer.did, peer.name))

    def pace(self, did: str) -> float:
        """See `Line`."""
        return 0.0

    async def request(self, did: str, protocol: str, body: bytes, *, timeout: float, topic: Topic = UNNAMED) -> bytes:
        """See `Line`."""
        node = await self._peers.live() if self._begins else self._peers.node
        return await node.request(did, protocol, body, timeout=timeout)

    def _known(self) -> dict[str, Peer]:
        """Those that may speak; nobody while the book cannot be read."""
        try:
            return {peer.did: peer for peer in self._peers.book.peers() if self.admits(peer.did)}
        except CisError:
            return {}


class Nodes:
    """Votes and tasks between this engine and others. On its event loop."""

    def __init__(
        self,
        *,
        peers: PeerService,
        identity: Identity,
        runs: RunService,
        journal: Journal,
        home: Home,
        clock: Clock,
        find_skill: FindSkill,
        exposed: Callable[[], Collection[str]],
    ) -> None:
        """See `JobService` for `find_skill` and `exposed`."""
        self.errands = Errands(PeerLine(peers, begins=True), identity)
        line = PeerLine(peers)
        self._votes = VoteService(
            line=line,
            identity=identity,
            decisions=runs.decisions,
            history=runs.history,
            journal=journal,
            clock=clock,
        )
        self._jobs = JobService(
            line=line,
            identity=identity,
            runs=runs,
            journal=journal,
            home=home,
            find_skill=find_skill,
            exposed=exposed,
        )
        self._bus = journal.bus
        self._unsubscribe: Callable[[], None] = lambda: None
        peers.serve(VOTES, self._votes.serve)
        peers.serve(TASKS, self._jobs.serve)

    async def start(self) -> None:
        """Go on with what was open when the engine ended; to be called before the network starts."""
        loop = asyncio.get_running_loop()

        def hear(event: Event) -> None:
            if event.type in (EventType.PEER_CONNECTED, EventType.PEER_CHANGED):
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._votes.connected, str(event.data.get("peer", "")))

        await self._votes.start()
        await self._jobs.start()
        self._unsubscribe = self._bus.subscribe(hear)

    async def close(self) -> None:
        """Say and take nothing more; to be called when no run goes on any more."""
        self._unsubscribe()
        await self._votes.close()
        await self._jobs.close()
