"""From a TCP stream to a multiplexed connection with a proven key, every step bounded.

Of libp2p this uses the handshakes and the multiplexer. Its swarm is left out: that keeps a slot for every connection it
ever accepted, remembers failed dials for a minute, dials of its own accord and never notices a line that is dead.
"""

# libp2p brings stubs of an old trio (trio-typing), which know neither its cancel scopes nor its nurseries as they are.
# pyright: reportUnknownMemberType=false, reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import trio
from libp2p.abc import IRawConnection
from libp2p.connection_types import ConnectionType
from libp2p.crypto.x25519 import create_new_key_pair
from libp2p.custom_types import StreamHandlerFn, TProtocol
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.protocol_muxer.exceptions import MultiselectClientError, ProtocolNotSupportedError
from libp2p.protocol_muxer.multiselect import MULTISELECT_PROTOCOL_ID, Multiselect
from libp2p.protocol_muxer.multiselect_client import MultiselectClient
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_ID
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX_ID
from libp2p.stream_muxer.yamux.yamux import TYPE_DATA, Yamux

from cis_tui.p2p.addresses import of_socket
from cis_tui.p2p.framing import framed, read_message

if TYPE_CHECKING:
    from libp2p.abc import ISecureConn
    from libp2p.crypto.keys import KeyPair
    from libp2p.peer.id import ID
    from libp2p.stream_muxer.yamux.yamux import YamuxStream

HANDSHAKE_PATIENCE = 5.0
"""Seconds in which a connection must be ready for requests."""
WRITE_PATIENCE = 10.0
"""Seconds that one piece may wait for the other side to read."""
PING_AFTER = 10.0
"""Seconds of silence after which the other side is asked whether it is there: 50 bytes a second, with all headers."""
DOUBT_AFTER = 2.0
"""Seconds of silence after which it is asked when something was said to it."""
PING_PATIENCE = 4.0
"""Seconds it has for the answer."""
MAX_WORD = 1024
"""Bytes of one message of a negotiation."""
MAX_NOISE = 65_535
"""Bytes of one encrypted message (Noise, section 3)."""
MAX_PIECE = 1_048_576
"""Bytes of one frame of the multiplexer."""
MAX_UNREAD = 4_194_304
"""Bytes that a peer may have sent on a connection before anyone has read them."""


class TcpLine(IRawConnection):
    """A TCP stream as libp2p wants it: reads are whole and bounded, a write is never left half done."""

    def __init__(self, stream: trio.SocketStream, *, outbound: bool) -> None:
        self.is_initiator = outbound
        self.bytes_in = 0
        self.bytes_out = 0
        self.limit = MAX_WORD
        self._stream = stream
        with suppress(OSError):
            peer = stream.socket.getpeername()
            self._remote: tuple[str, int] | None = (str(peer[0]), int(peer[1]))
            self.addr = of_socket(*self._remote)
            return
        self._remote, self.addr = None, ""

    async def read(self, n: int | None = None) -> bytes:
        """`n` bytes, all of them; without `n`, some."""
        if n is None:
            return await self._some(65_536)
        if n > self.limit:
            raise ConnectionClosedError(f"a message of {n} bytes was announced")
        parts = bytearray()
        while len(parts) < n:
            part = await self._some(n - len(parts))
            if not part:
                raise ConnectionClosedError("the connection ended")
            parts += part
        return bytes(parts)

    async def _some(self, most: int) -> bytes:
        try:
            data = await self._stream.receive_some(most)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionClosedError("the connection is gone") from error
        self.bytes_in += len(data)
        return bytes(data)

    async def write(self, data: bytes) -> None:
        # A frame that is half written, or encrypted and not written, would spoil everything after it.
        with trio.CancelScope(shield=True, deadline=trio.current_time() + WRITE_PATIENCE) as scope:
            try:
                await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise ConnectionClosedError("the connection is gone") from error
        if scope.cancelled_caught:
            await trio.aclose_forcefully(self._stream)
            raise ConnectionClosedError("the other side does not read")
        self.bytes_out += len(data)

    async def close(self) -> None:
        await trio.aclose_forcefully(self._stream)

    def get_remote_address(self) -> tuple[str, int] | None:
        return self._remote

    def get_transport_addresses(self) -> list[Any]:
        return []

    def get_connection_type(self) -> ConnectionType:
        return ConnectionType.DIRECT


class SecureLine:
    """A secured connection that remembers when it last heard a whole message, and bounds what is read at once."""

    def __init__(self, secure: ISecureConn) -> None:
        self._secure = cast("Any", secure)
        self.limit = MAX_WORD
        self.heard = trio.current_time()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._secure, name)

    async def read(self, n: int | None = None) -> bytes:
        if n is not None and n > self.limit:
            raise ConnectionClosedError(f"a message of {n} bytes was announced")
        data = cast("bytes", await self._secure.read(n))
        self.heard = trio.current_time()
        return data


class KeptYamux(Yamux):
    """Yamux that asks whether the other side is there, gives it up if it is not, and bounds what lies unread."""

    secured_conn: Any
    _ping_sent_time: float

    def __init__(self, secured: SecureLine, peer: ID) -> None:
        super().__init__(cast("ISecureConn", secured), peer)
        self._doubted = True
        self._stirred = trio.Event()
        self._spoke = 0.0

    @property
    def latency(self) -> float | None:
        """Seconds there and back, or None if that was not measured yet."""
        return self.rtt() or None

    def doubt(self) -> None:
        """Ask now whether the other side is there."""
        self._doubted = True
        self._stirred.set()

    @property
    def _ask_at(self) -> float:
        """When silence has lasted long enough."""
        heard: float = self.secured_conn.heard
        return heard + (DOUBT_AFTER if self._spoke > heard else PING_AFTER)

    async def _measure_rtt_loop(self) -> None:
        # In place of the library's: a question after some silence, so that of two sides only one asks.
        while not self.event_shutting_down.is_set():
            if self._doubted or trio.current_time() >= self._ask_at:
                self._doubted = False
                if not await self.answers():
                    await self.secured_conn.close()
                    return
            self._stirred = trio.Event()
            with trio.move_on_at(self._ask_at):
                await self._stirred.wait()

    async def _write_frame(self, data: bytes) -> None:
        if data[1] == TYPE_DATA:
            first = self._spoke <= self.secured_conn.heard
            self._spoke = trio.current_time()
            if first:
                self._stirred.set()
        await super()._write_frame(data)

    async def answers(self) -> bool:
        """Whether anything is heard of the other side within `PING_PATIENCE` seconds of a ping."""
        asked = trio.current_time()
        self._ping_id = (self._ping_id + 1) & 0xFFFFFFFF
        self._ping_event = trio.Event()
        with trio.move_on_after(PING_PATIENCE), suppress(Exception):
            self._ping_sent_time = trio.current_time()
            await self._write_frame(b"\0\x02\0\x01\0\0\0\0" + self._ping_id.to_bytes(4, "big"))
            await self._ping_event.wait()
        await trio.sleep(0.05)  # were this machine itself held up, an answer may lie there unread
        return self.secured_conn.heard > asked

    async def _read_data_body(self, length: int) -> bytes:
        unread = sum(map(len, self.stream_buffers.values()))
        if unread + length > MAX_UNREAD:
            # The only error after which the library closes the connection, whichever branch is reading.
            raise trio.TooSlowError
        with trio.fail_after(WRITE_PATIENCE * 2):
            return await super()._read_data_body(length)


class BoundedStream:
    """One stream of a connection, with whole reads of at most `limit` bytes."""

    def __init__(self, stream: YamuxStream) -> None:
        self.stream = stream
        self.limit = MAX_WORD

    async def read(self, n: int | None = None) -> bytes:
        if n is None:
            return await self.stream.read(self.limit)
        if n > self.limit:
            raise ConnectionClosedError(f"a message of {n} bytes was announced")
        parts = bytearray()
        while len(parts) < n:
            parts += await self.stream.read(n - len(parts))
        return bytes(parts)

    async def write(self, data: bytes) -> None:
        await self.stream.write(data)

    async def close(self) -> None:
        await self.stream.close()

    async def reset(self) -> None:
        await self.stream.reset()

    def get_remote_address(self) -> tuple[str, int] | None:
        return self.stream.get_remote_address()

    async def choose(self, protocol: str, *, then: bytes = b"") -> None:
        """As the one who opened the stream: ask for `protocol`, and say `then` in the same breath.

        With `then` the other side should be known to speak it: it takes what follows a no for another question.

        Raises:
            ProtocolNotSupportedError: the other side does not speak it.
            Exception: of other kinds; the stream is of no use.
        """
        hello, wanted = MULTISELECT_PROTOCOL_ID.encode() + b"\n", protocol.encode() + b"\n"
        with trio.fail_after(HANDSHAKE_PATIENCE):
            await self.write(framed(hello) + framed(wanted) + then)
            if await read_message(self, MAX_WORD) != hello:
                raise MultiselectClientError("this is no negotiation")
            if await read_message(self, MAX_WORD) != wanted:
                raise ProtocolNotSupportedError(protocol)

    async def offer(self, protocols: Iterable[str]) -> str:
        """As the other one: let one of `protocols` be chosen.

        Raises:
            Exception: of many kinds; the stream is of no use.
        """
        handlers: dict[TProtocol | None, StreamHandlerFn | None] = {TProtocol(name): None for name in protocols}
        chosen, _ = await Multiselect(handlers).negotiate(self._talk(), int(HANDSHAKE_PATIENCE))
        return str(chosen)

    def _talk(self) -> MultiselectCommunicator:
        return MultiselectCommunicator(cast("Any", self))


class Securing:
    """The handshakes of one node: Noise and nothing else, then Yamux and nothing else."""

    def __init__(self, keys: KeyPair) -> None:
        self._noise = NoiseTransport(keys, noise_privkey=create_new_key_pair().private_key)

    async def secure(self, line: TcpLine, peer: ID | None) -> SecureLine:
        """Prove the keys of both sides; with `peer`, the other one must be that.

        Raises:
            Exception: of many kinds; the connection is of no use.
        """
        await _agree(line, NOISE_ID, outbound=line.is_initiator)
        line.limit = MAX_NOISE
        if line.is_initiator:
            return SecureLine(await self._noise.secure_outbound(line, cast("Any", peer)))
        return SecureLine(await self._noise.secure_inbound(line))

    async def multiplex(self, secured: SecureLine, *, outbound: bool) -> KeptYamux:
        """Agree on Yamux.

        Raises:
            Exception: of many kinds; the connection is of no use.
        """
        await _agree(secured, TProtocol(YAMUX_ID), outbound=outbound)
        secured.limit = MAX_PIECE
        return KeptYamux(secured, secured.get_remote_peer())


async def _agree(line: object, protocol: TProtocol, *, outbound: bool) -> None:
    """Negotiate `protocol`, the only one (multistream-select 1.0)."""
    talk = MultiselectCommunicator(cast("Any", line))
    if outbound:
        await MultiselectClient().select_one_of((protocol,), talk, int(HANDSHAKE_PATIENCE))
    else:
        await Multiselect({protocol: None}).negotiate(talk, int(HANDSHAKE_PATIENCE))
