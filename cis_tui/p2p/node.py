"""The node as the rest of the program sees it, from asyncio."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from cis_tui.core.clock import Clock, utc_now
from cis_tui.core.config import P2PSettings
from cis_tui.core.errors import Unavailable
from cis_tui.core.identity import Identity, peer_id_of
from cis_tui.p2p.addresses import Address, own_addresses, parse_address
from cis_tui.p2p.bridge import Started, TrioThread
from cis_tui.p2p.link import Gate, Handler, Link, LinkEvent, LinkEventKind
from cis_tui.p2p.listening import bind

if TYPE_CHECKING:
    from cis_tui.p2p.host import Host

_log = logging.getLogger(__name__)


class PeerNode:
    """Speaks libp2p with the peers that the gate admits: TCP, Noise, Yamux, and one request and answer a stream."""

    def __init__(
        self,
        *,
        identity: Identity,
        settings: P2PSettings,
        gate: Gate,
        on_event: Callable[[LinkEvent], None],
        clock: Clock = utc_now,
    ) -> None:
        self._identity = identity
        self._settings = settings
        self._gate = gate
        self._on_event = on_event
        self._clock = clock
        self._handlers: dict[str, Handler] = {}
        self._anyone: dict[str, bool] = {}
        self._thread: TrioThread | None = None
        self._host: Host | None = None
        self._known: dict[str, tuple[Address, ...]] = {}
        self._port = 0
        self._ipv6 = False

    @property
    def did(self) -> str:
        return self._identity.did

    @property
    def peer_id(self) -> str:
        return peer_id_of(self._identity.public)

    def serve(self, protocol: str, handler: Handler, *, anyone: bool = False) -> None:
        """Answer requests of `protocol`, such as `/cis/sync/1.0.0`; to be called before `start`.

        With `anyone`, also of a peer that the gate lets pair; else of admitted ones only. A handler that raises gives
        no answer.
        """
        self._handlers[protocol] = handler
        self._anyone[protocol] = anyone

    async def start(self) -> None:
        """Listen for peers.

        Raises:
            Unavailable: no port can be had (CIS-P2P-006).
        """
        sockets, notice = bind(self._settings.listen_port)
        self._port = sockets[0].getsockname()[1]
        self._ipv6 = len(sockets) > 1
        self._thread = TrioThread("cis-p2p")
        try:
            await self._thread.start(lambda started: self._main(sockets, started))
        except BaseException:
            for opened in sockets:
                opened.close()
            raise
        if notice:
            _log.warning(notice)
            self._on_event(LinkEvent(LinkEventKind.NOTICE, reason=notice))

    async def _main(self, sockets: Sequence[socket.socket], started: Started) -> None:
        """What runs in the trio thread."""
        from cis_tui.p2p.quiet import import_quietly

        import_quietly()
        import trio

        from cis_tui.p2p.host import Host

        thread = self._thread
        assert thread is not None
        self._host = Host(
            identity=self._identity,
            gate=self._gate,
            protocols=self._anyone,
            answer=self._answer,
            emit=lambda event: thread.tell(self._on_event, event),
            clock=self._clock,
        )
        listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(opened)) for opened in sockets]
        await self._host.run(listeners, started)

    async def _answer(self, did: str, protocol: str, body: bytes) -> bytes:
        assert self._thread is not None
        return await self._thread.ask(self._handle(did, protocol, body))

    async def _handle(self, did: str, protocol: str, body: bytes) -> bytes:
        try:
            return await self._handlers[protocol](did, body)
        except Exception:
            _log.exception("a request of %s (%s) could not be answered", did, protocol)
            raise

    async def stop(self) -> None:
        """Close every connection and end the thread."""
        if self._thread is not None:
            await self._thread.stop()
            self._thread = None

    async def request(
        self, did: str, protocol: str, body: bytes, *, timeout: float = 10.0, addrs: Sequence[str] = ()
    ) -> bytes:
        """The answer of a peer, which is dialled first if it is not connected, also at `addrs`.

        Raises:
            Unavailable: it cannot be reached (CIS-P2P-001), did not answer within `timeout` seconds (002), gave no
                answer (003), or this node does not run (005).
            Invalid: the body has more than 1 MiB (CIS-P2P-004), or one of `addrs` is none (007).
        """
        if self._thread is None or self._host is None:
            raise Unavailable("CIS-P2P-005", "the network is not running")
        places = (*(parse_address(addr) for addr in addrs), *self._known.get(did, ()))
        return await self._thread.call(self._host.ask, did, protocol, body, timeout, places)

    def keep(self, did: str, addrs: Sequence[str]) -> None:
        """Stay connected with the peer: dial it, now and whenever the connection is lost.

        Raises:
            Invalid: one of `addrs` is no address (CIS-P2P-007).
        """
        self._known[did] = tuple(parse_address(addr) for addr in addrs)

    async def drop(self, did: str) -> None:
        """Forget the peer and close its connections now."""
        self._known.pop(did, None)
        if self._thread is not None and self._host is not None:
            await self._thread.call(self._host.drop, did)

    async def recheck(self) -> None:
        """Ask the gate about every connected peer again, and act on what it says."""
        if self._thread is not None and self._host is not None:
            await self._thread.call(self._host.recheck)

    @property
    def links(self) -> Mapping[str, Link]:
        """The admitted peers that are connected, by DID."""
        return {} if self._host is None or self._thread is None else self._host.connections.links()

    @property
    def port(self) -> int:
        """The port that is listened on; 0 before the start."""
        return self._port

    @property
    def addrs(self) -> tuple[str, ...]:
        """Multiaddrs at which this node is reached, with its peer id; those of this machine alone come last."""
        if not self._port:
            return ()
        return tuple(f"{addr}/p2p/{self.peer_id}" for addr in own_addresses(self._port, ipv6=self._ipv6))
