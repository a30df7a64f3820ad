"""The live connections of a node, by peer."""

# libp2p brings stubs of an old trio (trio-typing), which know neither its cancel scopes nor its nurseries as they are.
# pyright: reportUnknownMemberType=false, reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import trio

from cis_tui.core.clock import Instant
from cis_tui.p2p.addresses import Address
from cis_tui.p2p.limits import Allowances
from cis_tui.p2p.link import Admission, Link, LinkEvent, LinkEventKind
from cis_tui.p2p.wire import KeptYamux, TcpLine

MAX_ADMITTED = 256
"""Connections with admitted peers."""
MAX_GUESTS = 16
"""Connections with peers that may only pair."""
MAX_OF_ONE = 3
"""Connections with one peer: two may cross, and one may be dead without being known to be."""
GUEST_STAY = 300.0
"""Seconds that a peer may stay that is not admitted."""
REQUESTS = (100.0, 500.0)
"""Requests of a peer, over all its connections: so many a second, and so many at once."""
GUEST_REQUESTS = (2.0, 20.0)


class Connection:
    """One connection with a proven key."""

    def __init__(self, did: str, line: TcpLine, muxed: KeptYamux, opened: Instant, admission: Admission) -> None:
        self.did = did
        self.line = line
        self.muxed = muxed
        self.opened = opened
        self.admission = admission
        self.streams = 0
        self.spoken: set[str] = set()
        """Protocols that the other side is known to speak."""
        self.dialled: Address | None = None
        """Where this side dialled."""

    @property
    def alive(self) -> bool:
        return not self.muxed.event_shutting_down.is_set()

    @property
    def link(self) -> Link:
        """This connection, for others to see."""
        line = self.line
        return Link(
            self.did, line.addr, line.is_initiator, self.opened, self.muxed.latency, line.bytes_in, line.bytes_out
        )

    async def close(self) -> None:
        """Say goodbye if the other side listens, and close."""
        with trio.move_on_after(0.5), suppress(Exception):
            await self.muxed.close()
        await self.line.close()


class Connections:
    """All connections; says when a peer comes and when the last connection with it has gone."""

    def __init__(self, own: str, emit: Callable[[LinkEvent], None]) -> None:
        self._own = own
        self._emit = emit
        self._of: dict[str, list[Connection]] = {}
        self._announced: set[str] = set()
        self._peers, self._guests = Allowances(*REQUESTS), Allowances(*GUEST_REQUESTS)
        self.changed: Callable[[str], None] = lambda did: None
        """Called with the DID of a peer that came or went."""

    def every(self) -> list[Connection]:
        return [connection for connections in self._of.values() for connection in connections]

    def best(self, did: str) -> Connection | None:
        """The newest connection with the peer: if one of several is dead, it is an older one."""
        return next((one for one in reversed(self._of.get(did, [])) if one.alive), None)

    def links(self) -> dict[str, Link]:
        """A live connection for each admitted peer. May be called in any thread."""
        found: dict[str, Link] = {}
        for did, connections in tuple(self._of.items()):
            for one in tuple(connections):
                if one.alive and one.admission is Admission.ADMIT:
                    found[did] = one.link
        return found

    def no_room(self, did: str, admission: Admission) -> str:
        """Why one more connection with the peer is not taken; empty if it is."""
        every = self.every()
        if admission is Admission.PAIRING and sum(one.admission is Admission.PAIRING for one in every) >= MAX_GUESTS:
            return "too many others are pairing"
        if len(every) >= MAX_ADMITTED + MAX_GUESTS and did not in self._of:
            return "too many peers are connected"
        return ""

    def add(self, connection: Connection, nursery: trio.Nursery) -> None:
        """Take a new connection into use; `nursery` is the one that lives as long as it does."""
        others = self._of.setdefault(connection.did, [])
        others.append(connection)
        if len(others) > MAX_OF_ONE:
            nursery.start_soon(others[0].line.close)
        if len(others) > 1:
            nursery.start_soon(self._settle, connection.did)
        if connection.admission is Admission.PAIRING:
            nursery.start_soon(_show_out, connection)
        self.admitted(connection, connection.admission)
        self.changed(connection.did)

    def admitted(self, connection: Connection, admission: Admission) -> Admission:
        """Take note of what the gate says about the peer of `connection` now."""
        connection.admission = admission
        if admission is Admission.ADMIT and connection.did not in self._announced and connection.alive:
            self._announced.add(connection.did)
            self._emit(LinkEvent(LinkEventKind.CONNECTED, did=connection.did, addr=connection.line.addr))
        return admission

    def allows(self, connection: Connection) -> bool:
        """Whether the peer may make one more request now; coming anew gives it no more."""
        allowances = self._peers if connection.admission is Admission.ADMIT else self._guests
        return allowances.take(connection.did, trio.current_time())

    def remove(self, connection: Connection) -> None:
        others = self._of.get(connection.did, [])
        if connection in others:
            others.remove(connection)
        if others:
            return
        self._of.pop(connection.did, None)
        if connection.did in self._announced:
            self._announced.discard(connection.did)
            self._emit(LinkEvent(LinkEventKind.DISCONNECTED, did=connection.did, addr=connection.line.addr))
        self.changed(connection.did)

    async def _settle(self, did: str) -> None:
        """Of several connections with a peer keep one: both sides choose what the one with the lesser DID dialled."""
        await trio.sleep(0.5)
        for older in self._of.get(did, [])[:-1]:
            if not await older.muxed.answers():
                await older.line.close()
        if self._own > did:
            return
        alive = [one for one in self._of.get(did, []) if one.alive]
        alive.sort(key=lambda one: (not one.line.is_initiator, one.opened))
        for spare in alive[1:]:
            if not spare.muxed.streams:
                await spare.close()

    async def close(self, did: str) -> None:
        """Close every connection with the peer."""
        async with trio.open_nursery() as nursery:
            for connection in tuple(self._of.get(did, [])):
                nursery.start_soon(connection.close)

    async def close_all(self) -> None:
        """Close everything."""
        async with trio.open_nursery() as nursery:
            for connection in self.every():
                nursery.start_soon(connection.close)


async def _show_out(connection: Connection) -> None:
    """Close the connection of a guest that is not admitted in time."""
    await trio.sleep(GUEST_STAY)
    if connection.admission is not Admission.ADMIT:
        await connection.close()
