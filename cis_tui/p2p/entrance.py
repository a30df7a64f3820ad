"""Who gets in: the key is proven and the gate asked before anything else is spoken."""

# libp2p brings stubs of an old trio (trio-typing), which know neither its cancel scopes nor its nurseries as they are.
# pyright: reportUnknownMemberType=false, reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio
from libp2p.crypto.ed25519 import create_new_key_pair

from cis_tui.core.clock import Clock
from cis_tui.core.errors import Invalid
from cis_tui.core.identity import Identity, did_of_peer
from cis_tui.p2p.connection import Connection, Connections
from cis_tui.p2p.limits import Allowances, Quiet
from cis_tui.p2p.link import OWN_KEY, Admission, Gate, LinkEvent, LinkEventKind
from cis_tui.p2p.wire import HANDSHAKE_PATIENCE, Securing, TcpLine

if TYPE_CHECKING:
    from libp2p.peer.id import ID

_log = logging.getLogger(__name__)

MAX_HANDSHAKES = 64
"""Connections that have not proven a key yet; one more, and the oldest of them goes."""
ARRIVALS = (100.0, 600.0)
"""Connections from one IP address: so many a second, and so many at once. A handshake costs 5 ms of this machine."""


class TurnedAway(Exception):
    """The other side of a connection is not let in, or is not who was expected."""

    def __init__(self, did: str, reason: str) -> None:
        super().__init__(reason)
        self.did = did
        self.reason = reason


class Entrance:
    """Makes connections of streams, for those who may have one. Lives in the trio thread."""

    def __init__(
        self,
        identity: Identity,
        gate: Gate,
        connections: Connections,
        *,
        emit: Callable[[LinkEvent], None],
        clock: Clock,
    ) -> None:
        self.gate = gate
        self.helpers: frozenset[str] = frozenset()
        """Peers that need not be admitted to be asked where others are, and for nothing else."""
        self._did = identity.did
        self._connections = connections
        self._emit = emit
        self._clock = clock
        self._securing = Securing(create_new_key_pair(identity.seed))
        self._handshakes: dict[trio.CancelScope, None] = {}
        self._arrivals = Allowances(*ARRIVALS)
        self._quiet = Quiet()

    def admits(self, did: str) -> Admission:
        """What the gate says of the peer; one that helps is let in, for that alone."""
        admission = self.gate.admits(did)
        return Admission.PAIRING if admission is Admission.REFUSE and did in self.helpers else admission

    def may_help(self, did: str) -> bool:
        """Whether the peer may ask, and be asked, where others are."""
        return did in self.helpers or self.gate.admits(did) is Admission.ADMIT

    async def receive(self, stream: trio.SocketStream) -> Connection | None:
        """The connection that somebody opened with `stream`, which is closed if it comes to none."""
        line = TcpLine(stream, outbound=False)
        connection = None
        try:
            if self._arrivals.take(line.addr.rpartition("/tcp/")[0], trio.current_time()):
                with self._place() as scope:
                    connection = await self.upgrade(line, None)
                if scope.cancelled_caught:
                    self.refuse("", "the handshake took too long", line.addr)
            else:
                self.refuse("", "too many connections", line.addr)
        except TurnedAway as refusal:
            self.refuse(refusal.did, refusal.reason, line.addr)
        except Exception as error:
            _log.debug("handshake with %s failed: %r", line.addr, error)
            self.refuse("", "no Noise handshake came about", line.addr)
        finally:
            if connection is None:
                await line.close()
        return connection

    async def upgrade(self, line: TcpLine, expected: str | None) -> Connection:
        """Prove the keys, ask the gate, and only then go on to anything that could be spoken.

        Raises:
            TurnedAway: the gate says no, or the key is another one's than that of `expected`.
            Exception: of many kinds; the connection is of no use.
        """
        secured = await self._securing.secure(line, None)
        did = _did_of(secured.get_remote_peer())
        if expected is not None and did != expected:
            raise TurnedAway(expected, f"somebody else answers there: {did}")
        if did == self._did:
            raise TurnedAway(did, OWN_KEY)
        admission = self.admits(did)
        if admission is Admission.REFUSE:
            raise TurnedAway(did, "not admitted")
        if problem := self._connections.no_room(did, admission):
            raise TurnedAway(did, problem)
        muxed = await self._securing.multiplex(secured, outbound=line.is_initiator)
        return Connection(did, line, muxed, self._clock(), admission)

    def refuse(self, did: str, reason: str, addr: str) -> None:
        """Say that somebody was turned away."""
        if self._quiet.may_say(trio.current_time(), did or addr.rpartition("/tcp/")[0], reason):
            _log.info("turned away %s at %s: %s", did or "somebody", addr or "an unknown address", reason)
            self._emit(LinkEvent(LinkEventKind.REFUSED, did=did, addr=addr, reason=reason))

    def _place(self) -> _Place:
        return _Place(self._handshakes)


class _Place:
    """A place among those who have not proven a key yet: the oldest has to go for the newest."""

    def __init__(self, places: dict[trio.CancelScope, None]) -> None:
        self._places = places
        self._scope = trio.CancelScope(deadline=trio.current_time() + HANDSHAKE_PATIENCE)

    def __enter__(self) -> trio.CancelScope:
        while len(self._places) >= MAX_HANDSHAKES:
            oldest = next(iter(self._places))
            del self._places[oldest]
            oldest.cancel()
        self._places[self._scope] = None
        return self._scope.__enter__()

    def __exit__(self, *error: object) -> bool | None:
        self._places.pop(self._scope, None)
        return self._scope.__exit__(*error)


def _did_of(peer: ID) -> str:
    try:
        return did_of_peer(str(peer))
    except Invalid as error:
        raise TurnedAway("", "its key is not an Ed25519 key") from error
