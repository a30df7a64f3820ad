"""The node as the rest of the program sees it, from asyncio."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from cis_tui.core.clock import Clock, utc_now
from cis_tui.core.config import P2PSettings
from cis_tui.core.errors import Invalid, Unavailable
from cis_tui.core.identity import Identity, peer_id_of
from cis_tui.p2p.addresses import Address, own_addresses, parse_address
from cis_tui.p2p.bridge import Started, TrioThread
from cis_tui.p2p.lan import Lan
from cis_tui.p2p.link import Gate, Handler, Link, LinkEvent, LinkEventKind
from cis_tui.p2p.listening import bind

if TYPE_CHECKING:
    from cis_tui.p2p.dht import Dht
    from cis_tui.p2p.host import Host

_log = logging.getLogger(__name__)

MAX_FOUND = 256
"""Peers that are remembered because somebody announced them."""


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
        self._kept: dict[str, tuple[Address, ...]] = {}
        self._found: OrderedDict[str, dict[str, tuple[Address, ...]]] = OrderedDict()
        self._lan: Lan | None = None
        self._dht: Dht | None = None
        self._bootstrap: tuple[Address, ...] = ()
        self._tasks: list[asyncio.Task[None]] = []
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
        """Listen for peers, and look for them.

        Raises:
            Unavailable: no port can be had (CIS-P2P-006).
        """
        if self._settings.dht:
            self._read_bootstrap()
        await self._open()
        self._tasks.append(asyncio.create_task(self._watch()))
        if self._settings.mdns:
            self._lan = Lan(
                self.did,
                lambda: self._port,
                found=self._found_on_lan,
                refuse=self._turn_away,
                changed=self._network_changed,
            )
            self._tasks.append(asyncio.create_task(self._lan.run()))

    def _read_bootstrap(self) -> None:
        """Take the bootstrap nodes from the settings; a wrong one is said, and the others do."""
        found: list[Address] = []
        for text in self._settings.bootstrap:
            try:
                address = parse_address(text)
                if not address.did:
                    raise Invalid("CIS-P2P-007", f"{text[:120]} does not say whose address it is: /p2p/… is missing")
                found.append(address)
            except Invalid as error:
                self._notice(f"p2p.bootstrap: {error.message}")
        self._bootstrap = tuple(found)

    async def _open(self) -> None:
        sockets, notice = bind(self._port or self._settings.listen_port)
        thread = TrioThread("cis-p2p")
        try:
            await thread.start(lambda started: self._main(thread, sockets, started))
        except BaseException:
            for opened in sockets:
                opened.close()
            raise
        self._thread = thread
        self._port = sockets[0].getsockname()[1]
        self._ipv6 = len(sockets) > 1
        if notice:
            self._notice(notice)

    async def _watch(self) -> None:
        """Begin again should the trio thread ever die: no stranger is to end this node for good."""
        while True:
            if self._thread is not None:
                await self._thread.died.wait()
                _log.error("the network failed; it begins again", exc_info=self._thread.error)
                self._notice("the network failed and begins again; the log says why")
            await asyncio.sleep(1)
            try:
                await self._open()
            except Exception as error:
                self._thread = None
                _log.error("the network does not begin again: %s", error)

    def _notice(self, words: str) -> None:
        _log.warning(words)
        self._on_event(LinkEvent(LinkEventKind.NOTICE, reason=words))

    async def _main(self, thread: TrioThread, sockets: Sequence[socket.socket], started: Started) -> None:
        """What runs in the trio thread."""
        from cis_tui.p2p.quiet import import_quietly

        import_quietly()
        import trio

        from cis_tui.p2p.host import Host

        self._host = Host(
            identity=self._identity,
            gate=self._gate,
            protocols=self._anyone,
            answer=lambda did, protocol, body: thread.ask(self._handle(did, protocol, body)),
            emit=lambda event: thread.tell(self._on_event, event),
            clock=self._clock,
        )
        for did, addresses in self._kept.items():
            self._host.keeper.keep(did, addresses)
        if self._settings.dht:
            from cis_tui.p2p.dht import Dht

            self._dht = Dht(
                self._host,
                self._identity,
                bootstrap=self._bootstrap,
                own=lambda: self._outside_addrs,
                found=lambda did, source, found: thread.tell(self._take_found, did, source, tuple(found)),
            )
            self._host.work.append(self._dht.run)
        listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(opened)) for opened in sockets]
        await self._host.run(listeners, started)

    async def _handle(self, did: str, protocol: str, body: bytes) -> bytes:
        try:
            return await self._handlers[protocol](did, body)
        except Exception:
            _log.exception("a request of %s (%s) could not be answered", did, protocol)
            raise

    async def stop(self) -> None:
        """Say goodbye, close every connection and end the thread."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._lan = None
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
        found = self._found.get(did, {}).values()
        places = (*map(parse_address, addrs), *(address for addresses in found for address in addresses))
        return await self._thread.call(self._host.ask, did, protocol, body, timeout, places)

    def keep(self, did: str, addrs: Sequence[str]) -> None:
        """Stay connected with the peer: dial it, now and whenever the connection is lost.

        Besides at `addrs`, which replace those given before, it is looked for wherever it is found.

        Raises:
            Invalid: one of `addrs` is no address (CIS-P2P-007).
        """
        self._kept[did] = tuple(map(parse_address, addrs))
        self._post(lambda host: host.keeper.keep(did, self._kept.get(did, ())))
        for source, addresses in self._found.get(did, {}).items():
            self._tell_found(did, source, addresses)

    async def drop(self, did: str) -> None:
        """Forget the peer and close its connections now."""
        self._kept.pop(did, None)
        if self._thread is not None and self._host is not None:
            await self._thread.call(self._host.drop, did)

    async def recheck(self) -> None:
        """Ask the gate about every connected peer again, and act on what it says."""
        if self._thread is not None and self._host is not None:
            await self._thread.call(self._host.recheck)

    def _post(self, act: Callable[[Host], None]) -> None:
        """Do something in the trio thread soon, if there is one."""
        if self._thread is not None and (host := self._host) is not None:
            self._thread.post(act, host)

    # Discovery

    def _found_on_lan(self, did: str, addresses: Sequence[Address]) -> None:
        if did == self.did:
            self._twin_on_lan(addresses)
        else:
            self._take_found(did, "mdns", tuple(addresses))

    def _twin_on_lan(self, addresses: Sequence[Address]) -> None:
        """Somebody announces the DID of this node, which may be a lie: whether it has the key is seen by asking."""
        own = set(own_addresses(self._port, ipv6=self._ipv6))
        others = tuple(address for address in addresses if str(address) not in own)
        if others:
            self._turn_away(self.did, "somebody announces the DID of this node", str(others[0]))
            self._post(lambda host: host.probe(others))

    def _take_found(self, did: str, source: str, addresses: tuple[Address, ...]) -> None:
        """Somebody claims to be a peer at `addresses`, or is there no more."""
        own = set(own_addresses(self._port, ipv6=self._ipv6))  # such as that of a bridge which every machine has
        addresses = tuple(address for address in addresses if str(address) not in own)
        known = self._found.setdefault(did, {})
        self._found.move_to_end(did)
        while len(self._found) > MAX_FOUND:
            self._found.popitem(last=False)
        if known.get(source) == addresses:
            return
        known[source] = addresses
        self._tell_found(did, source, addresses)
        if addresses:
            told = tuple(map(str, addresses))
            self._on_event(LinkEvent(LinkEventKind.DISCOVERED, did=did, addrs=told, via=source))

    def _tell_found(self, did: str, source: str, addresses: tuple[Address, ...]) -> None:
        self._post(lambda host: host.keeper.found(did, source, addresses))

    def _turn_away(self, did: str, reason: str, addr: str) -> None:
        self._post(lambda host: host.entrance.refuse(did, reason, addr))

    def _network_changed(self) -> None:
        self._post(lambda host: host.keeper.wake_all())

    @property
    def looking(self) -> Mapping[str, str]:
        """How each way of finding peers is doing: off, starting, active or failed."""
        ways = {"mdns": self._lan, "dht": self._dht}
        return {name: "off" if way is None or self._thread is None else way.state for name, way in ways.items()}

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

    @property
    def _outside_addrs(self) -> tuple[str, ...]:
        """What others are told: addresses of this machine alone only if it has no others."""
        addrs = self.addrs
        return tuple(addr for addr in addrs if not addr.startswith(("/ip4/127.", "/ip6/::1/"))) or addrs
