"""Keeping connections: whom to dial, where, and when again."""

# libp2p brings stubs of an old trio (trio-typing), which know neither its cancel scopes nor its nurseries as they are.
# pyright: reportUnknownMemberType=false, reportCallIssue=false

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Sequence

import trio

from cis_tui.core.errors import Unavailable
from cis_tui.p2p.addresses import Address
from cis_tui.p2p.connection import Connection, Connections

MAX_KEPT = 256
"""Peers that are kept connected."""
MAX_TRIED = 8
"""Addresses of one peer that are tried."""
MAX_OF_SOURCE = 32
"""Addresses of one peer that one source may name."""
LONGEST_WAIT = 60.0
"""Seconds between two attempts, at most."""
_DIALS = 16
_YIELD = 0.3
"""Seconds by which the side with the greater DID lets the other one dial first."""

Dial = Callable[[str, Sequence[Address], float], Awaitable[Connection]]
"""Connects with a peer at one of its addresses; the last is the patience with each, in seconds."""


def wait_before(failed: int, away: float, chance: float) -> float:
    """Seconds until the next attempt, after `failed` ones, for a peer that is away for `away` seconds.

    Less than half a second for a start, and then a thirtieth of the absence: a peer that comes back is found within a
    small part of the time that it was away. `chance`, from 0 to 1, shortens it by up to a quarter.
    """
    soon = min(0.4, 0.1 * 2 ** min(failed, 10))
    return min(LONGEST_WAIT, max(soon, away / 30)) * (1 - chance / 4)


def patience_for(away: float) -> float:
    """Seconds that an attempt may take to get through to a machine that is away for `away` seconds.

    Few at first, when the next attempt follows soon: a packet that was lost is sent again after one, then two seconds.
    """
    return 0.8 if away < 60 else 4.0


class Kept:
    """A peer that should be connected, and what is known of where it is."""

    def __init__(self, did: str) -> None:
        self.did = did
        self.changed = trio.Event()
        self.scope = trio.CancelScope()
        self.worked: Address | None = None
        """Where it was reached last."""
        self._named: dict[str, tuple[Address, ...]] = {}

    def named(self, source: str, addresses: Iterable[Address]) -> bool:
        """Take over what `source` says; whether that is new."""
        few = tuple(dict.fromkeys(addresses))[:MAX_OF_SOURCE]
        new = not set(few) <= set(self._named.get(source, ()))
        self._named[source] = few
        return new

    def addresses(self) -> tuple[Address, ...]:
        """Where to try: first where it worked, then one of each source in turn, in any order.

        So lies crowd nothing out for good, however many there are.
        """
        worked = (self.worked,) if self.worked is not None else ()
        sources = [random.sample(named, len(named)) for named in self._named.values()]
        turns = [named[place] for place in range(MAX_OF_SOURCE) for named in sources if place < len(named)]
        return tuple(dict.fromkeys((*worked, *turns)))[:MAX_TRIED]


class Keeper:
    """Dials the peers that should be connected, whenever they are not. Lives in the trio thread."""

    def __init__(self, own: str, connections: Connections, dial: Dial) -> None:
        self._own = own
        self._connections = connections
        self._dial = dial
        self._kept: dict[str, Kept] = {}
        self._dials = trio.CapacityLimiter(_DIALS)
        self._nursery: trio.Nursery | None = None
        connections.changed = self.wake

    async def run(self) -> None:
        """Work until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for kept in tuple(self._kept.values()):
                nursery.start_soon(self._keep, kept)
            await trio.sleep_forever()

    def keep(self, did: str, addresses: Iterable[Address]) -> None:
        """Stay connected with the peer; `addresses` are what is remembered of it."""
        kept = self._kept.get(did)
        if kept is None and len(self._kept) < MAX_KEPT and did != self._own:
            kept = self._kept[did] = Kept(did)
            if self._nursery is not None:
                self._nursery.start_soon(self._keep, kept)
        if kept is not None:
            kept.named("kept", addresses)
            kept.changed.set()

    def forget(self, did: str) -> None:
        """No longer stay connected with the peer."""
        if kept := self._kept.pop(did, None):
            kept.scope.cancel()

    def found(self, did: str, source: str, addresses: Iterable[Address]) -> None:
        """Take note of where `source` says that the peer is."""
        kept = self._kept.get(did)
        if kept is not None and kept.named(source, addresses):
            kept.changed.set()

    def addresses(self, did: str) -> tuple[Address, ...]:
        """Where the peer is thought to be."""
        kept = self._kept.get(did)
        return kept.addresses() if kept is not None else ()

    def missing(self) -> list[str]:
        """Peers that should be connected and are not."""
        return [did for did in self._kept if self._connections.best(did) is None]

    def wake(self, did: str) -> None:
        """Look at the peer again: it came, went, or can be expected."""
        if kept := self._kept.get(did):
            kept.changed.set()

    def wake_all(self) -> None:
        """Look at every peer again: the network has changed."""
        for kept in self._kept.values():
            kept.changed.set()

    async def _keep(self, kept: Kept) -> None:
        with kept.scope:
            while True:
                await self._until_lost(kept)
                await self._until_connected(kept)

    async def _until_lost(self, kept: Kept) -> None:
        while connection := self._connections.best(kept.did):
            kept.changed = trio.Event()
            if connection.line.is_initiator:
                kept.worked = connection.dialled or kept.worked
            await kept.changed.wait()

    async def _until_connected(self, kept: Kept) -> None:
        lost, failed = trio.current_time(), 0
        if self._own > kept.did:
            with trio.move_on_after(_YIELD):
                await kept.changed.wait()
        while not self._connections.best(kept.did):
            kept.changed = trio.Event()
            away = trio.current_time() - lost
            if addresses := kept.addresses():
                try:
                    async with self._dials:
                        await self._dial(kept.did, addresses, patience_for(away))
                    return
                except Unavailable:
                    failed += 1
            with trio.move_on_after(wait_before(failed, away, random.random())):
                await kept.changed.wait()
