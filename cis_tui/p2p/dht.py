"""Asking others where a peer is: Kademlia among admitted peers and the bootstrap nodes of the settings, nobody else.

The table is the library's; what it needs of a host it gets from `_DhtHost`. Values and providers are not served.
"""

# libp2p brings stubs of an old trio (trio-typing), which know neither its cancel scopes nor its nurseries as they are.
# pyright: reportUnknownMemberType=false, reportCallIssue=false

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.kad_dht.common import PROTOCOL_ID
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.kad_dht.pb.kademlia_pb2 import Message
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore, PeerStoreError
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

from cis_tui.core.errors import CisError, Refused
from cis_tui.core.identity import Identity, did_of_peer, peer_id_of, public_of
from cis_tui.core.text import clean_line
from cis_tui.p2p.addresses import Address, parse_address
from cis_tui.p2p.framing import framed, read_message
from cis_tui.p2p.wire import BoundedStream

if TYPE_CHECKING:
    from cis_tui.p2p.connection import Connection
    from cis_tui.p2p.host import Host

_log = logging.getLogger(__name__)

KAD = str(PROTOCOL_ID)
_MAX_MESSAGE = 65_536
_REMEMBER = 7200
"""Seconds for which an address is kept."""
_TURN = 1.0
"""Seconds between two looks at who is missing."""
_FIRST_SEARCH = 1.0
_LONGEST_SEARCH = 600.0
"""Seconds between two searches for a peer: the first two, and at most."""
_AFTER_FAILURE = 60.0

Found = Callable[[str, str, Sequence[Address]], None]
"""Called with the DID of a peer, `dht` or `bootstrap`, and where it is said to be."""


class Dht:
    """Searches for kept peers that are away, and answers where others are. Lives in the trio thread."""

    def __init__(
        self,
        host: Host,
        identity: Identity,
        *,
        bootstrap: Sequence[Address],
        own: Callable[[], Sequence[str]],
        found: Found,
    ) -> None:
        self._host = host
        self._bootstrap: dict[str, list[Address]] = {}
        for address in bootstrap:
            if address.did != identity.did:
                self._bootstrap.setdefault(address.did, []).append(address)
        self._view = _DhtHost(host, identity, own)
        self._found = found
        self._next: dict[str, tuple[float, float]] = {}
        self.state = "starting"
        """starting, active (somebody was asked), or failed."""
        host.entrance.helpers = frozenset(self._bootstrap)
        host.serving.raw[KAD] = self._serve

    async def run(self) -> None:
        """Work until cancelled; what goes wrong here ends nothing else."""
        for did, addresses in self._bootstrap.items():
            self._found(did, "bootstrap", addresses)
        while True:
            try:
                table = KadDHT(cast("Any", self._view), DHTMode.SERVER, strict_validation=True)
                async with background_trio_service(table):
                    self._view.table = table
                    await self._work(table)
            except Exception as error:
                self.state, self._view.table = "failed", None
                _log.warning("the DHT failed: %s", clean_line(repr(error), limit=200))
            await trio.sleep(_AFTER_FAILURE)

    async def _work(self, table: KadDHT) -> None:
        asked: set[str] = set()
        while True:
            await self._reach_bootstrap()
            connected = self._view.dids()
            for did in connected - asked:
                self._next.pop(did, None)  # its next absence is looked into at once
                await self._enter(table, did)
            if connected - asked:
                # Only whoever was asked something knows where this node is.
                await table.refresh_routing_table()
                self.state = "active"
            asked = connected
            for did in self._host.keeper.missing():
                await self._look_for(table, did)
            await trio.sleep(_TURN)

    async def _reach_bootstrap(self) -> None:
        for did, addresses in self._bootstrap.items():
            if self._host.connections.best(did) is None and self._due(did):
                try:
                    await self._host.dialler.connect(did, addresses)
                except CisError as error:
                    _log.info("bootstrap node %s: %s", did, error.message)

    async def _enter(self, table: KadDHT, did: str) -> None:
        """Put a connected peer into the table, with the address at which it was reached."""
        connection = self._host.connections.best(did)
        if connection is not None and connection.dialled is not None:
            peer = _id_of(did)
            self._view.peerstore.add_addr(peer, Multiaddr(str(connection.dialled)), _REMEMBER)
            await table.routing_table.add_peer(peer, skip_server_mode_check=True)

    async def _look_for(self, table: KadDHT, did: str) -> None:
        if not self._due(did):
            return
        peer = _id_of(did)
        await table.peer_routing.find_closest_peers_network(peer.to_bytes())
        if addresses := self._view.addresses(peer):
            self._found(did, "dht", addresses)

    def _due(self, did: str) -> bool:
        """Whether it is time again to look for the peer; each wait is twice as long as the one before."""
        now = trio.current_time()
        at, wait = self._next.get(did, (0.0, _FIRST_SEARCH))
        if now < at:
            return False
        self._next[did] = (now + wait, min(wait * 2, _LONGEST_SEARCH))
        return True

    async def _serve(self, connection: Connection, stream: BoundedStream) -> None:
        """Answer one question of a peer, if it is one that is answered here."""
        question = await read_message(stream)
        message = Message()
        message.ParseFromString(question)
        table = self._view.table
        if table is None or message.type not in (Message.MessageType.FIND_NODE, Message.MessageType.PING):
            raise ValueError("this is not served")
        await table.handle_stream(cast("Any", _OneQuestion(stream, question)))


class _OneQuestion:
    """A stream on which one message has come, and no other will."""

    def __init__(self, stream: BoundedStream, question: bytes) -> None:
        self._stream = stream
        self._left = framed(question)
        self.muxed_conn = stream.stream.conn

    async def read(self, n: int | None = None) -> bytes:
        end = len(self._left) if n is None else n
        part, self._left = self._left[:end], self._left[end:]
        return part

    async def write(self, data: bytes) -> None:
        await self._stream.write(data)

    async def close(self) -> None:
        await self._stream.close()

    async def reset(self) -> None:
        await self._stream.reset()


class _DhtHost:
    """What the library's table asks of a host."""

    def __init__(self, host: Host, identity: Identity, own: Callable[[], Sequence[str]]) -> None:
        self._host = host
        self._keys = create_new_key_pair(identity.seed)
        self._id = _id_of(identity.did)
        self._own = own
        self.table: KadDHT | None = None
        self.peerstore = PeerStore()

    def dids(self) -> set[str]:
        """Connected peers that may be asked."""
        return {
            one.did for one in self._host.connections.every() if one.alive and self._host.entrance.may_help(one.did)
        }

    def addresses(self, peer: ID) -> tuple[Address, ...]:
        """What is known of where the peer is."""
        try:
            known = self.peerstore.addrs(peer)
        except PeerStoreError:
            return ()
        found: list[Address] = []
        for addr in known:
            try:
                found.append(parse_address(str(addr).partition("/p2p/")[0]))
            except CisError:
                continue
        return tuple(found)

    def get_id(self) -> ID:
        return self._id

    def get_private_key(self) -> Any:
        return self._keys.private_key

    def get_addrs(self) -> list[Multiaddr]:
        return [Multiaddr(addr) for addr in self._own()]

    def get_peerstore(self) -> PeerStore:
        return self.peerstore

    def get_connected_peers(self) -> list[ID]:
        return [_id_of(did) for did in self.dids()]

    async def new_stream(self, peer: ID, protocols: Sequence[str]) -> BoundedStream:
        """A stream for a question to `peer`, who must be admitted, or a bootstrap node."""
        did = did_of_peer(str(peer))
        if not self._host.entrance.may_help(did):
            raise Refused("CIS-P2P-009", f"{did} is not asked where others are: it is not admitted")
        connection = await self._host.dialler.connect(did, self.addresses(peer))
        stream = BoundedStream(await connection.muxed.open_stream())
        await stream.choose(str(protocols[0]))
        stream.limit = _MAX_MESSAGE
        return stream

    def set_stream_handler(self, protocol: str, handler: object) -> None:
        """Nothing: questions come through `Dht._serve`."""

    def remove_stream_handler(self, protocol: str) -> None:
        """Nothing, as above."""


def _id_of(did: str) -> ID:
    return ID.from_base58(peer_id_of(public_of(did)))
