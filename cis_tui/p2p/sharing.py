"""What the peer book says about what is exchanged with whom, and how peers and memory are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cis_tui.core.clock import Clock, utc_now
from cis_tui.core.errors import CisError
from cis_tui.core.events import EventType
from cis_tui.core.identity import Identity
from cis_tui.core.text import clean_line
from cis_tui.memory.service import MemoryService
from cis_tui.p2p.book import PeerBook
from cis_tui.p2p.link import Admission, LinkEvent, LinkEventKind
from cis_tui.p2p.model import Mode, Trust
from cis_tui.p2p.service import PeerService
from cis_tui.p2p.syncing import EVERY, Syncing
from cis_tui.sync.messages import PROTOCOL
from cis_tui.sync.service import SyncService
from cis_tui.sync.sharing import Access, Limits


class BookPolicy:
    """`sync.sharing.Policy` by the peer book; nothing is exchanged while that cannot be read."""

    def __init__(self, book: PeerBook) -> None:
        self._book = book

    def access(self, did: str) -> Access:
        """All with who is admitted; in quarantine, what others bring is held aside."""
        if self._book.admits(did) is Admission.ADMIT:
            return Access.FULL
        try:
            held = self._book.mode is Mode.QUARANTINE and self._book.status(did) is Trust.PENDING
        except CisError:
            held = False
        return Access.HELD if held else Access.NONE

    def prefixes(self, did: str) -> Sequence[str]:
        """See `PeerBook.share`: what is given to a peer is also what is taken from it."""
        try:
            return self._book.share(did)
        except CisError:
            return ()

    def denied(self, did: str) -> bool:
        """Whether a person has denied who made something."""
        return self._book.status(did) is Trust.DENIED


def sync_with(
    peers: PeerService,
    memory: MemoryService,
    identity: Identity,
    *,
    tell: Callable[[EventType, Mapping[str, object]], object] = lambda what, data: None,
    clock: Clock = utc_now,
    every: float = EVERY,
    limits: Limits | None = None,
) -> Syncing:
    """Let public memory become one with that of `peers`, once their node is live; to be called before it begins."""
    policy = BookPolicy(peers.book)

    def refused(peer: str, error: CisError) -> None:
        count = error.context.get("count", 1)
        reason = error.message if count == 1 else f"{error.message} ({count} alike)"
        syncing.on_loop(lambda: peers.happenings.heard(LinkEvent(LinkEventKind.REFUSED, peer, reason=reason)))

    def allowed() -> list[str]:
        return [peer.did for peer in peers.book.peers() if peer.status is Trust.ALLOWED]

    def twin(peer: str, key: str) -> None:
        syncing.on_loop(
            lambda: peers.happenings.twin(f"it has written {clean_line(key, limit=80)}, which {peer} brought")
        )

    def make(behind: Callable[[str], None]) -> SyncService:
        return SyncService(
            memory=memory,
            identity=identity,
            policy=policy,
            clock=clock,
            limits=limits,
            on_event=lambda kind, data: syncing.told(kind, data),
            on_refused=refused,
            on_behind=behind,
            on_twin=twin,
        )

    syncing = Syncing(
        memory=memory,
        policy=policy,
        carrier=peers.node,
        allowed=allowed,
        make=make,
        tell=tell,
        clock=clock,
        every=every,
    )
    # In quarantine others speak too: what they bring is held aside.
    peers.serve(PROTOCOL, syncing.answer, anyone=True)
    peers.sync = syncing
    return syncing
