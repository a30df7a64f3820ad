"""The peer book: who is known, who may speak, and what a person says about them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from cis_tui.core.clock import Clock, utc_now
from cis_tui.core.errors import CisError, Invalid, NotFound, Refused
from cis_tui.core.paths import Home
from cis_tui.core.text import clean_line
from cis_tui.p2p.limits import Allowance
from cis_tui.p2p.link import Admission
from cis_tui.p2p.model import Mode, Trust, Via
from cis_tui.p2p.names import name_of, plain_name, read_address, read_did
from cis_tui.p2p.peers_db import Peer, PeersDb

log = logging.getLogger(__name__)

PENDING = 200
"""Peers of which nobody has said anything that are kept; of more, those seen last."""
_ADDRS = 6
"""Addresses of a peer that are kept of those that were announced, and of those that were given."""
_PREFIXES, _PREFIX_LENGTH = 64, 256
_STRANGERS = (1 / 6, 20)
"""New strangers that are written down: so many a second, so many at once."""
_FRESH = 60.0
"""Seconds for which it need not be written again that a peer was seen."""


class PeerBook:
    """`peers.db` and the mode of this node; the `Gate` of its network.

    `admits` and `share` may be called from any thread and answer from memory; what changes something blocks until it is
    durable. Any process may change the file: it holds from the next question on.
    """

    def __init__(
        self,
        home: Home,
        *,
        own_did: str,
        mode: Mode = Mode.WHITELIST,
        share: tuple[str, ...] = ("",),
        clock: Clock = utc_now,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.mode = mode
        self.may_pair: Callable[[str], bool] = lambda did: False
        """Whether a peer that is not admitted may speak of pairing right now."""
        self._own_did = own_did
        self._share = share
        self._clock = clock
        self._steady = steady
        self._strangers = Allowance(*_STRANGERS, steady())
        self._db = PeersDb(home)
        self._unreadable = False

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def settle(self, mode: Mode, share: tuple[str, ...]) -> None:
        """What holds from now on; who is connected has to be asked about again."""
        self.mode, self._share = mode, share

    # What the network asks

    def admits(self, did: str) -> Admission:
        """What a peer may do that has proven `did`; nothing while the book cannot be read."""
        if self.mode is Mode.SOLITARY or did == self._own_did:
            return Admission.REFUSE
        try:
            peer = self._db.peers().get(did)
        except CisError as error:
            if not self._unreadable:
                log.error("every peer is refused: %s", error.message)
            self._unreadable = True
            return Admission.REFUSE
        self._unreadable = False
        status = peer.status if peer else Trust.PENDING
        if status is Trust.DENIED:
            return Admission.REFUSE
        if status is Trust.ALLOWED or self.mode is Mode.OPEN:
            return Admission.ADMIT
        return Admission.PAIRING if self.mode is Mode.QUARANTINE or self.may_pair(did) else Admission.REFUSE

    def status(self, did: str) -> Trust:
        """What a person has said of `did`.

        Raises:
            Unavailable, Invalid: the book cannot be read (CIS-P2P-043, 044).
        """
        peer = self._db.peers().get(did)
        return peer.status if peer else Trust.PENDING

    def share(self, did: str) -> tuple[str, ...]:
        """Beginnings of the public keys that `did` is given; one empty text is all of them, no text none.

        Raises:
            Unavailable, Invalid: the book cannot be read (CIS-P2P-043, 044).
        """
        if self.admits(did) is not Admission.ADMIT:
            return ()
        peer = self._db.peers().get(did)
        return self._share if peer is None or peer.share is None else peer.share

    # What is known

    def peers(self) -> tuple[Peer, ...]:
        """Everybody, those that were allowed first, then by name.

        Raises:
            Unavailable, Invalid: the book cannot be read (CIS-P2P-043, 044).
        """
        order = {Trust.ALLOWED: 0, Trust.PENDING: 1, Trust.DENIED: 2}
        return tuple(sorted(self._db.peers().values(), key=lambda peer: (order[peer.status], peer.name, peer.did)))

    def find(self, word: str) -> Peer:
        """The peer that `word` means: its DID, its peer id, its name, or an unambiguous beginning of the DID.

        Raises:
            NotFound: nobody, or more than one (CIS-P2P-040, 041).
        """
        peers = self._db.peers()
        return peers[_resolve(peers, word)]

    # What a person says

    def add(self, text: str, via: Via = Via.MANUAL) -> Peer:
        """Remember an address of a peer, which need not be known before.

        Raises:
            Invalid: it is none, or that of this node (CIS-P2P-007, 042, 045).
        """
        address = read_address(text)
        self._not_myself(address.did)

        def act(peer: Peer) -> Peer:
            given = tuple(dict.fromkeys((str(address), *peer.given)))[:_ADDRS]
            return replace(peer, given=given)

        return self._alter(address.did, act, via=via)

    def allow(self, word: str, *, name: str = "", own: bool | None = None) -> Peer:
        """Admit a peer, also one that was not seen yet; `own`: whether it is one of the person's own nodes.

        Raises:
            NotFound: `word` is no DID in full and means nobody (CIS-P2P-040, 041).
            Invalid: it is this node, or the name cannot be used (CIS-P2P-045, 046).
        """

        called = name_of(name)

        def act(peer: Peer) -> Peer:
            mine = peer.own if own is None else own
            return replace(peer, status=Trust.ALLOWED, own=mine, name=called or peer.name)

        return self._alter(word, act)

    def deny(self, word: str) -> Peer:
        """Refuse a peer from now on, also one that was not seen yet. It is no node of the person's own any more.

        Raises:
            NotFound, Invalid: as for `allow`.
        """
        return self._alter(word, lambda peer: replace(peer, status=Trust.DENIED, own=False))

    def rename(self, word: str, name: str) -> Peer:
        """Call a peer `name`; empty: nothing.

        Raises:
            NotFound: `word` means nobody (CIS-P2P-040, 041).
            Invalid: the name cannot be used (CIS-P2P-046).
        """
        called = name_of(name)
        return self._alter(word, lambda peer: replace(peer, name=called), known=True)

    def set_share(self, word: str, prefixes: tuple[str, ...] | None) -> Peer:
        """Give a peer the public keys with these beginnings only; None: those of `[p2p] share`.

        Raises:
            NotFound: `word` means nobody (CIS-P2P-040, 041).
            Invalid: there are too many, or one is no beginning of a key (CIS-P2P-047).
        """
        for prefix in prefixes or ():
            if len(prefix) > _PREFIX_LENGTH or clean_line(prefix) != prefix:
                raise Invalid("CIS-P2P-047", f'no key begins with "{clean_line(prefix, limit=80)}"')
        if len(prefixes or ()) > _PREFIXES:
            raise Invalid("CIS-P2P-047", f"more than {_PREFIXES} beginnings of keys")
        share = None if prefixes is None else ("",) if "" in prefixes else tuple(dict.fromkeys(prefixes))
        return self._alter(word, lambda peer: replace(peer, share=share), known=True)

    def forget(self, word: str) -> Peer:
        """Remove a peer from the book; it is a stranger again.

        Raises:
            NotFound: `word` means nobody (CIS-P2P-040, 041).
        """
        gone: list[Peer] = []

        def act(peers: dict[str, Peer]) -> list[Peer | str]:
            gone.append(peers[_resolve(peers, word)])
            return [gone[0].did]

        self._db.change(act)
        return gone[0]

    def admit_paired(self, did: str, *, name: str, own: bool, renames: bool = False) -> Peer:
        """Admit a peer that has proven to know the code.

        It is called `name`, with a number if that is taken, unless it has a name and this one does not rename it.

        Raises:
            Refused: it was denied meanwhile (CIS-P2P-057).
            Unavailable, Invalid: the book cannot be written (CIS-P2P-043, 044).
        """

        def act(peers: dict[str, Peer]) -> list[Peer | str]:
            peer = peers.get(did) or Peer(did, via=Via.PAIRING, first_seen=self._clock())
            if peer.status is Trust.DENIED:
                raise denied_here(did)
            others = [other for other in peers.values() if other.did != did]
            called = peer.name if peer.name and not renames else _free_name(others, plain_name(name))
            return [replace(peer, status=Trust.ALLOWED, name=called, own=own, last_seen=self._clock())]

        self._db.change(act)
        return self._db.peers()[did]

    # What the network saw

    def saw(self, did: str, addrs: Iterable[str], via: Via) -> Peer | None:
        """Note that a peer was seen; the peer if it is a stranger that was not known before.

        Strangers are written down at a bounded rate and number; of one that comes too often, nothing is.
        """
        known = self._db.peers().get(did)
        found = tuple(addr for addr in addrs if len(addr) <= _PREFIX_LENGTH)[:_ADDRS]
        if did == self._own_did or (known is None and not self._strangers.take(self._steady())):
            return None
        if known is not None and not self._news(known, found):
            return None

        def act(peers: dict[str, Peer]) -> list[Peer | str]:
            now = self._clock()
            peer = peers.get(did) or Peer(did, via=via, first_seen=now)
            merged = tuple(dict.fromkeys((*found, *peer.found)))[:_ADDRS]
            peer = replace(peer, found=merged, first_seen=peer.first_seen or now, last_seen=now)
            return [peer, *_too_many(peers, peer)]

        self._db.change(act)
        return self._db.peers().get(did) if known is None else None

    def met(self, did: str, addr: str) -> None:
        """Note that a peer, which has proven its key, was connected at `addr` (empty when it came by itself)."""
        known = self._db.peers().get(did)
        if known is None or (not self._news(known, ()) and addr in ("", known.proven)):
            return

        def act(peers: dict[str, Peer]) -> list[Peer | str]:
            now, peer = self._clock(), peers.get(did)
            if peer is None:
                return []
            return [replace(peer, proven=addr or peer.proven, first_seen=peer.first_seen or now, last_seen=now)]

        self._db.change(act)

    def _news(self, peer: Peer, found: tuple[str, ...]) -> bool:
        """Whether it is worth a write that a known peer was seen."""
        fresh = peer.last_seen is not None and self._clock() - peer.last_seen < _FRESH
        return not fresh or (peer.status is Trust.ALLOWED and not set(found) <= set(peer.found))

    def _alter(self, word: str, act: Callable[[Peer], Peer], *, known: bool = False, via: Via = Via.MANUAL) -> Peer:
        """Write what `act` makes of the peer that `word` means; unless `known`, a DID in full may be a new one."""
        done: list[Peer] = []

        def change(peers: dict[str, Peer]) -> list[Peer | str]:
            did = "" if known else read_did(word)
            did = did or _resolve(peers, word)
            self._not_myself(did)
            peer = act(peers.get(did) or Peer(did, via=via))
            _check_name(peers.values(), peer)
            done.append(peer)
            return [peer]

        self._db.change(change)
        return done[0]

    def _not_myself(self, did: str) -> None:
        if did == self._own_did:
            raise Invalid("CIS-P2P-045", "that is this node itself", hint="cis peer id prints it")


def denied_here(did: str) -> Refused:
    """The error for a pairing with a peer that a person has denied."""
    return Refused("CIS-P2P-057", "the other side was denied here", hint=f"cis peer allow {did} takes that back")


def _resolve(peers: Mapping[str, Peer], word: str) -> str:
    """The DID that `word` means among `peers`."""
    did = read_did(word)
    if did in peers:
        return did
    named = [peer.did for peer in peers.values() if peer.name and peer.name == word]
    start = word if word.startswith("did:") else f"did:key:{word}"
    close = [did for did in peers if len(start) >= len("did:key:z6Mk") + 1 and did.startswith(start)]
    for found in (named, close):
        if len(found) == 1:
            return found[0]
        if found:
            hint = "give more of the DID; cis peer list --json has them in full"
            raise NotFound("CIS-P2P-041", f"{clean_line(word, limit=80)} can be {len(found)} peers", hint=hint)
    what = clean_line(did or word, limit=80)
    raise NotFound("CIS-P2P-040", f"no peer is known as {what}", hint="cis peer list shows all that are known")


def _check_name(peers: Iterable[Peer], peer: Peer) -> None:
    if peer.name and any(other.name == peer.name and other.did != peer.did for other in peers):
        raise Invalid("CIS-P2P-046", f'another peer is called "{peer.name}"', hint="choose another name")


def _free_name(peers: Iterable[Peer], name: str) -> str:
    """`name`, with a number if it is taken; empty for none."""
    taken = {peer.name for peer in peers}
    for number in range(1, len(taken) + 2):
        numbered = name if number == 1 else f"{name[:34]} {number}"
        if numbered not in taken or not name:
            return numbered
    return ""


def _too_many(peers: Mapping[str, Peer], coming: Peer) -> list[str]:
    """The strangers that make room for `coming`: those not seen for the longest time."""
    pending = [peer for peer in peers.values() if peer.status is Trust.PENDING and not (peer.given or peer.name)]
    pending = [peer for peer in pending if peer.did != coming.did]
    pending.sort(key=lambda peer: peer.last_seen or 0.0)
    return [peer.did for peer in pending[: max(0, len(pending) + 1 - PENDING)]]
