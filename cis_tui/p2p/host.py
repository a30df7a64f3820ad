"""The node inside its trio thread: it listens, dials, and serves each connection as long as it lives."""

# libp2p brings stubs of an old trio (trio-typing), which know neither its cancel scopes nor its nurseries as they are.
# pyright: reportUnknownMemberType=false, reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import trio
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable

from cis_tui.core.clock import Clock
from cis_tui.core.errors import Invalid, Unavailable
from cis_tui.core.identity import Identity
from cis_tui.p2p.addresses import Address
from cis_tui.p2p.connection import Connection, Connections
from cis_tui.p2p.dialling import Dialler
from cis_tui.p2p.entrance import Entrance
from cis_tui.p2p.framing import MAX_MESSAGE
from cis_tui.p2p.limits import Allowance
from cis_tui.p2p.link import Admission, Gate, LinkEvent
from cis_tui.p2p.reconnect import Keeper
from cis_tui.p2p.requests import Answer, Serving, exchange

_log = logging.getLogger(__name__)


PROBES = (1 / 60, 4)
"""Looks at who announces this node's own DID: so many a second, so many at once."""


class Host:
    """Everything that is connected to this node. Lives in the trio thread; nothing here is for other threads."""

    def __init__(
        self,
        *,
        identity: Identity,
        gate: Gate,
        protocols: Mapping[str, bool],
        answer: Answer,
        emit: Callable[[LinkEvent], None],
        clock: Clock,
    ) -> None:
        self._did = identity.did
        self._probes = Allowance(*PROBES, 0.0)
        self.connections = Connections(identity.did, emit)
        self.entrance = Entrance(identity, gate, self.connections, emit=emit, clock=clock)
        self.serving = Serving(self.entrance, self.connections, protocols, answer)
        self.dialler = Dialler(self.entrance, self.connections, self._begin)
        self.keeper = Keeper(identity.did, self.connections, self.dialler.connect)
        self.work: list[Callable[[], Awaitable[None]]] = []
        """What else runs as long as this does."""
        self._nursery: trio.Nursery

    async def run(self, listeners: Sequence[trio.SocketListener], ready: Callable[[], None]) -> None:
        """Accept connections until cancelled, then close all of them."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(trio.serve_listeners, self._accept, listeners)
            nursery.start_soon(self.keeper.run)
            for work in self.work:
                nursery.start_soon(work)
            ready()
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await self.connections.close_all()

    def probe(self, addresses: Sequence[Address]) -> None:
        """See whether somebody at `addresses` has the key of this node itself, and say so; seldom, for anybody asks."""
        if self._probes.take(trio.current_time()):
            self._nursery.start_soon(self._probe, addresses)

    async def _probe(self, addresses: Sequence[Address]) -> None:
        with suppress(Unavailable):
            await self.dialler.connect(self._did, addresses)

    async def _accept(self, stream: trio.SocketStream) -> None:
        """The life of a connection that somebody else opened."""
        if connection := await self.entrance.receive(stream):
            await self._live(connection, trio.Event())

    async def _begin(self, connection: Connection) -> None:
        """Serve a connection that was dialled, in the background; return when it can be used, or has ended."""
        ready = trio.Event()
        self._nursery.start_soon(self._live, connection, ready)
        await ready.wait()

    async def _live(self, connection: Connection, ready: trio.Event) -> None:
        """Serve a connection until it ends."""
        muxed = connection.muxed
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(muxed.start)
                await muxed.event_started.wait()
                self.connections.add(connection, nursery)
                ready.set()
                with suppress(MuxedConnUnavailable):
                    while True:
                        stream = await muxed.accept_stream()
                        if self.serving.takes(connection):
                            nursery.start_soon(self.serving.serve, connection, stream)
                        else:
                            await stream.reset()
                nursery.cancel_scope.cancel()
        except Exception as error:
            _log.debug("connection with %s failed: %r", connection.did, error)
        finally:
            self.connections.remove(connection)
            ready.set()
            with trio.CancelScope(shield=True):
                await connection.close()

    async def ask(self, did: str, protocol: str, body: bytes, timeout: float, addresses: Iterable[Address]) -> bytes:
        """The peer's answer to `body`.

        Raises:
            Unavailable: it cannot be reached (CIS-P2P-001), does not answer in time (002), or not at all (003).
            Invalid: the body is too large (CIS-P2P-004).
        """
        if len(body) > MAX_MESSAGE:
            raise Invalid("CIS-P2P-004", f"a message of {len(body):,} bytes; one may have {MAX_MESSAGE:,}")
        connection = None
        with trio.move_on_after(timeout):
            connection = self.connections.best(did)
            if connection is None:
                connection = await self.dialler.connect(did, (*addresses, *self.keeper.addresses(did)))
            return await exchange(connection, protocol, body)
        if connection is not None:
            connection.muxed.doubt()
        raise Unavailable("CIS-P2P-002", f"{did} did not answer within {timeout:g} s")

    async def drop(self, did: str) -> None:
        """End every connection with the peer, at once, and dial it no more."""
        self.keeper.forget(did)
        await self.connections.close(did)

    async def recheck(self) -> None:
        """Ask the gate about everyone again."""
        for connection in self.connections.every():
            admission = self.connections.admitted(connection, self.entrance.admits(connection.did))
            if admission is Admission.REFUSE:
                await self.connections.close(connection.did)
