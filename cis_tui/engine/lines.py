"""The ways to other nodes: peer to peer to those that are connected so, else by the room in which nodes meet."""

from __future__ import annotations

from contextlib import suppress

from cis_tui.core.errors import CisError
from cis_tui.dag.peers.jobs import PROTOCOL as TASKS
from cis_tui.dag.peers.line import UNNAMED, Topic
from cis_tui.dag.peers.serving import JobService
from cis_tui.dag.peers.voting import PROTOCOL as VOTES
from cis_tui.dag.peers.voting import VoteService
from cis_tui.matrix.answering import Way
from cis_tui.matrix.line import PACE, RoomLine
from cis_tui.matrix.service import MatrixService
from cis_tui.p2p.link import Admission
from cis_tui.p2p.peers_db import Peer
from cis_tui.p2p.service import PeerService

_ENTERING = 5.0
"""Seconds that the room is waited for."""
_ASKS = ("confirmed", "arbitrated")
"""Levels of tasks of which a person is asked: up to them, a node may want what is not exposed."""


class NodeLine:
    """Implements `Line` with the peers of a home, and the room in which it meets others."""

    def __init__(self, peers: PeerService, room: RoomLine, matrix: MatrixService, *, begins: bool = False) -> None:
        """`begins`: a request starts the network of peers, or the homeserver is asked, if that was to be later."""
        self._peers = peers
        self._room = room
        self._matrix = matrix
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
        return PACE if self._by_room(did) else 0.0

    async def request(self, did: str, protocol: str, body: bytes, *, timeout: float, topic: Topic = UNNAMED) -> bytes:
        """See `Line`. Each question goes the way that there is when it is asked."""
        if self._by_room(did):
            return await self._room.request(did, protocol, body, timeout=timeout, topic=topic)
        if not self._peers.wanted and await self._meets():
            raise self._room.away(did)  # there is no other way, and this one may come back
        node = await self._peers.live() if self._begins else self._peers.node
        return await node.request(did, protocol, body, timeout=timeout)

    async def _meets(self) -> bool:
        """Whether there is a room, be its homeserver there now or not; it is entered if that was to be later."""
        if self._begins:
            with suppress(CisError):
                await self._matrix.live(timeout=_ENTERING)
        return self._matrix.account is not None

    def _by_room(self, did: str) -> bool:
        return did not in self._peers.node.links and self._room.reaches(did)

    def _known(self) -> dict[str, Peer]:
        """Those that may speak; nobody while the book cannot be read."""
        try:
            return {peer.did: peer for peer in self._peers.book.peers() if self.admits(peer.did)}
        except CisError:
            return {}


def speak(room: RoomLine, matrix: MatrixService, votes: VoteService, jobs: JobService) -> None:
    """Let votes and tasks be asked for, and answered, in the room."""

    async def vote(did: str, kind: str, body: bytes, age: float) -> bytes:
        return await votes.serve(did, body, age=age)

    async def work(did: str, kind: str, body: bytes, age: float) -> bytes:
        return await jobs.serve(did, body, age=age, asks=matrix.policy.grant(did).level in _ASKS)

    room.speak(
        Way(
            VOTES,
            {"motion": "proposal", "ballot": "vote", "look": "vote"},
            "vote.answer",
            {"proposal": "propose", "vote": "vote"},
            vote,
        )
    )
    kinds = {"run": "task.request", "news": "task.follow", "end": "task.end"}
    room.speak(Way(TASKS, kinds, "task.answer", dict.fromkeys(kinds.values(), "task"), work))
