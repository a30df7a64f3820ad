"""The node inside its trio thread: who is connected, what is asked and answered, who is turned away."""

# libp2p brings stubs of an old trio (trio-typing), which know neither its cancel scopes nor its nurseries as they are.
# pyright: reportUnknownMemberType=false, reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.protocol_muxer.exceptions import ProtocolNotSupportedError
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable

from cis_tui.core.clock import Clock
from cis_tui.core.errors import Invalid, Unavailable
from cis_tui.core.identity import Identity, did_of_peer
from cis_tui.core.text import clean_line
from cis_tui.p2p.addresses import Address
from cis_tui.p2p.connection import Connection, Connections
from cis_tui.p2p.framing import MAX_MESSAGE, framed, read_message
from cis_tui.p2p.limits import Allowances, Quiet
from cis_tui.p2p.link import Admission, Gate, LinkEvent, LinkEventKind
from cis_tui.p2p.reconnect import Keeper
from cis_tui.p2p.wire import HANDSHAKE_PATIENCE, BoundedStream, Securing, TcpLine

if TYPE_CHECKING:
    from libp2p.peer.id import ID
    from libp2p.stream_muxer.yamux.yamux import YamuxStream

_log = logging.getLogger(__name__)

Answer = Callable[[str, str, bytes], Awaitable[bytes]]
"""Answers the request of a peer, in trio: DID, protocol, body."""

MAX_HANDSHAKES = 64
"""Connections that have not proven a key yet; one more, and the oldest of them goes."""
ARRIVALS = (100.0, 600.0)
"""Connections from one IP address: so many a second, and so many at once. A handshake costs 5 ms of this machine."""
MAX_STREAMS = 32
"""Requests of one connection at the same time."""
READ_PATIENCE = 10.0
"""Seconds in which a request must have arrived whole."""
ANSWER_PATIENCE = 60.0
"""Seconds for an answer to be found and read by the peer."""
_SIDE_BY_SIDE = 0.15
"""Seconds after which the next address of a peer is tried beside the one before."""
_TCP_PATIENCE = 4.0
"""Seconds for a TCP connection."""


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
        self._gate = gate
        self._protocols = protocols
        self._answer = answer
        self._emit = emit
        self._clock = clock
        self._securing = Securing(create_new_key_pair(identity.seed))
        self._handshakes: dict[trio.CancelScope, None] = {}
        self._quiet = Quiet()
        self._arrivals = Allowances(*ARRIVALS)
        self._dialling: dict[str, trio.Lock] = {}
        self.connections = Connections(self._did, emit)
        self.keeper = Keeper(self._did, self.connections, self.connect)
        self.raw: dict[str, Callable[[Connection, BoundedStream], Awaitable[None]]] = {}
        """Protocols that are no request and answer, for admitted peers and helpers."""
        self.helpers: frozenset[str] = frozenset()
        """Peers that need not be admitted to be asked where others are, and for nothing else."""
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

    # Connecting

    async def _accept(self, stream: trio.SocketStream) -> None:
        """The life of a connection that somebody else opened."""
        line = TcpLine(stream, outbound=False)
        connection = None
        if not self._arrivals.take(line.addr.rpartition("/tcp/")[0], trio.current_time()):
            self.refuse("", "too many connections", line.addr)
            await line.close()
            return
        try:
            with self._handshake() as scope:
                connection = await self._upgrade(line, None)
            if scope.cancelled_caught:
                self.refuse("", "the handshake took too long", line.addr)
        except _Refused as refusal:
            self.refuse(refusal.did, refusal.reason, line.addr)
        except Exception as error:
            _log.debug("handshake with %s failed: %r", line.addr, error)
            self.refuse("", "no Noise handshake came about", line.addr)
        if connection is None:
            await line.close()
        else:
            await self._live(connection)

    async def connect(self, did: str, addresses: Sequence[Address], patience: float = _TCP_PATIENCE) -> Connection:
        """The connection with the peer, which is dialled at `addresses` if there is none.

        `patience` is that with each address until somebody answers there, in seconds.

        Raises:
            Unavailable: none of them answers with its key (CIS-P2P-001).
        """
        lock = self._dialling.setdefault(did, trio.Lock())
        try:
            async with lock:
                return self.connections.best(did) or await self._dial(did, addresses, patience)
        finally:
            if not lock.locked():
                self._dialling.pop(did, None)

    async def _dial(self, did: str, addresses: Sequence[Address], patience: float) -> Connection:
        """Connect to the peer at whichever of `addresses` answers first with its key.

        Raises:
            Unavailable: none does (CIS-P2P-001).
        """
        found: list[Connection] = []
        reasons: list[str] = []
        async with trio.open_nursery() as nursery:
            scope = nursery.cancel_scope
            for place, address in enumerate(addresses[:8]):
                delay = place * _SIDE_BY_SIDE
                nursery.start_soon(self._try, did, address, delay, patience, found, reasons, scope)
        for spare in found[1:]:
            await spare.line.close()
        if not found:
            why = f": {reasons[0]}" if reasons else ""
            raise Unavailable(
                "CIS-P2P-001", f"{did} cannot be reached{why}", hint="see that it runs, and that both admit each other"
            )
        started = trio.Event()
        self._nursery.start_soon(self._live, found[0], started)
        await started.wait()
        if found[0].muxed.is_closed:
            raise Unavailable("CIS-P2P-001", f"{did} closed the connection", hint="it may not admit this node yet")
        return found[0]

    async def _try(
        self,
        did: str,
        address: Address,
        delay: float,
        patience: float,
        found: list[Connection],
        reasons: list[str],
        race: trio.CancelScope,
    ) -> None:
        line = None
        won = False
        await trio.sleep(delay)
        try:
            with trio.move_on_after(HANDSHAKE_PATIENCE) as scope:
                with trio.fail_after(patience):
                    stream = await trio.open_tcp_stream(address.host, address.port)
                line = TcpLine(stream, outbound=True)
                connection = await self._upgrade(line, did)
                connection.dialled = address
                found.append(connection)
                won = True
                race.cancel()
            if scope.cancelled_caught:
                reasons.append(f"{address} does not answer")
        except _Refused as refusal:
            reasons.append(refusal.reason)
            self.refuse(refusal.did, refusal.reason, str(address))
        except trio.TooSlowError:
            reasons.append(f"{address} does not answer")
        except Exception as error:
            reasons.append(f"{address}: {clean_line(str(error), limit=120)}")
        finally:
            if line is not None and not won:
                await line.close()

    async def _upgrade(self, line: TcpLine, expected: str | None) -> Connection:
        """Prove the keys, ask the gate, and only then go on to anything that could be spoken.

        Raises:
            _Refused: the gate says no, or the key is another one's.
            Exception: of many kinds; the connection is of no use.
        """
        secured = await self._securing.secure(line, None)
        did = _did_of(secured.get_remote_peer())
        if expected is not None and did != expected:
            raise _Refused(expected, f"somebody else answers there: {did}")
        if did == self._did:
            raise _Refused(did, "this is the key of this node itself")
        admission = self.admits(did)
        if admission is Admission.REFUSE:
            raise _Refused(did, "not admitted")
        if problem := self.connections.no_room(did, admission):
            raise _Refused(did, problem)
        muxed = await self._securing.multiplex(secured, outbound=line.is_initiator)
        return Connection(did, line, muxed, self._clock(), admission)

    def admits(self, did: str) -> Admission:
        """What the gate says of the peer; one that helps is let in, for that alone."""
        admission = self._gate.admits(did)
        return Admission.PAIRING if admission is Admission.REFUSE and did in self.helpers else admission

    def may_help(self, did: str) -> bool:
        """Whether the peer may ask, and be asked, where others are."""
        return did in self.helpers or self._gate.admits(did) is Admission.ADMIT

    def _spoken_with(self, did: str) -> list[str]:
        """The protocols that the peer may choose from."""
        admission = self._gate.admits(did)
        anyone = admission is not Admission.REFUSE
        spoken = [name for name, open in self._protocols.items() if admission is Admission.ADMIT or (anyone and open)]
        return [*spoken, *self.raw] if self.may_help(did) else spoken

    def _handshake(self) -> _Handshake:
        return _Handshake(self._handshakes)

    async def _live(self, connection: Connection, started: trio.Event | None = None) -> None:
        """Serve a connection until it ends."""
        muxed = connection.muxed
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(muxed.start)
                await muxed.event_started.wait()
                self.connections.add(connection, nursery)
                if started is not None:
                    started.set()
                with suppress(MuxedConnUnavailable):
                    while True:
                        stream = await muxed.accept_stream()
                        if connection.streams < MAX_STREAMS:
                            nursery.start_soon(self._serve, connection, stream)
                        else:
                            self.refuse(connection.did, "too many requests at the same time", connection.line.addr)
                            await stream.reset()
                nursery.cancel_scope.cancel()
        except Exception as error:
            _log.debug("connection with %s failed: %r", connection.did, error)
        finally:
            self.connections.remove(connection)
            if started is not None:
                started.set()
            with trio.CancelScope(shield=True):
                await connection.close()

    # Asking and answering

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
                connection = await self.connect(did, (*addresses, *self.keeper.addresses(did)))
            return await self._exchange(connection, protocol, body)
        if connection is not None:
            connection.muxed.doubt()
        raise Unavailable("CIS-P2P-002", f"{did} did not answer within {timeout:g} s")

    async def _exchange(self, connection: Connection, protocol: str, body: bytes) -> bytes:
        stream = None
        done = False
        try:
            stream = BoundedStream(await connection.muxed.open_stream())
            await stream.choose(protocol)
            await stream.write(framed(body))
            answer = await read_message(stream)
            await stream.close()
            done = True
            return answer
        except ProtocolNotSupportedError as error:
            raise Unavailable(
                "CIS-P2P-003", f"{connection.did} does not speak {protocol} with this node", retryable=False
            ) from error
        except Exception as error:
            raise Unavailable("CIS-P2P-003", f"{connection.did} gave no answer") from error
        finally:
            if stream is not None and not done:
                with trio.CancelScope(shield=True), trio.move_on_after(1), suppress(Exception):
                    await stream.reset()

    async def _serve(self, connection: Connection, opened: YamuxStream) -> None:
        """Answer one request."""
        stream = BoundedStream(opened)
        connection.streams += 1
        done = False
        try:
            with trio.move_on_after(ANSWER_PATIENCE):
                await self._answer_on(connection, stream)
                done = True
        except Exception as error:
            _log.debug("a request of %s failed: %r", connection.did, error)
        finally:
            connection.streams -= 1
            if not done or not opened.recv_closed:
                with trio.CancelScope(shield=True), trio.move_on_after(1), suppress(Exception):
                    await stream.reset()

    async def _answer_on(self, connection: Connection, stream: BoundedStream) -> None:
        did = connection.did
        if self.connections.admitted(connection, self.admits(did)) is Admission.REFUSE:
            self.refuse(did, "no longer admitted", connection.line.addr)
            await connection.close()
            return
        if not self.connections.allows(connection):
            self.refuse(did, "more requests than a peer may make", connection.line.addr)
            raise trio.TooSlowError
        with trio.fail_after(READ_PATIENCE):
            protocol = await stream.offer(self._spoken_with(did))
            if protocol in self.raw:
                await self.raw[protocol](connection, stream)
                return
            body = await read_message(stream)
        answer = await self._answer(did, protocol, body)
        if len(answer) > MAX_MESSAGE:
            _log.error("an answer of %d bytes to %s is too large to be sent", len(answer), protocol)
            raise trio.TooSlowError
        await stream.write(framed(answer))
        await stream.close()
        with trio.move_on_after(READ_PATIENCE / 2), suppress(Exception):
            await stream.read(1)  # its end: a reset before that would take the answer away

    # Refusing

    def refuse(self, did: str, reason: str, addr: str) -> None:
        """Say that somebody was turned away."""
        if self._quiet.may_say(trio.current_time(), did or addr.rpartition("/tcp/")[0], reason):
            _log.info("turned away %s at %s: %s", did or "somebody", addr or "an unknown address", reason)
            self._emit(LinkEvent(LinkEventKind.REFUSED, did=did, addr=addr, reason=reason))

    async def drop(self, did: str) -> None:
        """End every connection with the peer, at once, and dial it no more."""
        self.keeper.forget(did)
        await self.connections.close(did)

    async def recheck(self) -> None:
        """Ask the gate about everyone again."""
        for connection in self.connections.every():
            if self.connections.admitted(connection, self.admits(connection.did)) is Admission.REFUSE:
                await self.connections.close(connection.did)


class _Refused(Exception):
    def __init__(self, did: str, reason: str) -> None:
        super().__init__(reason)
        self.did = did
        self.reason = reason


class _Handshake:
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
        return self._scope.__exit__(*error)  # pyright: ignore[reportArgumentType]


def _did_of(peer: ID) -> str:
    try:
        return did_of_peer(str(peer))
    except Invalid as error:
        raise _Refused("", "its key is not an Ed25519 key") from error
