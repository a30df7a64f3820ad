"""Connecting to a peer, at whichever of its addresses it answers first."""

# libp2p brings stubs of an old trio (trio-typing), which know neither its cancel scopes nor its nurseries as they are.
# pyright: reportUnknownMemberType=false, reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio

from cis_tui.core.errors import Unavailable
from cis_tui.core.text import clean_line
from cis_tui.p2p.addresses import Address
from cis_tui.p2p.connection import Connection, Connections
from cis_tui.p2p.entrance import Entrance, TurnedAway
from cis_tui.p2p.wire import HANDSHAKE_PATIENCE, TcpLine

MAX_ADDRESSES = 8
"""Addresses that are tried."""
TCP_PATIENCE = 4.0
"""Seconds until somebody must answer at an address."""
_SIDE_BY_SIDE = 0.15
"""Seconds after which the next address is tried beside the one before."""


class Dialler:
    """Dials, each peer once at a time. Lives in the trio thread."""

    def __init__(
        self, entrance: Entrance, connections: Connections, begin: Callable[[Connection], Awaitable[None]]
    ) -> None:
        self._entrance = entrance
        self._connections = connections
        self._begin = begin
        self._dialling: dict[str, trio.Lock] = {}

    async def connect(self, did: str, addresses: Sequence[Address], patience: float = TCP_PATIENCE) -> Connection:
        """The connection with the peer, which is dialled at `addresses` if there is none.

        `patience` is that with each address until somebody answers there, in seconds.

        Raises:
            Unavailable: nobody answers there with its key (CIS-P2P-001).
        """
        lock = self._dialling.setdefault(did, trio.Lock())
        try:
            async with lock:
                return self._connections.best(did) or await self._dial(did, addresses, patience)
        finally:
            if not lock.locked():
                self._dialling.pop(did, None)

    async def _dial(self, did: str, addresses: Sequence[Address], patience: float) -> Connection:
        race = _Race(self._entrance, did, patience)
        connection = await race.run(addresses[:MAX_ADDRESSES])
        if connection is None:
            why = f": {race.reasons[0]}" if race.reasons else ""
            raise Unavailable(
                "CIS-P2P-001", f"{did} cannot be reached{why}", hint="see that it runs, and that both admit each other"
            )
        await self._begin(connection)
        if not connection.alive:
            raise Unavailable("CIS-P2P-001", f"{did} closed the connection", hint="it may not admit this node yet")
        return connection


class _Race:
    """Several addresses of one peer, of which the first one that works is taken."""

    def __init__(self, entrance: Entrance, did: str, patience: float) -> None:
        self._entrance = entrance
        self._did = did
        self._patience = patience
        self._found: list[Connection] = []
        self.reasons: list[str] = []
        """Why the others did not."""

    async def run(self, addresses: Sequence[Address]) -> Connection | None:
        """The connection that came about first, if any did."""
        taken = None
        try:
            async with trio.open_nursery() as nursery:
                for place, address in enumerate(addresses):
                    nursery.start_soon(self._try, address, place * _SIDE_BY_SIDE, nursery.cancel_scope)
            taken = self._found[0] if self._found else None
        finally:
            for connection in self._found:
                if connection is not taken:
                    await connection.line.close()
        return taken

    async def _try(self, address: Address, delay: float, others: trio.CancelScope) -> None:
        await trio.sleep(delay)
        try:
            with trio.fail_after(self._patience):
                stream = await trio.open_tcp_stream(address.host, address.port)
            connection = await self._greet(TcpLine(stream, outbound=True))
        except TurnedAway as refusal:
            self.reasons.append(refusal.reason)
            self._entrance.refuse(refusal.did, refusal.reason, str(address))
        except trio.TooSlowError:
            self.reasons.append(f"{address} does not answer")
        except Exception as error:
            self.reasons.append(f"{address}: {clean_line(str(error), limit=120)}")
        else:
            connection.dialled = address
            self._found.append(connection)
            others.cancel()

    async def _greet(self, line: TcpLine) -> Connection:
        connection = None
        try:
            with trio.fail_after(HANDSHAKE_PATIENCE):
                connection = await self._entrance.upgrade(line, self._did)
            return connection
        finally:
            if connection is None:
                await line.close()
