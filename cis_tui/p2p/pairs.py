"""Pairing as the engine offers it: one code that is open here, any that is typed here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from cis_tui.core.clock import Clock
from cis_tui.core.errors import NotFound
from cis_tui.core.events import EventType
from cis_tui.p2p.book import PeerBook, denied_here
from cis_tui.p2p.cards import PROTOCOL, Card
from cis_tui.p2p.happenings import Happenings
from cis_tui.p2p.joining import Joining
from cis_tui.p2p.link import Admission, LinkEvent, LinkEventKind
from cis_tui.p2p.model import Pairing, PairingState, Trust
from cis_tui.p2p.names import name_of, own_name
from cis_tui.p2p.node import PeerNode
from cis_tui.p2p.opening import Opening
from cis_tui.p2p.peers_db import Peer

_TIMEOUT = 8.0
"""Seconds for one request, with the dial before it."""


class Pairs:
    """Both sides admit each other at once: each when the other has proven that it knows the code."""

    def __init__(
        self,
        own_did: str,
        book: PeerBook,
        node: PeerNode,
        happenings: Happenings,
        tell: Callable[[EventType, Mapping[str, object]], object],
        *,
        clock: Clock,
    ) -> None:
        self._own_did = own_did
        self._book = book
        self._node = node
        self._happenings = happenings
        self._tell = tell
        self._own, self._name = True, ""
        self._rechecks: set[asyncio.Task[None]] = set()
        self.opening = Opening(own_did, self._admit, on_wrong=self._guessed, on_end=self._over, clock=clock)
        self._joining: set[Joining] = set()
        node.serve(PROTOCOL, self.opening.answer, anyone=True)
        book.may_pair = self._may_pair

    def _may_pair(self, did: str) -> bool:
        return self.opening.open or any(did in joining.asked for joining in tuple(self._joining))

    def open(self, *, own: bool, name: str = "") -> Pairing:
        """Open a code; `own`: the other side is a node of the same person; `name`: what it shall be called here.

        Raises:
            Invalid: the name cannot be used (CIS-P2P-046).
        """
        self._own, self._name = own, name_of(name)
        return self.opening.begin(Card(own_name(), own))

    async def wait(self, id: str) -> Pairing:
        """How it ended, when it has; if the caller does not wait so long, the code is taken back.

        Raises:
            NotFound: there is no such pairing (CIS-P2P-052).
        """
        try:
            return await self.opening.wait(id)
        except asyncio.CancelledError:
            with suppress(NotFound):
                self.opening.cancel(id)
            raise

    def close(self) -> None:
        """Take an open code back."""
        self.opening.close()

    async def join(self, code: str, *, at: str = "", own: bool, name: str = "") -> Peer:
        """Prove to whoever shows `code` that it was typed here, and admit each other.

        Raises:
            Invalid: the name cannot be used (CIS-P2P-046).
            CisError: see `Joining.join`; also Refused for a peer that was denied here (CIS-P2P-057).
        """
        called = name_of(name)
        joining = Joining(self._own_did, self._ask, self._near)
        self._joining.add(joining)
        try:
            did, card = await joining.join(code, Card(own_name(), own), at=at)
            peer = await self._write(did, card, own=own, name=called)
            if at:
                peer = await asyncio.to_thread(self._book.add, at)
        finally:
            self._joining.discard(joining)
            await self._node.recheck()
        self._node.keep(did, peer.addrs)
        return peer

    async def _ask(self, did: str, addrs: Sequence[str], body: bytes) -> bytes:
        if self._book.admits(did) is Admission.REFUSE:
            raise denied_here(did)
        return await self._node.request(did, PROTOCOL, body, timeout=_TIMEOUT, addrs=addrs)

    def _near(self) -> Iterable[tuple[str, Sequence[str]]]:
        """Who was found around here, the latest first, but for those that were denied."""
        denied = {peer.did for peer in self._book.peers() if peer.status is Trust.DENIED}
        return [(did, addrs) for did, addrs in reversed(self._happenings.near.items()) if did not in denied]

    async def _admit(self, did: str, card: Card) -> str:
        """Admit who has typed the code that is open here."""
        peer = await self._write(did, card, own=self._own, name=self._name)
        self._node.keep(did, peer.addrs)
        return peer.name

    async def _write(self, did: str, card: Card, *, own: bool, name: str) -> Peer:
        both = own and card.own
        peer = await asyncio.to_thread(
            lambda: self._book.admit_paired(did, name=name or card.name, own=both, renames=bool(name))
        )
        self._tell(EventType.PEER_CHANGED, {"peer": did, "name": peer.name, "change": "allowed"})
        return peer

    def _guessed(self, did: str, left: int) -> None:
        reason = (
            f"gave a wrong pairing code; {left} more and it is closed" if left else "gave the last wrong pairing code"
        )
        self._happenings.heard(LinkEvent(LinkEventKind.REFUSED, did=did, reason=reason))

    def _over(self, pairing: Pairing) -> None:
        paired = pairing.state is PairingState.PAIRED
        told = {"peer": pairing.did, "name": pairing.name} if paired else {}
        self._tell(EventType.PAIRING_ENDED, {**told, "change": pairing.state.value})
        task = asyncio.create_task(self._node.recheck())  # who came to pair, and was not, has to leave
        self._rechecks.add(task)
        task.add_done_callback(self._rechecks.discard)
