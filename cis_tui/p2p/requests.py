"""One request and one answer a stream: asking, and answering within bounds."""

# libp2p brings stubs of an old trio (trio-typing), which know neither its cancel scopes nor its nurseries as they are.
# pyright: reportUnknownMemberType=false, reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import trio
from libp2p.protocol_muxer.exceptions import ProtocolNotSupportedError

from cis_tui.core.errors import Unavailable
from cis_tui.p2p.connection import Connection, Connections
from cis_tui.p2p.entrance import Entrance
from cis_tui.p2p.framing import MAX_MESSAGE, framed, read_message
from cis_tui.p2p.link import Admission
from cis_tui.p2p.wire import BoundedStream

if TYPE_CHECKING:
    from libp2p.stream_muxer.yamux.yamux import YamuxStream

_log = logging.getLogger(__name__)

MAX_STREAMS = 32
"""Requests of one connection at the same time."""
READ_PATIENCE = 10.0
"""Seconds in which a request must have arrived whole."""
ANSWER_PATIENCE = 60.0
"""Seconds for an answer to be found and read by the peer."""

_SHORT = 65_536
"""Bytes of a request that is sent without waiting for the answer to its protocol."""

Answer = Callable[[str, str, bytes], Awaitable[bytes]]
"""Answers the request of a peer, in trio: DID, protocol, body."""
Raw = Callable[[Connection, BoundedStream], Awaitable[None]]
"""Speaks a protocol that is no request and answer."""


class NoAnswer(Exception):
    """A request is not answered; the message says why."""


async def exchange(connection: Connection, protocol: str, body: bytes) -> bytes:
    """The answer of a connected peer.

    Raises:
        Unavailable: there is none (CIS-P2P-003).
    """
    stream = None
    done = False
    try:
        stream = BoundedStream(await connection.muxed.open_stream())
        if protocol in connection.spoken and len(body) <= _SHORT:
            await stream.choose(protocol, then=framed(body))
        else:
            await stream.choose(protocol)
            await stream.write(framed(body))
        connection.spoken.add(protocol)
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
            await _reset(stream)


class Serving:
    """Answers the requests of those who are connected. Lives in the trio thread."""

    def __init__(
        self, entrance: Entrance, connections: Connections, protocols: Mapping[str, bool], answer: Answer
    ) -> None:
        self._entrance = entrance
        self._connections = connections
        self._protocols = protocols
        self._answer = answer
        self.raw: dict[str, Raw] = {}
        """Protocols that are no request and answer, for admitted peers and helpers."""

    def takes(self, connection: Connection) -> bool:
        """Whether one more request is taken over the connection now; `serve` must follow then."""
        if connection.streams >= MAX_STREAMS:
            self._entrance.refuse(connection.did, "too many requests at the same time", connection.line.addr)
            return False
        connection.streams += 1
        return True

    async def serve(self, connection: Connection, opened: YamuxStream) -> None:
        """Answer the request that comes over a stream."""
        stream = BoundedStream(opened)
        done = False
        try:
            with trio.move_on_after(ANSWER_PATIENCE):
                await self._serve(connection, stream)
                done = True
        except Exception as error:
            _log.debug("a request of %s failed: %r", connection.did, error)
        finally:
            connection.streams -= 1
            if not done or not opened.recv_closed:
                await _reset(stream)

    async def _serve(self, connection: Connection, stream: BoundedStream) -> None:
        did = connection.did
        if self._connections.admitted(connection, self._entrance.admits(did)) is Admission.REFUSE:
            self._entrance.refuse(did, "no longer admitted", connection.line.addr)
            await connection.close()
            return
        if not self._connections.allows(connection):
            self._entrance.refuse(did, "more requests than a peer may make", connection.line.addr)
            raise NoAnswer("too many")
        with trio.fail_after(READ_PATIENCE):
            protocol = await stream.offer(self._spoken_with(did))
            if protocol in self.raw:
                await self.raw[protocol](connection, stream)
                return
            body = await read_message(stream)
        answer = await self._answer(did, protocol, body)
        if len(answer) > MAX_MESSAGE:
            _log.error("an answer of %d bytes to %s is too large to be sent", len(answer), protocol)
            raise NoAnswer("too large")
        await stream.write(framed(answer))
        await stream.close()
        with trio.move_on_after(READ_PATIENCE / 2), suppress(Exception):
            await stream.read(1)  # its end: a reset before that would take the answer away

    def _spoken_with(self, did: str) -> list[str]:
        """The protocols that the peer may choose from."""
        admission = self._entrance.gate.admits(did)
        anyone = admission is not Admission.REFUSE
        spoken = [name for name, open in self._protocols.items() if admission is Admission.ADMIT or (anyone and open)]
        return [*spoken, *self.raw] if self._entrance.may_help(did) else spoken


async def _reset(stream: BoundedStream) -> None:
    with trio.CancelScope(shield=True), trio.move_on_after(1), suppress(Exception):
        await stream.reset()
